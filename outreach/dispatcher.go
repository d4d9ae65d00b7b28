package outreach

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// DispatcherOptions is what a Dispatcher is made of. Zero values mean: the
// default policy, 16 sends at a time, a look at the outbox every second, 30 s
// for a send, two minutes for a lease, a random name, "Forecare", nobody to
// notify, time.Now, silence, no metrics.
type DispatcherOptions struct {
	Store     Outbox
	Directory Directory
	Channels  map[string]Channel
	// Picture draws what was seen, as a PNG, for a message in lang; nil for
	// no pictures. A message whose picture fails goes without.
	Picture     func(c *Case, lang string) ([]byte, error)
	Policy      Policy
	Concurrency int
	Every       time.Duration
	Timeout     time.Duration // for one send
	Lease       time.Duration // much longer than Timeout
	Name        string        // names this process in leases; no two may share it
	Brand       func(tenant string) string
	Notify      func(kind, tenant, id, text string)
	Now         func() time.Time
	Logger      *slog.Logger
	Registerer  prometheus.Registerer
}

// Dispatcher sends the outbox's messages. It marks a message as being sent
// before it sends it, so that after a crash it is known which messages may
// have gone out: those are sent again only on channels where that is harmless,
// and otherwise become Unknown, for a person to look at. Several dispatchers
// may work on one store.
type Dispatcher struct {
	o        DispatcherOptions
	metrics  *dispatcherMetrics
	breakers map[string]*breaker // one for each channel
}

// NewDispatcher returns a Dispatcher. It starts nothing: see Run.
func NewDispatcher(o DispatcherOptions) *Dispatcher {
	if o.Policy.Version == "" {
		o.Policy = DefaultPolicy()
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 16
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Lease < 2*o.Timeout {
		o.Lease = 4 * o.Timeout
	}
	if o.Name == "" {
		o.Name = rand.Text()
	}
	if o.Brand == nil {
		o.Brand = func(string) string { return "Forecare" }
	}
	if o.Notify == nil {
		o.Notify = func(kind, tenant, id, text string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{o: o, metrics: newDispatcherMetrics(o.Registerer), breakers: map[string]*breaker{}}
	for name := range o.Channels {
		d.breakers[name] = &breaker{}
	}
	return d
}

// stopGrace is how long sends under way may go on once Run has to stop.
const stopGrace = 5 * time.Second

// Run sends until ctx ends. Sends that are under way then have a few seconds
// to finish; what became of them is stored before Run returns.
func (d *Dispatcher) Run(ctx context.Context) error {
	// What is being sent, and written down, must not be torn by the end of ctx.
	lasting := context.WithoutCancel(ctx)
	sending, abort := context.WithCancel(lasting)
	defer abort()

	var workers, settler sync.WaitGroup
	outcomes := make(chan Settlement, d.o.Concurrency)
	settler.Go(func() { d.settle(lasting, outcomes) }) // waited for below

	room := make(chan struct{}, d.o.Concurrency)
	t := time.NewTicker(d.o.Every)
	defer t.Stop()
	var failing bool
	for looked := (time.Time{}); ctx.Err() == nil; {
		err := d.housekeep(ctx, &looked)
		var taken, free int
		if err == nil {
			taken, free, err = d.lease(ctx, room, func(m Message) {
				workers.Go(func() { // waited for below
					outcomes <- d.deliver(sending, m)
					<-room
				})
			})
		}
		if err != nil && !failing && ctx.Err() == nil {
			d.o.Logger.Warn("outbox cannot be read, trying again", "error", err)
		}
		failing = err != nil
		if err == nil && taken == free && taken > 0 {
			// There may be more: go on as soon as there is room.
			select {
			case room <- struct{}{}:
				<-room
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	stop := time.AfterFunc(stopGrace, abort)
	workers.Wait()
	stop.Stop()
	close(outcomes)
	settler.Wait()
	return nil
}

// lease takes as many messages as there is room for and starts them. All that
// it marks as being sent is sent at once; nothing waits under a lease.
func (d *Dispatcher) lease(ctx context.Context, room chan struct{}, start func(Message)) (taken, free int, err error) {
	free = cap(room) - len(room)
	channels := d.ready()
	if free == 0 || len(channels) == 0 {
		return 0, free, nil
	}
	now := d.o.Now()
	due, err := d.o.Store.LeaseMessages(ctx, Lease{
		Owner: d.o.Name, Channels: channels, Now: now, Until: now.Add(d.o.Lease), Limit: free,
	})
	if err != nil {
		return 0, free, err
	}
	for _, m := range due {
		room <- struct{}{} // only this goroutine fills it, so there is room
		start(m)
	}
	return len(due), free, nil
}

// ready returns the channels that are not paused.
func (d *Dispatcher) ready() []string {
	now := d.o.Now()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.o.Channels)), func(name string) bool {
		return d.breakers[name].open(now)
	})
}

// housekeep looks after leases that ran out and after the gauges, now and then.
func (d *Dispatcher) housekeep(ctx context.Context, looked *time.Time) error {
	now := d.o.Now()
	if now.Sub(*looked) < min(10*time.Second, d.o.Lease/4) {
		return nil
	}
	if err := d.expire(ctx, now); err != nil {
		return err
	}
	depth, err := d.o.Store.OutboxDepth(ctx)
	if err != nil {
		return err
	}
	for name, b := range d.breakers {
		d.metrics.depth.WithLabelValues(name).Set(float64(depth[name]))
		d.metrics.paused.WithLabelValues(name).Set(b.gauge(now))
	}
	*looked = now
	return nil
}

// expire settles what a dispatcher left behind that died while sending.
func (d *Dispatcher) expire(ctx context.Context, now time.Time) error {
	for {
		left, err := d.o.Store.ExpiredLeases(ctx, now, batch)
		if err != nil || len(left) == 0 {
			return err
		}
		all := make([]Settlement, len(left))
		for i, m := range left {
			m.Attempts++
			all[i] = d.unknown(Settlement{Message: m, At: now, Expired: true}, "The sender stopped in the middle of it.")
		}
		if err := d.store(ctx, all); err != nil {
			return err
		}
	}
}

// settle stores outcomes until the channel is closed. Those that come together
// are stored together, because every transaction costs a write to disk.
func (d *Dispatcher) settle(ctx context.Context, outcomes <-chan Settlement) {
	for first := range outcomes {
		all := []Settlement{first}
		for more := true; more; {
			select {
			case s, ok := <-outcomes:
				if more = ok; ok {
					all = append(all, s)
				}
			default:
				more = false
			}
		}
		wait := 50 * time.Millisecond
		for tries := 1; ; tries++ {
			err := d.store(ctx, all)
			if err == nil {
				break
			}
			if tries == 8 || devices.CodeOf(err) != devices.Unavailable { // some six seconds
				// The leases run out, and then the messages are taken for what
				// they are: nobody knows what became of them.
				d.o.Logger.Error("what became of messages cannot be stored", "messages", len(all), "error", err)
				break
			}
			<-time.After(wait)
			wait *= 2
		}
	}
}

func (d *Dispatcher) store(ctx context.Context, all []Settlement) error {
	done, err := d.o.Store.SettleMessages(ctx, all)
	if err != nil {
		return err
	}
	for _, i := range done {
		d.announce(all[i])
	}
	return nil
}
