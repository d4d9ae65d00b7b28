package bus

import (
	"context"
	"encoding/json"

	"github.com/forecare/forecare/devices"
)

// The subjects of what is not kept. [TP-9.8]
const (
	commandPrefix = "command."
	noticeSubject = "notice"
)

// SendCommand passes a command to every process that has doors; the one that
// has the device's connection sends it on. Nothing is kept: nil means only
// that it went out, so the sender repeats it until the device acknowledges.
func (b *Bus) SendCommand(ctx context.Context, c devices.Command) error {
	body, err := json.Marshal(c)
	if err != nil {
		return devices.Wrap(err, devices.Invalid, "The command %s cannot be written as JSON.", c.ID)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err = b.conn.Publish(commandPrefix+escape(c.Key.Tenant), body); err == nil {
		err = b.conn.FlushWithContext(ctx)
	}
	if err != nil {
		return devices.Wrap(err, devices.Unavailable, "The command %s could not be passed on.", c.ID)
	}
	return nil
}

// Commands calls handle for every command sent while ctx lives, one after the
// other; it returns nil when ctx ends.
func (b *Bus) Commands(ctx context.Context, handle func(devices.Command)) error {
	return listen(ctx, b, commandPrefix+"*", handle)
}

// Notice tells live pages and the console that something has changed.
type Notice struct {
	Kind   string `json:"kind"` // registry, case, finding, device, message or stats
	Tenant string `json:"tenant,omitempty"`
	ID     string `json:"id,omitempty"`
	Text   string `json:"text,omitempty"`
}

// Notify sends n to everyone who listens now, also in this process. Best
// effort: a notice may be lost, so nothing may depend on it that a reload
// would not show.
func (b *Bus) Notify(n Notice) {
	body, err := json.Marshal(n)
	if err == nil {
		err = b.conn.Publish(noticeSubject, body)
	}
	if err != nil {
		b.logger.Debug("a notice was lost", "kind", n.Kind, "error", err)
	}
}

// Notices calls handle for every notice sent while ctx lives, one after the
// other; it returns nil when ctx ends.
func (b *Bus) Notices(ctx context.Context, handle func(Notice)) error {
	return listen(ctx, b, noticeSubject, handle)
}

// listen calls handle for what comes in on the subject. The client library
// keeps the subscription over a reconnect and drops, with a warning, what a
// slow handle does not keep up with.
func listen[T any](ctx context.Context, b *Bus, subject string, handle func(T)) error {
	subscription, err := b.conn.SubscribeSync(subject)
	if err != nil {
		return devices.Wrap(err, devices.Unavailable, "The log does not pass on %s.", subject)
	}
	defer func() { _ = subscription.Unsubscribe() }() // fails only if the connection is closed
	for {
		m, err := subscription.NextMsgWithContext(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !subscription.IsValid() {
				return devices.Wrap(err, devices.Unavailable, "The log does not pass on %s any more.", subject)
			}
			b.logger.Warn("something that was passed on is lost", "subject", subject, "error", err)
			continue
		}
		var v T
		if err := json.Unmarshal(m.Data, &v); err != nil {
			b.logger.Warn("something that was passed on cannot be read", "subject", m.Subject, "error", err)
			continue
		}
		handle(v)
	}
}
