package bus

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/forecare/forecare/devices"
)

// smallestPayload is the least that a dialled server must take as one message:
// 512 KiB of lines or 256 KiB of an event, and what is written around them.
const smallestPayload = 600 << 10

// Bus is an open log. Its methods may be called concurrently. The errors of
// its Append and Publish methods are devices.Unavailable: the same call may
// succeed later.
type Bus struct {
	options Options
	logger  *slog.Logger
	server  *embedded // nil if the log is dialled
	conn    *nats.Conn
	js      jetstream.JetStream
	link    link
	metrics metrics
}

// Open starts or dials the log and makes sure that its streams exist. ctx
// bounds the opening only.
func Open(ctx context.Context, o Options) (*Bus, error) {
	o, where, err := o.resolve()
	if err != nil {
		return nil, err
	}
	b := &Bus{options: o, logger: o.Logger}
	if where.directory != "" {
		if b.server, err = startServer(o, where); err != nil {
			return nil, err
		}
	}
	if err := b.connect(ctx, where); err != nil {
		return nil, errors.Join(err, b.Close(context.WithoutCancel(ctx)))
	}
	if err := b.createStreams(ctx); err != nil {
		return nil, errors.Join(err, b.Close(context.WithoutCancel(ctx)))
	}
	b.metrics = newMetrics(o.Registerer, b)
	return b, nil
}

func (b *Bus) connect(ctx context.Context, where place) error {
	options := []nats.Option{
		nats.Name("forecare"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		// While the server is away a publish fails at once, instead of being
		// taken into memory and told to nobody.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.link.broken()
			if err != nil {
				b.logger.Warn("the log is out of reach; trying again", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { b.logger.Info("the log is back", "server", c.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			b.logger.Warn("the connection to the log reports an error", "subject", subject, "error", err)
		}),
	}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, nats.Timeout(time.Until(deadline)))
	}
	if b.server != nil {
		options = append(options, nats.InProcessServer(b.server.server))
	}
	var err error
	if b.conn, err = nats.Connect(where.servers, options...); err != nil {
		return devices.Wrap(err, devices.Unavailable, "The log cannot be reached. Check its URL and that the server runs.")
	}
	if got := b.conn.MaxPayload(); got < smallestPayload {
		return devices.Errorf(devices.Invalid, "The log's server takes messages of up to %d bytes; set its max_payload to %d or more.", got, smallestPayload)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		return devices.Wrap(err, devices.Internal, "The log cannot be opened.")
	}
	return nil
}

// Close lets go of the log; an embedded one is stopped. Consumers must have
// ended before. ctx bounds how long it waits.
func (b *Bus) Close(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if b.conn != nil {
		if b.conn.IsConnected() {
			// What was published without waiting (notices, commands) goes out.
			_ = b.conn.FlushWithContext(ctx)
		}
		b.conn.Close()
		b.link.broken()
	}
	if b.server == nil {
		return nil
	}
	return b.server.stop(ctx)
}

// Ready returns nil while the log can be reached, else an error whose message
// says so.
func (b *Bus) Ready() error {
	if b.conn.IsConnected() {
		return nil
	}
	return devices.Errorf(devices.Unavailable, "The log is out of reach; devices are not acknowledged and will send again. Forecare keeps trying.")
}

// Shards returns the number of shards that were configured.
func (b *Bus) Shards() int { return b.options.Shards }

// Durability returns the level that an acknowledgement stands for; "" if the
// dialled server decides. [TP-9.6]
func (b *Bus) Durability() string { return b.options.Durability }
