package outreach_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
	"github.com/forecare/forecare/outreach"
)

// provider takes messages and remembers how often it was given each.
type provider struct {
	idempotent bool
	mu         sync.Mutex
	taken      map[string]int
}

func (p *provider) take(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[id]++
}

var errDead = errors.New("the process is dead")

// process is a dispatcher's side of the world, which ends after so many steps:
// every look into the store, every write and every send has a moment before
// and one after it. Nothing it does after its end has any effect.
type process struct {
	*sqlstore.DB
	provider *provider
	fuse     atomic.Int64
}

func (p *process) step() error {
	if p.fuse.Add(-1) < 0 {
		return errDead
	}
	return nil
}

func (p *process) dead() bool { return p.fuse.Load() < 0 }

func (p *process) Name() string     { return "email" }
func (p *process) Idempotent() bool { return p.provider.idempotent }

func (p *process) Send(_ context.Context, e outreach.Envelope) (outreach.Receipt, error) {
	if err := p.step(); err != nil {
		return outreach.Receipt{}, err
	}
	p.provider.take(e.ID)
	return outreach.Receipt{}, p.step()
}

func (p *process) LeaseMessages(ctx context.Context, l outreach.Lease) ([]outreach.Message, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	list, err := p.DB.LeaseMessages(ctx, l)
	if len(list) == 0 && err == nil {
		p.fuse.Add(1) // only what has an effect counts
		return nil, nil
	}
	return list, errors.Join(err, p.step())
}

func (p *process) SettleMessages(ctx context.Context, all []outreach.Settlement) ([]int, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	done, err := p.DB.SettleMessages(ctx, all)
	return done, errors.Join(err, p.step())
}

func (p *process) Touches(ctx context.Context, tenant, contact string, since time.Time) ([]outreach.Touch, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	return p.DB.Touches(ctx, tenant, contact, since)
}

// offers opens n cases, each with an offer in the outbox.
func (h *house) offers(n int) {
	for i := range n {
		h.find(h.device(fmt.Sprintf("d%03d", i)), "temp", 1, anomaly.Opened)
	}
}

// live runs a process until it dies or the outbox is empty, and reports which.
func (h *house) live(p *provider, fuse int64) (died bool) {
	h.t.Helper()
	life := &process{DB: h.db, provider: p}
	life.fuse.Store(fuse)
	h.dispatch(h.dispatcher([]outreach.Channel{life}, func(o *outreach.DispatcherOptions) {
		o.Store = life
		o.Policy = outreach.DefaultPolicy()
		o.Policy.Retry.First = 1 // at once
	}), func() bool {
		return life.dead() || h.empty()
	})
	return life.dead()
}

func (h *house) empty() bool {
	depth, err := h.db.OutboxDepth(h.t.Context())
	h.must(err)
	return depth["email"] == 0
}

// audit compares what the store believes with what the provider got.
func (h *house) audit(p *provider, n int) {
	h.t.Helper()
	page, err := h.desk.Cases(h.t.Context(), outreach.CaseFilter{Limit: 1000})
	h.must(err)
	if page.Total != n {
		h.t.Fatalf("%d cases, want %d", page.Total, n)
	}
	for _, c := range page.Cases {
		list := h.messages(c)
		if len(list) != 1 {
			h.t.Fatalf("%d messages", len(list))
		}
		m, taken := list[0], p.taken[list[0].ID]
		switch {
		case p.idempotent && m.State == outreach.Sent && taken >= 1:
		case !p.idempotent && m.State == outreach.Sent && taken == 1:
		case !p.idempotent && m.State == outreach.Unknown && taken <= 1 && c.Attention != "": // a person looks after it
		default:
			h.t.Fatalf("message is %s and was taken %d times, attention %q", m.State, taken, c.Attention)
		}
	}
}

// The process is killed at every single step of sending one message.
func TestKilledAtEveryStep(t *testing.T) {
	for _, idempotent := range []bool{false, true} {
		t.Run(fmt.Sprintf("idempotent=%v", idempotent), func(t *testing.T) {
			for fuse := int64(0); ; fuse++ {
				h := sqlite(t)
				h.offers(1)
				p := &provider{idempotent: idempotent, taken: map[string]int{}}
				died := h.live(p, fuse)
				h.turn(2*time.Minute + time.Second) // the lease of the dead runs out
				h.live(p, 1000)
				h.audit(p, 1)
				if !died {
					if fuse < 7 {
						t.Fatalf("only %d steps: the test does not see them", fuse)
					}
					return
				}
			}
		})
	}
}

// Many messages, and one short life after the other.
func TestKilledAgainAndAgain(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db)
		const n = 60
		h.offers(n)
		p := &provider{taken: map[string]int{}}
		lives := 0
		for fuse := int64(3); h.live(p, fuse); fuse = (fuse*7 + 5) % 31 {
			lives++
			h.turn(2*time.Minute + time.Second) // the lease of the dead runs out
		}
		h.audit(p, n)
		if lives < 5 {
			t.Errorf("only %d lives", lives)
		}
		t.Logf("%d lives, %d messages taken", lives, len(p.taken))
	})
}

// Two dispatchers on one outbox send each message once.
func TestTwoDispatchers(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		h := newHouse(t, db)
		const n = 200
		h.offers(n)
		p := &provider{taken: map[string]int{}}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 2 {
			life := &process{DB: db, provider: p}
			life.fuse.Store(1 << 40)
			d := h.dispatcher([]outreach.Channel{life}, func(o *outreach.DispatcherOptions) { o.Store = life })
			running.Go(func() { // waited for below
				if err := d.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, h.empty)
		cancel()
		running.Wait()
		h.audit(p, n)
		if len(p.taken) != n {
			t.Errorf("%d messages taken, want %d", len(p.taken), n)
		}
	})
}

// Two desks take the same findings at once: one case, one message.
func TestTwoDesks(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		a, b := newHouse(t, db), newHouse(t, db)
		for i := range 10 {
			key := a.device(fmt.Sprintf("d%d", i))
			var both sync.WaitGroup
			errs := make([]error, 4)
			for n, h := range []*house{a, b, a, b} {
				metric := []string{"temp", "temp", "flow", "flow"}[n] // the same device, two findings
				both.Go(func() {                                      // waited for below
					for errs[n] = errUnavailable; devices.CodeOf(errs[n]) == devices.Unavailable; { // as the bus would
						errs[n] = h.desk.HandleFinding(t.Context(), finding(key, metric, 1, anomaly.Opened, noon))
					}
				})
			}
			both.Wait()
			for _, err := range errs {
				a.must(err)
			}
			c := a.only(key)
			if len(c.Findings) != 2 {
				t.Fatalf("findings %v", c.Findings)
			}
			a.wantWrote(c, "offer/1 pending")
		}
	})
}

var errUnavailable = devices.Errorf(devices.Unavailable, "not yet tried")
