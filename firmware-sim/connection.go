package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/forecare/forecare/devices"
)

// Limits of one connection.
const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 5 * time.Second
	keepAlive    = 30 * time.Second
	hangUp       = 250 * time.Millisecond
)

// ErrRefused says that the broker does not take the device's credentials.
var ErrRefused = errors.New("the broker refuses the device's credentials")

// connection is one MQTT connection, from dialling to its end. Each has a paho
// client of its own: paho's reconnecting completes the tokens of publishes
// without an error before their PUBACK came, and one client per connection
// leaves a token no way to complete without an error but the PUBACK.
type connection struct {
	client mqtt.Client
	gone   chan struct{} // closed when the connection is no more
	tokens sync.WaitGroup

	mu     sync.Mutex
	ended  bool
	socket net.Conn
}

// caller is who connects: whose will is left behind, and who gets what comes
// down. receive may block; the message is acknowledged when it returns.
type caller struct {
	broker   *url.URL
	key      devices.Key
	token    string
	will     []byte // for its state topic; nil for none
	receive  func(c *connection, topic string, payload []byte)
	listenTo string // topic filter, QoS 1; empty for none
}

// brokerURL reads a broker's address: tcp://host:port, or ssl:// for TLS.
func brokerURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, devices.Errorf(devices.Invalid, "the broker address %q is no URL; use tcp://host:1883 or ssl://host:8883", s)
	}
	port := "1883"
	switch u.Scheme {
	case "tcp", "mqtt":
	case "ssl", "tls", "mqtts":
		port = "8883"
	default:
		return nil, devices.Errorf(devices.Invalid, "the broker address %q has the scheme %q; use tcp:// or ssl://", s, u.Scheme)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return u, nil
}

// dial connects, with a persistent session, and subscribes.
func dial(ctx context.Context, who caller) (*connection, error) {
	c := &connection{gone: make(chan struct{})}
	o := mqtt.NewClientOptions().
		AddBroker(who.broker.String()).
		SetClientID(who.key.String()).
		SetUsername(who.key.String()).
		SetPassword(who.token).
		SetProtocolVersion(4).
		SetCleanSession(false).
		SetAutoReconnect(false).
		SetConnectTimeout(dialTimeout).
		SetWriteTimeout(writeTimeout).
		SetKeepAlive(keepAlive).
		SetCustomOpenConnectionFn(func(u *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
			socket, err := open(ctx, u)
			if err != nil {
				return nil, err
			}
			return socket, c.hold(socket)
		}).
		SetConnectionLostHandler(func(mqtt.Client, error) { c.end() }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			who.receive(c, m.Topic(), m.Payload())
		})
	if who.will != nil {
		o.SetBinaryWill(devices.Topic{Key: who.key, Kind: devices.TopicState}.String(), who.will, 1, true)
	}
	c.client = mqtt.NewClient(o)
	if err := c.await(ctx, c.client.Connect()); err != nil {
		if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
			return nil, ErrRefused
		}
		return nil, err
	}
	if who.listenTo != "" {
		if err := c.await(ctx, c.client.Subscribe(who.listenTo, 1, nil)); err != nil {
			c.cut()
			return nil, err
		}
	}
	return c, nil
}

func open(ctx context.Context, u *url.URL) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	switch u.Scheme {
	case "ssl", "tls", "mqtts":
		return (&tls.Dialer{NetDialer: dialer}).DialContext(ctx, "tcp", u.Host)
	}
	return dialer.DialContext(ctx, "tcp", u.Host)
}

// await waits for a token, not longer than ctx.
func (c *connection) await(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-c.gone:
		return net.ErrClosed
	case <-ctx.Done():
		c.cut()
		return ctx.Err()
	}
}

// publish sends a message with QoS 1 and calls acked, from another goroutine,
// when and only when its PUBACK has come.
func (c *connection) publish(m *message, acked func()) {
	token := c.client.Publish(m.topic, 1, m.retained, m.payload)
	c.tokens.Go(func() { // ends with the token or the connection; cut and close wait
		select {
		case <-token.Done():
			if token.Error() != nil {
				c.end() // it may or may not have gone out: only a new connection can tell
				return
			}
			acked()
		case <-c.gone:
		}
	})
}

// hold keeps the socket so that cut can close it.
func (c *connection) hold(socket net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = socket.Close()
		return net.ErrClosed
	}
	c.socket = socket
	return nil
}

// end marks the connection as gone.
func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		close(c.gone)
	}
}

// close says goodbye and hangs up; the will is not executed.
func (c *connection) close() {
	c.client.Disconnect(uint(hangUp / time.Millisecond))
	c.cut()
}

// cut hangs up as a dead line does; the broker executes the will.
func (c *connection) cut() {
	c.end()
	c.mu.Lock()
	socket := c.socket
	c.mu.Unlock()
	if socket != nil {
		_ = socket.Close() // what it has to say is of no interest any more
	}
	c.client.Disconnect(0)
	c.tokens.Wait()
}
