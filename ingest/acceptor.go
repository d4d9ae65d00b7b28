package ingest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
)

// AcceptorOptions are what an Acceptor works with. Registry, Commit and Log
// are required; Now defaults to time.Now, Logger to one that discards; a
// nil Registerer registers no metrics.
type AcceptorOptions struct {
	Registry   *devices.Registry
	Commit     *Committer
	Log        Log // for events and dead letters
	Now        func() time.Time
	Limits     Limits
	Logger     *slog.Logger // what is rejected is for debugging: it is in the dead letters
	Registerer prometheus.Registerer
}

// Acceptor decides about every message that comes in at a door. Its methods
// may be called concurrently.
type Acceptor struct {
	registry *devices.Registry
	commit   *Committer
	log      Log
	now      func() time.Time
	limits   Limits
	logger   *slog.Logger
	counts   counts
	intakes  sync.Pool // of *intake
	pendings sync.Pool // of *pending
}

// NewAcceptor returns an Acceptor. It starts nothing; Committer.Run must run
// for its messages to be answered.
func NewAcceptor(o AcceptorOptions) *Acceptor {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{
		registry: o.Registry,
		commit:   o.Commit,
		log:      o.Log,
		now:      o.Now,
		limits:   o.Limits.withDefaults(),
		logger:   o.Logger,
		intakes:  sync.Pool{New: func() any { return new(intake) }},
		pendings: sync.Pool{New: newPending},
	}
	exposeCounts(o.Registerer, &a.counts)
	return a
}

// Accept takes one message and calls done exactly once when its fate is
// durable: mostly later, from a goroutine of the Committer, but also before
// Accept returns. done must not wait for anything. Messages of one device that
// are accepted one after the other are stored in that order, however many of
// them are in flight. Accept returns as soon as the message is handed over;
// it waits only while a queue is full, which is the back-pressure that a door
// passes on to its connection. [TP-4.4]
func (a *Acceptor) Accept(m Message, done func(Outcome)) {
	a.counts.received.Add(1)
	if m.Received.IsZero() {
		m.Received = a.now()
	}
	t, d, model, rejection := a.admit(m)
	switch {
	case rejection != nil:
		a.reject(m, rejection, done)
	case t.Kind == devices.TopicTelemetry:
		a.telemetry(m, d, model, done)
	default:
		a.event(m, t, done)
	}
}

// Counters returns what has become of the messages so far.
func (a *Acceptor) Counters() Counters { return a.counts.counters() }

// admit makes the checks that do not need to look into the payload, in the
// order of docs/protocol.md section 5.
func (a *Acceptor) admit(m Message) (devices.Topic, *devices.Device, *devices.Model, *Rejection) {
	t, err := devices.ParseTopic(m.Topic)
	if err != nil {
		return t, nil, nil, &Rejection{Reason: BadTopic, Detail: devices.MessageOf(err)}
	}
	d, model, known := a.registry.Lookup(t.Key)
	if rejection := a.authorize(m.Publisher, t, d, known); rejection != nil {
		return t, nil, nil, rejection
	}
	if len(m.Payload) > a.limits.Payload {
		return t, nil, nil, rejectf(TooLarge, "The payload has %d bytes; up to %d are accepted.", len(m.Payload), a.limits.Payload)
	}
	if model == nil && t.Kind == devices.TopicTelemetry {
		return t, nil, nil, rejectf(UnknownModel, "The device's model %s is not imported yet.", d.Model)
	}
	return t, d, model, nil
}

// authorize checks who may speak for whom.
func (a *Acceptor) authorize(publisher devices.Key, t devices.Topic, d *devices.Device, known bool) *Rejection {
	switch {
	case t.Kind == devices.TopicCommand:
		return rejectf(NotAuthorized, "Commands go to devices. To acknowledge one, publish to %s/ack.", t)
	case t.Tenant != publisher.Tenant:
		// Not even whether that device exists is said.
		return rejectf(NotAuthorized, "%s may not publish for %s.", publisher, t.Key)
	case !known:
		return rejectf(UnknownDevice, "The device %s is not registered.", t.Key)
	case d.Disabled:
		return rejectf(DeviceOff, "The device %s is disabled.", t.Key)
	case a.registry.MayPublish(publisher, t.Key):
		return nil
	}
	if gateway, _, ok := a.registry.Lookup(publisher); ok && gateway.Disabled {
		return rejectf(DeviceOff, "The gateway %s is disabled.", publisher)
	}
	return rejectf(NotAuthorized, "%s may not publish for %s: it is not registered as that device's gateway.", publisher, t.Key)
}

// telemetry takes readings.
func (a *Acceptor) telemetry(m Message, d *devices.Device, model *devices.Model, done func(Outcome)) {
	in := a.intakes.Get().(*intake)
	defer a.release(in)
	format := formatOf(m.Payload)
	in.open(d, model, m.Received, a.limits, format)
	if rejection := decode(m.Payload, format, in); rejection != nil {
		a.reject(m, rejection, done)
		return
	}
	parts := len(in.refused.letters)
	if in.stored > 0 {
		parts++
	}
	p := a.begin(parts, Outcome{Rejected: in.verdict(), Stored: in.stored, DeadLetters: in.refused.total}, done)
	p.readings = in.stored
	for i := range in.refused.letters {
		r := &in.refused.letters[i]
		a.bury(newDeadLetter(m, r.reason, r.detail, in.refused.body(r), r.parts), p.settled)
	}
	if in.stored > 0 {
		a.commit.Append(d.Key, in.lines, p.settled)
	}
}

// release gives an intake back, unless a huge message made it huge.
func (a *Acceptor) release(in *intake) {
	const most = 64 << 10
	if cap(in.lines) <= most {
		a.intakes.Put(in)
	}
}

// event takes everything that is no reading. [TP-8.1]
func (a *Acceptor) event(m Message, t devices.Topic, done func(Outcome)) {
	payload := m.Payload
	if len(payload) == 0 && t.Kind == devices.TopicState {
		payload = []byte("null")
	}
	if !json.Valid(payload) || !utf8.Valid(payload) {
		a.reject(m, rejectf(BadPayload, "The payload of %s is not JSON in UTF-8.", t), done)
		return
	}
	e := devices.Event{Key: t.Key, Kind: eventKind(t.Kind), ID: t.Command, Received: m.Received, Payload: payload}
	p := a.begin(1, Outcome{Stored: 1}, done)
	a.commit.Do(t.Key, len(payload)+choreOverhead, func(ctx context.Context) error {
		err := a.log.AppendEvent(ctx, e)
		if err == nil {
			a.counts.events.Add(1)
		}
		return err
	}, p.settled)
}

func eventKind(k devices.TopicKind) devices.EventKind {
	switch k {
	case devices.TopicState:
		return devices.EventState
	case devices.TopicAck:
		return devices.EventAck
	}
	return devices.EventHappening
}

// reject makes the whole message one dead letter.
func (a *Acceptor) reject(m Message, r *Rejection, done func(Outcome)) {
	p := a.begin(1, Outcome{Rejected: r, DeadLetters: 1}, done)
	a.bury(newDeadLetter(m, r.Reason, r.Detail, m.Payload, 1), p.settled)
}

// bury appends a dead letter. It queues by the publisher, so that a device
// which sends rubbish in another's name delays itself.
func (a *Acceptor) bury(d DeadLetter, done func(error)) {
	a.logger.Debug("refused", "publisher", d.Publisher, "topic", d.Topic, "reason", d.Reason, "detail", d.Detail, "parts", d.Parts)
	a.commit.Do(d.Publisher, len(d.Payload)+choreOverhead, func(ctx context.Context) error {
		err := a.log.AppendDeadLetter(ctx, d)
		if err == nil {
			a.counts.refuse(d.Reason, d.Parts)
		}
		return err
	}, done)
}

// answer counts an outcome and passes it to the door.
func (a *Acceptor) answer(o Outcome, readings int, done func(Outcome)) {
	switch {
	case o.Err != nil:
		a.counts.failed.Add(1)
	case o.Rejected != nil:
		a.counts.rejected.Add(1)
	default:
		a.counts.stored.Add(1)
		a.counts.readings.Add(uint64(readings))
	}
	done(o)
}
