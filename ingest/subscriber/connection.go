package subscriber

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// connection is one connection to the broker, with a paho client of its own:
// one that reconnects by itself completes the tokens of commands as if they had
// been sent, and keeps state that only a fresh one is certainly free of.
type connection struct {
	s       *Subscriber
	client  paho.Client
	present bool        // the broker knew our session
	acked   atomic.Bool // a message was acknowledged

	flights chan *flight // not acknowledged yet, in the order of arrival
	budget  budget
	settled chan struct{} // closed when acknowledge has returned

	closing chan struct{} // closed: no further message is taken
	dead    chan struct{} // closed: the network connection has ended

	mu       sync.Mutex
	wire     *wire
	why      error // for which it ended
	isClosed bool
}

func newConnection(s *Subscriber) *connection {
	c := &connection{
		s:       s,
		flights: make(chan *flight, s.limits.Inflight-1), // one more is in acknowledge
		budget:  newBudget(s.limits.InflightBytes),
		settled: make(chan struct{}),
		closing: make(chan struct{}), dead: make(chan struct{}),
	}
	s.metrics.watch(c)
	return c
}

// open connects and subscribes.
func (c *connection) open(ctx context.Context) error {
	go c.acknowledge() // abandon waits for it
	password, err := c.s.options.Password()
	if err != nil {
		return err
	}
	c.client = paho.NewClient(c.configure(ctx, password))
	token := c.client.Connect().(*paho.ConnectToken)
	select {
	case <-token.Done():
	case <-ctx.Done():
		c.end(errStopping)
		<-token.Done() // bounded: neither dialling nor the wire outlives ctx
	}
	if err := token.Error(); err != nil {
		c.client = nil
		return c.s.explain(err)
	}
	c.present = token.SessionPresent()
	if err := c.subscribe(ctx); err != nil {
		return err
	}
	return c.watchDropped(ctx)
}

// configure returns paho's options. DESIGN.md says why they are as they are.
func (c *connection) configure(ctx context.Context, password string) *paho.ClientOptions {
	l := c.s.limits
	o := paho.NewClientOptions()
	o.AddBroker("tcp://" + c.s.address) // for form's sake: connect dials
	o.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return c.connect(ctx) })
	o.SetClientID(c.s.options.ClientID)
	o.SetUsername(c.s.options.Username)
	o.SetPassword(password)
	o.SetProtocolVersion(4) // else every refusal is followed by an attempt with MQTT 3.1
	o.SetCleanSession(false)
	o.SetStore(noStore{})
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	o.SetAutoAckDisabled(true)
	o.SetOrderMatters(true)
	o.SetKeepAlive(l.Keepalive)
	o.SetPingTimeout(l.Connect)
	o.SetConnectTimeout(l.Connect)
	o.SetWriteTimeout(l.Command)
	// The session's backlog comes right behind CONNACK, before we subscribe.
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { c.take(m) })
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { c.end(err) })
	return o
}

// connect opens the network connection.
func (c *connection) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.s.limits.Connect)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.s.address)
	if err != nil {
		return nil, err
	}
	if c.s.secure {
		t := tls.Client(nc, c.s.options.TLS)
		if err := t.HandshakeContext(ctx); err != nil {
			nc.Close()
			return nil, err
		}
		nc = t
	}
	w := newWire(nc, c.s.limits.Write, c.end)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != nil {
		nc.Close()
		return nil, c.why
	}
	c.wire = w
	return w, nil
}

// subscribe asks for what the fleet publishes, on every connection: the
// session may be new, and its filters of an older configuration.
func (c *connection) subscribe(ctx context.Context) error {
	want := make(map[string]byte)
	for _, f := range c.s.filters {
		want[f] = 1
	}
	token := c.client.SubscribeMultiple(want, nil).(*paho.SubscribeToken)
	if err := c.wait(ctx, token, c.s.limits.Connect); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	for filter, granted := range token.Result() {
		if granted > 2 {
			return fmt.Errorf("the broker does not let the user %q subscribe to %s; permit it there", c.s.options.Username, filter)
		}
		if granted == 0 {
			return fmt.Errorf("the broker grants QoS 0 only for %s; it could not deliver again what is not stored", filter)
		}
	}
	return nil
}

var (
	errStopping = errors.New("this process is stopping")
	errSlow     = errors.New("the broker did not answer in time")
)

// wait waits for a token, unless the connection or ctx ends. A token by itself
// may never complete once the connection is lost.
func (c *connection) wait(ctx context.Context, t paho.Token, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-c.dead:
		return c.cause()
	case <-ctx.Done():
		return errStopping
	case <-late.C:
		return errSlow
	}
}

// end ends the network connection, for the first reason that is given.
func (c *connection) end(why error) {
	c.retreat(why)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wire != nil {
		c.wire.kill(c.why)
	}
}

// retreat gives the connection up, for the first reason that is given: nothing
// more is taken or acknowledged. What has been acknowledged may still be on its
// way out.
func (c *connection) retreat(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != nil {
		return
	}
	c.why = why
	c.close()
	close(c.dead)
}

// close takes no further message. c.mu must be held.
func (c *connection) close() {
	if !c.isClosed {
		c.isClosed = true
		close(c.closing)
	}
}

func (c *connection) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// farewell is how long a DISCONNECT may take, in milliseconds.
const farewell = 1000

// leave ends the connection kindly: what was taken is acknowledged first.
func (c *connection) leave() {
	c.mu.Lock()
	c.close()
	c.mu.Unlock()
	late := time.NewTimer(c.s.limits.Stop)
	defer late.Stop()
	select {
	case <-c.settled:
	case <-late.C:
		c.s.log.Warn("stopped before every message was answered; the broker will deliver these again")
	}
	if c.client != nil {
		c.client.Disconnect(farewell)
	}
	c.end(errStopping)
}

// abandon ends the connection at once and waits, not for ever, until nothing
// of it is left: else messages in work would meet their own redelivery.
func (c *connection) abandon(ctx context.Context, why error) {
	defer c.s.metrics.watch(nil)
	if endingOf(why) == "fault" && c.client != nil {
		c.client.Disconnect(farewell) // behind the acknowledgements
	}
	c.end(why)
	if c.client != nil {
		// It returns at once if paho is done, and waits if it is about to.
		c.client.Disconnect(uint(c.s.limits.Stop / time.Millisecond))
	}
	late := time.NewTimer(2 * c.s.limits.Stop)
	defer late.Stop()
	select {
	case <-c.settled:
	case <-ctx.Done(): // leave has waited, or there is nothing to come back for
	case <-late.C:
		c.s.log.Warn("messages are still not answered; the broker delivers them again meanwhile")
	}
}
