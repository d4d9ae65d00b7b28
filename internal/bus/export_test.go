package bus

import "context"

// What only tests see of the package.
var (
	Escape   = escape
	Unescape = unescape
)

// ClientURL is where a second client reaches an embedded log that listens.
func (b *Bus) ClientURL() string { return b.server.server.ClientURL() }

// DropConnections cuts every client off, as a broken network would.
func (b *Bus) DropConnections() error {
	connections, err := b.server.server.Connz(nil)
	if err != nil {
		return err
	}
	for _, c := range connections.Conns {
		if err := b.server.server.DisconnectClientByID(c.Cid); err != nil {
			return err
		}
	}
	return nil
}

// Forget deletes what the server knows of a durable consumer.
func (b *Bus) Forget(ctx context.Context, stream, durable string) error {
	return b.js.DeleteConsumer(ctx, stream, durable)
}
