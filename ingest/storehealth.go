package ingest

import (
	"log/slog"
	"sync"
	"time"

	"github.com/forecare/forecare/devices"
)

// StoreState is how the Writer gets on with the readings store.
type StoreState string

// The states.
const (
	Storing StoreState = "storing" // or nothing to store
	Waiting StoreState = "waiting" // the store is away or busy; the Writer tries again by itself
	Halted  StoreState = "halted"  // the store lets nobody in; a person has to mend it
)

// WriterStatus is what the Writer has done since the process started.
type WriterStatus struct {
	State   StoreState
	Since   time.Time
	Detail  string        // what is wrong and what to do; "" while Storing
	Lines   uint64        // lines stored
	Refused uint64        // lines that the store refused; they are dead letters
	Lag     time.Duration // age in the log of what is being stored
}

// Status returns what the Writer has done so far.
func (w *Writer) Status() WriterStatus {
	s := w.health.status()
	s.Lines, s.Refused, s.Lag = w.lines.Load(), w.refused.Load(), w.lag()
	return s
}

// Ready returns nil unless the store lets nobody in; then an error whose
// message says what to do. A store that is away for a while is no reason:
// readings wait in the log, and devices never notice.
func (w *Writer) Ready() error {
	if s := w.health.status(); s.State == Halted {
		return devices.Errorf(devices.Unavailable, "%s", s.Detail)
	}
	return nil
}

func (w *Writer) lag() time.Duration {
	oldest := w.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, time.Since(time.Unix(0, oldest)))
}

// storeHealth remembers the state and logs when it changes, not at every try.
type storeHealth struct {
	logger *slog.Logger
	mu     sync.Mutex
	state  StoreState // "" is Storing
	since  time.Time
	detail string
}

func (h *storeHealth) status() WriterStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == "" {
		return WriterStatus{State: Storing, Since: h.since}
	}
	return WriterStatus{State: h.state, Since: h.since, Detail: h.detail}
}

// change reports whether the state is another one, and since when the last was.
func (h *storeHealth) change(to StoreState, detail string) (changed bool, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.detail = detail
	if h.state == to || h.state == "" && to == Storing {
		return false, h.since
	}
	since, h.since, h.state = h.since, time.Now(), to
	return true, since
}

func (h *storeHealth) good() {
	if changed, since := h.change(Storing, ""); changed {
		h.logger.Info("the readings store takes readings again", "away", time.Since(since).Round(time.Second).String())
	}
}

func (h *storeHealth) busy(err *WriteError) {
	detail := "The readings store is not taking readings at the moment (" + err.Error() + "). They wait in the log; Forecare keeps trying."
	if changed, _ := h.change(Waiting, detail); changed {
		h.logger.Warn("the readings store is away; readings wait in the log", "error", err)
	}
}

func (h *storeHealth) refused(err *WriteError) {
	detail := "The readings store refuses every reading (" + err.Error() + "). Check the URL, organisation, bucket and token of readings; nothing is lost meanwhile, and no restart is needed."
	if changed, _ := h.change(Halted, detail); changed {
		h.logger.Error("the readings store refuses every reading: check the URL, organisation, bucket and token of readings; nothing is lost meanwhile", "error", err)
	}
}

func (h *storeHealth) noDeadLetter(err error) {
	detail := "A line that the readings store refused cannot be kept as a dead letter (" + devices.MessageOf(err) + "). Forecare keeps trying."
	if changed, _ := h.change(Waiting, detail); changed {
		h.logger.Warn("a refused line cannot be kept as a dead letter yet", "error", err)
	}
}
