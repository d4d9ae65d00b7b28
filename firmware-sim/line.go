package sim

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// Limits of one device's line.
const (
	batchReadings  = 48 // in one message, when there is much to catch up with
	windowMessages = 4  // under way at a time
	backoffMin     = 200 * time.Millisecond
	backoffMax     = 15 * time.Second
	paceMin        = 200 * time.Millisecond // between two looks at what is due
	paceMax        = time.Second
	lastWords      = time.Second // for acknowledgements when the fleet stops
)

// source is what a line carries.
type source interface {
	// pull returns up to limit readings that are due and follow those pulled
	// before, and the sample time of the last.
	pull(limit int) (readings []devices.Reading, through time.Time)
	// wait returns the wall time until the next reading is due, and false if
	// there will never be another one.
	wait() (time.Duration, bool)
	// online reports whether the device has a connection now.
	online() bool
	// reached is told the sample time up to which everything is acknowledged.
	reached(t time.Time)
	// obey carries out a command and returns the answer, or nil if it will be
	// given later by answers.
	obey(c devices.Command) json.RawMessage
	// answers returns answers to earlier commands that are due now.
	answers() []answer
}

// answer is what a device says to a command.
type answer struct {
	id      string
	payload json.RawMessage
}

// line connects one device to the broker for as long as it runs, and carries
// its readings up and its commands down.
type line struct {
	broker *url.URL
	key    devices.Key
	token  string
	state  func(online bool) []byte // payload of the state topic, nil for none
	source source
	tally  *tally
	log    *slog.Logger
	giveUp int // refusals in a row after which run ends; 0 for never

	outbox   outbox
	commands chan incoming
	acks     chan *message
}

type incoming struct {
	topic   string
	payload []byte
}

func newLine(broker *url.URL, key devices.Key, token string, s source, t *tally, log *slog.Logger) *line {
	return &line{
		broker: broker, key: key, token: token, source: s, tally: t, log: log,
		state:    func(bool) []byte { return nil },
		outbox:   outbox{window: windowMessages},
		commands: make(chan incoming), acks: make(chan *message),
	}
}

// tally counts what the lines of a fleet do together.
type tally struct {
	connected, refused, delivered atomic.Int64
	trouble                       atomic.Pointer[string] // why the last attempt to connect failed
}

// excuse says why nobody can connect, while nobody can.
func (t *tally) excuse() string {
	why := t.trouble.Load()
	if why == nil || t.connected.Load() > 0 {
		return ""
	}
	return *why
}

// run keeps the line up until ctx ends or the source has nothing more to say
// and all of it is acknowledged. Its only error is ErrRefused.
func (l *line) run(ctx context.Context) error {
	pause, refused := backoffMin, 0
	for ctx.Err() == nil && !l.finished() {
		if !l.source.online() {
			sleep(ctx, paceMin)
			continue
		}
		c, err := dial(ctx, l.caller())
		switch {
		case err == nil:
			refused = 0
			if l.talk(ctx, c) {
				pause = backoffMin
			}
			l.outbox.rewind()
			if ctx.Err() != nil || l.finished() || !l.source.online() {
				continue
			}
			// A broker that lets in and throws out must not be stormed.
		case errors.Is(err, ErrRefused):
			l.tally.refused.Add(1)
			if refused++; refused == l.giveUp {
				return err
			}
		case ctx.Err() == nil:
			l.log.Debug("cannot connect", "device", l.key.String(), "error", err)
			why := err.Error()
			l.tally.trouble.Store(&why)
		}
		sleep(ctx, pause/2+rand.N(pause))
		pause = min(2*pause, backoffMax)
	}
	return nil
}

func (l *line) finished() bool {
	_, more := l.source.wait()
	return !more && l.outbox.waiting() == 0
}

func (l *line) caller() caller {
	return caller{
		broker: l.broker, key: l.key, token: l.token, will: l.state(false),
		listenTo: devices.Topic{Key: l.key, Kind: devices.TopicCommand, Command: "+"}.String(),
		receive: func(c *connection, topic string, payload []byte) {
			select {
			case l.commands <- incoming{topic, payload}:
			case <-c.gone: // it will be sent again on the next connection
			}
		},
	}
}

// talk uses a connection until it is gone, the device goes offline, all is
// said, or ctx ends. It reports whether anything was acknowledged.
func (l *line) talk(ctx context.Context, c *connection) (heard bool) {
	l.tally.connected.Add(1)
	defer l.tally.connected.Add(-1)
	l.announce(true)
	timer := time.NewTimer(0)
	defer timer.Stop()
	behind := true
	for {
		if !l.source.online() {
			c.cut()
			return heard
		}
		if l.finished() {
			c.close()
			return heard
		}
		if behind {
			behind = l.fill()
		}
		l.send(c)
		select {
		case <-ctx.Done():
			l.sayGoodbye(c)
			return heard
		case <-c.gone:
			c.cut()
			return heard
		case m := <-l.acks:
			heard = true
			l.settle(m)
		case in := <-l.commands:
			l.obey(in)
		case <-timer.C:
			behind = true
			for _, a := range l.source.answers() {
				l.answer(a)
			}
			due, _ := l.source.wait()
			timer.Reset(min(paceMax, max(paceMin, due)))
		}
	}
}

// fill pulls what is due, as far as the outbox has room, and reports whether
// there may be more. Otherwise it is left to gather until the timer looks.
func (l *line) fill() (more bool) {
	for l.outbox.waiting() < 2*windowMessages {
		readings, through := l.source.pull(batchReadings)
		if len(readings) == 0 {
			return false
		}
		l.outbox.add(&message{
			topic:   devices.Topic{Key: readings[0].Key, Kind: devices.TopicTelemetry}.String(),
			payload: appendReadings(nil, readings), through: through, readings: len(readings),
		})
		if len(readings) < batchReadings {
			return false
		}
	}
	return true
}

func (l *line) send(c *connection) {
	for m := l.outbox.next(); m != nil; m = l.outbox.next() {
		c.publish(m, func() {
			select {
			case l.acks <- m:
			case <-c.gone:
			}
		})
	}
}

func (l *line) settle(m *message) {
	if m.settled {
		return
	}
	l.outbox.settle(m)
	l.tally.delivered.Add(int64(m.readings))
	l.source.reached(l.outbox.reached)
}

// announce queues the device's state.
func (l *line) announce(online bool) {
	if payload := l.state(online); payload != nil {
		topic := devices.Topic{Key: l.key, Kind: devices.TopicState}.String()
		l.outbox.withdraw(topic)
		l.outbox.add(&message{topic: topic, payload: payload, retained: true})
	}
}

// sayGoodbye gives the broker a moment to acknowledge what is under way.
func (l *line) sayGoodbye(c *connection) {
	defer c.close()
	l.announce(false)
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	for l.outbox.waiting() > 0 {
		l.send(c)
		select {
		case m := <-l.acks:
			l.settle(m)
		case <-c.gone:
			return
		case <-timer.C:
			return
		}
	}
}

// obey reads a command and carries it out.
func (l *line) obey(in incoming) {
	topic, err := devices.ParseTopic(in.topic)
	if err != nil || topic.Kind != devices.TopicCommand {
		return // nothing that could be answered
	}
	var c devices.Command
	if err := json.Unmarshal(in.payload, &c); err != nil {
		l.answer(answer{topic.Command, refusal("the command is no JSON object")})
		return
	}
	c.ID, c.Key = topic.Command, topic.Key
	if payload := l.source.obey(c); payload != nil {
		l.answer(answer{c.ID, payload})
	}
}

func (l *line) answer(a answer) {
	l.outbox.add(&message{
		topic:   devices.Topic{Key: l.key, Kind: devices.TopicAck, Command: a.id}.String(),
		payload: a.payload,
	})
}

func refusal(why string) json.RawMessage {
	b, err := json.Marshal(struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}{false, why})
	if err != nil {
		return json.RawMessage(`{"ok":false}`)
	}
	return b
}

// sleep waits, not longer than ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
