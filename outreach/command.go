package outreach

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/forecare/forecare/devices"
)

// send hands a command over. Whatever happens to it, Run repeats it until it
// is answered or expires, so an error is no news.
func (d *Desk) send(ctx context.Context, k devices.Command) {
	if d.o.Commander == nil {
		return
	}
	if err := d.o.Commander.SendCommand(ctx, k); err != nil {
		d.o.Logger.Debug("command not handed over, will be repeated", "command", k.ID, "device", k.Key.String(), "error", err)
	}
}

// HandleEvent takes a device's answer to a command: its yes makes the case
// Done, its no stays on the case for an agent. Other events, answers to
// nothing of ours, and answers that were taken already have no effect.
func (d *Desk) HandleEvent(ctx context.Context, e devices.Event) error {
	if e.Kind != devices.EventAck {
		return nil
	}
	k, err := d.o.Store.Command(ctx, e.Key.Tenant, e.ID)
	if devices.CodeOf(err) == devices.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if k.Key != e.Key || !k.Answered.IsZero() {
		return nil
	}
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(e.Payload, &answer); err != nil {
		answer.Error = "The device's answer cannot be read."
	}
	if !answer.OK && answer.Error == "" {
		answer.Error = "The device gave no reason."
	}
	return d.answer(ctx, k, actorDevice, answer.OK, answer.Error)
}

// answer stores what came of a command, and moves its case.
func (d *Desk) answer(ctx context.Context, k SentCommand, actor string, ok bool, why string) error {
	if len(why) > longestText {
		why = strings.ToValidUTF8(why[:longestText], "")
	}
	return d.onCase(ctx, Ref{Tenant: k.Key.Tenant, Case: k.Case, Command: k.ID}, func(m *matter) error {
		now := m.view.Command
		if now == nil || !now.Answered.IsZero() {
			return nil
		}
		answered := *now
		answered.Answered, answered.OK, answered.Error = m.now, ok, why
		m.change.Command = &answered
		if !m.c.State.Open() {
			return nil // too late for the case, but on record
		}
		m.record(EventCommand, actor, data{"command": k.ID, "ok": ok, "error": why})
		newest := k.ID == CommandID(m.c.Key.Tenant, m.c.ID, m.c.Remedy, m.c.Attempt)
		switch {
		case m.c.State != InProgress:
		case ok:
			// Even if a newer attempt is under way: what had to be done is done.
			m.finish(actor, "")
		case newest:
			m.attend("The device did not do it: " + why)
		}
		return nil
	})
}
