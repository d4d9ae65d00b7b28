package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

const (
	heartbeat   = 15 * time.Second
	streamDepth = 64   // notices that a slow reader may be behind
	maxStreams  = 2000 // of all readers together
	writeWithin = 10 * time.Second
	hubRetry    = 2 * time.Second
)

// hub passes notices to whoever reads an event stream. It never waits for a
// reader: one that is behind is dropped, connects again and is told to read
// everything anew.
type hub struct {
	live     Live
	metrics  *metrics
	onNotice func(Notice)

	mu      sync.Mutex
	streams map[*stream]struct{}
	closed  chan struct{} // ends every stream
}

type stream struct {
	tenant  string
	notices chan Notice
	dropped chan struct{}
	once    sync.Once
}

func newHub(live Live, m *metrics) *hub {
	return &hub{live: live, metrics: m, streams: map[*stream]struct{}{}, closed: make(chan struct{})}
}

// run listens until ctx ends and then ends every stream.
func (h *hub) run(ctx context.Context) error {
	defer close(h.closed)
	for h.live != nil && ctx.Err() == nil {
		if err := h.live.Notices(ctx, h.pass); err == nil || ctx.Err() != nil {
			break
		}
		h.everybody(Notice{Kind: "resync"}) // what happened meanwhile is not known
		select {
		case <-ctx.Done():
		case <-time.After(hubRetry):
		}
	}
	<-ctx.Done()
	return nil
}

// pass gives a notice to the readers of its tenant. A registry notice without
// a tenant is for all.
func (h *hub) pass(n Notice) {
	if h.onNotice != nil {
		h.onNotice(n)
	}
	h.everybody(n)
}

func (h *hub) everybody(n Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.streams {
		if n.Tenant != "" && n.Tenant != s.tenant {
			continue
		}
		select {
		case s.notices <- n:
		default:
			delete(h.streams, s)
			s.once.Do(func() { close(s.dropped) })
			h.metrics.dropped.Inc()
		}
	}
	h.metrics.streams.Set(float64(len(h.streams)))
}

func (h *hub) join(tenant string) (*stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) >= maxStreams {
		return nil, devices.Errorf(devices.Unavailable, "Too many live pages are open. This page shows what was true when it was loaded.")
	}
	s := &stream{tenant: tenant, notices: make(chan Notice, streamDepth), dropped: make(chan struct{})}
	h.streams[s] = struct{}{}
	h.metrics.streams.Set(float64(len(h.streams)))
	return s, nil
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.streams)
}

func (h *hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
	h.metrics.streams.Set(float64(len(h.streams)))
}

// serve writes notices as server-sent events until the reader goes away, is
// too slow, or loses its right to read. Data is the id of what changed; who
// wants to know more asks for it.
func (h *hub) serve(w http.ResponseWriter, r *http.Request, tenant string, stillAllowed func(context.Context) bool) error {
	s, err := h.join(tenant)
	if err != nil {
		return err
	}
	defer h.leave(s)
	control := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	// Who comes back has missed something.
	if !send("retry: 3000\n\nid: 1\nevent: hello\ndata: {\"again\":%t}\n\n", r.Header.Get("Last-Event-Id") != "") {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		ok := true
		select {
		case n := <-s.notices:
			ok = send("id: 1\nevent: %s\ndata: %s\n\n", eventName(n.Kind), eventData(n))
		case <-beat.C:
			ok = stillAllowed(r.Context()) && send("event: beat\ndata: {}\n\n")
		case <-s.dropped:
			return nil
		case <-h.closed:
			return nil
		case <-r.Context().Done():
			return nil
		}
		if !ok {
			return nil
		}
	}
}
