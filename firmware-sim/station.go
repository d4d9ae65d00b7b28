package sim

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forecare/forecare/devices"
)

// keptAnswers is how many commands a device remembers. The platform repeats
// only those that it has no answer to.
const keptAnswers = 64

// station is a simulated device at its place: it samples by the clock, buffers
// nothing (what was not acknowledged is computed again), and obeys commands.
type station struct {
	device *Device
	rhythm rhythm
	clock  *atomic.Pointer[Clock] // nil inside until the fleet runs
	work   time.Duration          // wall time that a remedy takes
	watch  func(Happening)

	mu       sync.Mutex
	pulled   time.Time // sample time of the last reading given to the line
	acked    time.Time
	answered []Answered
	pending  []work
}

// work is a command that is being carried out until the wall time done.
type work struct {
	id     string
	remedy string
	done   time.Time
}

// Answered is a command that the device has carried out, and what it said. It
// does no command twice.
type Answered struct {
	ID     string          `json:"id"`
	Answer json.RawMessage `json:"answer"`
}

// Memory is what a device keeps over a restart.
type Memory struct {
	Acked    time.Time  `json:"acked"`
	Cures    []Cure     `json:"cures,omitempty"`
	Answered []Answered `json:"answered,omitempty"`
}

func (s *station) memory() Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Memory{Acked: s.acked, Cures: s.device.Cures(), Answered: slices.Clone(s.answered)}
}

func (s *station) remember(m Memory) error {
	for _, c := range m.Cures {
		if err := s.device.Cure(c.Remedy, c.At, c.Test); err != nil {
			return err
		}
	}
	s.answered = m.Answered
	if !m.Acked.IsZero() {
		s.acked, s.pulled = m.Acked, m.Acked
	}
	return nil
}

func (s *station) pull(limit int) ([]devices.Reading, time.Time) {
	now, live := s.clock.Load().At(time.Now())
	cures := s.device.Cures()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []devices.Reading
	for tries := 0; len(out) < limit && tries < 4*limit; tries++ {
		t := s.rhythm.next(s.pulled, now, live, cures)
		if t.After(now) {
			break
		}
		s.pulled = t
		if s.device.Loses(t) {
			continue
		}
		out = append(out, s.device.reading(t))
	}
	return out, s.pulled
}

func (s *station) wait() (time.Duration, bool) {
	wall, clock := time.Now(), s.clock.Load()
	now, live := clock.At(wall)
	s.mu.Lock()
	defer s.mu.Unlock()
	return clock.Wait(wall, s.rhythm.next(s.pulled, now, live, s.device.Cures())), true
}

func (s *station) online() bool {
	now, _ := s.clock.Load().At(time.Now())
	return s.device.Online(now)
}

func (s *station) reached(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.After(s.acked) {
		s.acked = t
	}
}

// state is the payload of the state topic.
func (s *station) state(online bool) []byte {
	now, _ := s.clock.Load().At(time.Now())
	b, err := json.Marshal(struct {
		Online   bool   `json:"online"`
		Firmware string `json:"firmware"`
	}{online, s.device.Firmware(now)})
	if err != nil {
		return nil // unreachable: a bool and a string
	}
	return b
}

// obey begins to carry out a command. One that was answered is answered again
// in the same words.
func (s *station) obey(c devices.Command) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.answered {
		if a.ID == c.ID {
			return a.Answer
		}
	}
	if slices.ContainsFunc(s.pending, func(w work) bool { return w.id == c.ID }) {
		return nil
	}
	if !c.Expires.IsZero() && time.Now().After(c.Expires) {
		return s.keep(c.ID, refusal("the command came after it had expired"))
	}
	for _, r := range s.device.Model().Remedies {
		if r.Command != "" && r.Command == c.Name {
			s.pending = append(s.pending, work{id: c.ID, remedy: r.ID, done: time.Now().Add(s.work)})
			s.watch(Happening{Kind: RemedyBegun, Key: s.device.Key(), Remedy: r.ID})
			return nil
		}
	}
	return s.keep(c.ID, refusal("this firmware knows no command "+c.Name))
}

func (s *station) answers() []answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []answer
	s.pending = slices.DeleteFunc(s.pending, func(w work) bool {
		if time.Now().Before(w.done) {
			return false
		}
		said := json.RawMessage(`{"ok":true}`)
		if err := s.cure(w.remedy); err != nil {
			said = refusal(devices.MessageOf(err))
		}
		out = append(out, answer{w.id, s.keep(w.id, said)})
		return true
	})
	return out
}

// cure does a remedy now; its caller holds mu. A remedy that touched a metric ends in a self-test.
func (s *station) cure(remedy string) error {
	now, _ := s.clock.Load().At(time.Now())
	test := slices.ContainsFunc(s.device.Model().Remedies, func(r devices.Remedy) bool {
		return r.ID == remedy && len(r.Metrics) > 0
	})
	if err := s.device.Cure(remedy, now, test); err != nil {
		return err
	}
	s.watch(Happening{Kind: RemedyDone, Key: s.device.Key(), Remedy: remedy})
	return nil
}

func (s *station) keep(id string, said json.RawMessage) json.RawMessage {
	s.answered = append(s.answered, Answered{ID: id, Answer: said})
	if extra := len(s.answered) - keptAnswers; extra > 0 {
		s.answered = slices.Delete(s.answered, 0, extra)
	}
	return said
}
