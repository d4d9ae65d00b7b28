package proving_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/internal/bus"
	"github.com/forecare/forecare/internal/proving"
	"github.com/forecare/forecare/outreach"
)

const kills = 24

// TestNothingAcknowledgedIsLostByKilling kills the process at random moments
// under load, twice of them in the middle of a mail. Every acknowledged reading
// is in InfluxDB afterwards, and no case and no message is there twice.
// [TP-4.1] [TP-9.6]
func TestNothingAcknowledgedIsLostByKilling(t *testing.T) {
	needsBinaries(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	c := newCohort(40, map[int]int{3: 3, 17: 6, 22: 11, 31: 18, 38: 26})
	dir := t.TempDir()
	fleet, err := proving.Register(ctx, dir, c.fleet())
	if err != nil {
		t.Fatal(err)
	}
	post := newPost(t)
	deaths := newMailDeaths()
	post.arriving = deaths.arriving
	mqtt := freeAddress(t)
	env := environment(mqtt, freeAddress(t), post.address)
	p, err := proving.Start(ctx, built.forecare, dir, env...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Kill() }()
	w := newSwarm(c, mqtt, fleet.Tokens, 8*time.Millisecond)
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.run(ctx) }()

	rnd := rand.New(rand.NewPCG(20, 26))
	for i := range kills {
		// Lives differ: most end while InfluxDB is still opening, some long
		// after everything is up.
		if i%4 == 3 {
			if err := p.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		moment := time.NewTimer(200*time.Millisecond + time.Duration(rnd.Int64N(int64(1800*time.Millisecond))))
		mailing := false
		select {
		case <-moment.C:
		case <-deaths.now:
			mailing = true
		case <-p.Done():
			t.Fatalf("forecare ended by itself:\n%s", p.Output())
		}
		p.Kill()
		if mailing {
			deaths.dead <- struct{}{}
		}
		if p, err = proving.Start(ctx, built.forecare, dir, env...); err != nil {
			t.Fatalf("start %d: %v", i+1, err)
		}
	}
	deaths.end()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	// Enough event time for every fault to show.
	for w.reached() < 34*perDay {
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			t.Fatalf("devices are at step %d only: %v\n%s", w.reached(), err, p.Output())
		}
	}
	steps := w.finish()
	<-stopped
	missing, stored := compare(ctx, t, p, c, steps)
	cases, messages := settled(ctx, t, p, fleet.API, len(c.faulty))
	checkCare(t, c, cases, messages, post.byMessage())
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	findings := checkFindings(ctx, t, dir, c)
	mails := 0
	for _, n := range post.byMessage() {
		mails += n
	}
	t.Logf("%d kills (%d in the middle of a mail), %d acknowledged, %d sent again, %d stored, %d missing, %d findings told, %d cases, %d messages, %d mails",
		kills, deaths.count(), w.acknowledged(), w.published.Load()-int64(w.acknowledged()), stored, missing, findings, len(cases), len(messages), mails)
}

// patience is how long InfluxDB may hold as many readings as before, and fewer
// than were acknowledged, until they are taken for lost.
const patience = 20 * time.Second

// compare checks that InfluxDB holds exactly what was acknowledged.
func compare(ctx context.Context, t *testing.T, p *proving.Process, c cohort, steps int) (missing, stored int) {
	t.Helper()
	held, since := int64(0), time.Now()
	for held < int64(c.devices*steps) && time.Since(since) < patience {
		n, err := p.Count(ctx, "level")
		if err == nil && n > held {
			held, since = n, time.Now()
		}
		if err := wait(ctx, 500*time.Millisecond); err != nil {
			t.Fatalf("InfluxDB holds %d of %d acknowledged readings: %v", held, c.devices*steps, err)
		}
	}
	values, err := p.Stored(ctx, tenant, "level")
	if err != nil {
		t.Fatal(err)
	}
	var first error
	for i := range c.devices {
		device := values[c.key(i).Device]
		stored += len(device)
		for s := range steps {
			at := c.at(s).UnixNano()
			got, there := device[at]
			if !there {
				missing++
			}
			if want := c.value(i, s); first == nil && (!there || got != want) {
				first = fmt.Errorf("%s at %s: stored %v (%v), acknowledged %v", c.key(i), c.at(s), got, there, want)
			}
			delete(device, at)
		}
		if first == nil && len(device) > 0 {
			first = fmt.Errorf("%s has %d stored readings that it never sent", c.key(i), len(device))
		}
	}
	if first != nil {
		t.Errorf("%d acknowledged readings are missing; %v", missing, first)
	}
	return missing, stored
}

// settled returns cases and messages when every faulty device has a case and
// nothing is about to be sent.
func settled(ctx context.Context, t *testing.T, p *proving.Process, token string, want int) (cases []*outreach.Case, messages []outreach.Message) {
	t.Helper()
	for {
		found, err := readCare(ctx, p, token)
		if err != nil {
			t.Fatal(err)
		}
		pending := slices.ContainsFunc(found.messages, func(m outreach.Message) bool {
			return m.State == outreach.Pending || m.State == outreach.Sending
		})
		if len(found.cases) >= want && len(found.messages) >= want && !pending {
			return found.cases, found.messages
		}
		if wait(ctx, 500*time.Millisecond) != nil {
			t.Errorf("after all readings were stored there are %d cases and %d messages, some of them still to be sent: %v", len(found.cases), len(found.messages), pending)
			return found.cases, found.messages
		}
	}
}

type care struct {
	cases    []*outreach.Case
	messages []outreach.Message
}

func readCare(ctx context.Context, p *proving.Process, token string) (care, error) {
	var out care
	var list struct {
		Items []*outreach.Case `json:"items"`
	}
	if err := p.REST(ctx, token, "GET", "/cases?limit=200", nil, &list); err != nil {
		return out, err
	}
	out.cases = list.Items
	for _, k := range list.Items {
		var m struct {
			Items []outreach.Message `json:"items"`
		}
		if err := p.REST(ctx, token, "GET", "/cases/"+k.ID+"/messages", nil, &m); err != nil {
			return out, err
		}
		out.messages = append(out.messages, m.Items...)
	}
	return out, nil
}

// checkCare wants one open case for each faulty device, none for others, and no
// message twice by any count.
func checkCare(t *testing.T, c cohort, cases []*outreach.Case, messages []outreach.Message, mails map[string]int) {
	t.Helper()
	byDevice := map[string]int{}
	for _, k := range cases {
		byDevice[k.Key.Device]++
		if !k.State.Open() {
			t.Errorf("the case of %s is %s although the device is still faulty", k.Key, k.State)
		}
		if len(k.Findings) != 1 {
			t.Errorf("the case of %s has %d findings", k.Key, len(k.Findings))
		}
	}
	for i := range c.devices {
		_, faulty := c.faulty[i]
		want := 0
		if faulty {
			want = 1
		}
		if got := byDevice[c.key(i).Device]; got != want {
			t.Errorf("%s (faulty %v) has %d cases", c.key(i), faulty, got)
		}
	}
	logical := map[string]int{}
	for _, m := range messages {
		logical[fmt.Sprint(m.Case, m.Purpose, m.Step, m.Recipient)]++
		given := mails[m.ID]
		switch m.State {
		case outreach.Sent:
			if given != 1 {
				t.Errorf("message %s is sent, but the mail server was given it %d times", m.ID, given)
			}
		case outreach.Unknown: // the process died between the mail and its answer
			if given > 1 {
				t.Errorf("message %s, of which nobody knows, was given %d times", m.ID, given)
			}
		default:
			t.Errorf("message %s of case %s is %s (%s)", m.ID, m.Case, m.State, m.Detail)
		}
		delete(mails, m.ID)
	}
	for id, n := range mails {
		t.Errorf("%d mails have the Message-ID %s, which is no message", n, id)
	}
	for what, n := range logical {
		if n > 1 {
			t.Errorf("message %s is there %d times", what, n)
		}
	}
	if len(messages) != len(cases) {
		t.Errorf("%d messages were written for %d cases", len(messages), len(cases))
	}
}

// checkFindings reads the stream of findings from its beginning: no revision
// may be there twice, and each faulty device has one finding.
func checkFindings(ctx context.Context, t *testing.T, dir string, c cohort) (told int) {
	t.Helper()
	log, err := bus.Open(ctx, bus.Options{URL: "embedded://" + filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.WithoutCancel(ctx))
	status, err := log.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var messages uint64
	for _, s := range status.Streams {
		if s.Name == "FINDINGS" {
			messages = s.Messages
		}
	}
	reading, enough := context.WithCancel(ctx)
	defer enough()
	seen, revisions := map[string]int{}, map[string]int{}
	ids := map[string]string{}
	if messages == 0 {
		enough()
	}
	err = log.ConsumeFindings(reading, "proof", func(_ context.Context, f anomaly.Finding) error {
		seen[fmt.Sprintf("%s:%d", f.ID, f.Revision)]++
		revisions[f.ID] = max(revisions[f.ID], f.Revision)
		ids[f.ID] = f.Key.Device
		if told++; told >= int(messages) {
			enough()
		}
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for what, n := range seen {
		if n > 1 {
			t.Errorf("revision %s of a finding is on the log %d times", what, n)
		}
	}
	for id, newest := range revisions {
		for r := 1; r <= newest; r++ {
			if seen[fmt.Sprintf("%s:%d", id, r)] == 0 {
				t.Errorf("revision %d of finding %s of %s is missing, though there are %d", r, id, ids[id], newest)
				break
			}
		}
	}
	if len(revisions) != len(c.faulty) {
		t.Errorf("%d findings for %d faulty devices", len(revisions), len(c.faulty))
	}
	return told
}

// reached is the step at which all devices are.
func (w *swarm) reached() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.behind
}

// mailDeaths asks for a kill at the two hard moments of a mail, once each, and
// holds the mail until the sender is dead.
type mailDeaths struct {
	now           chan struct{}
	dead          chan struct{}
	ended         chan struct{}
	named, gotten atomic.Bool
	deaths        atomic.Int32
}

func newMailDeaths() *mailDeaths {
	return &mailDeaths{now: make(chan struct{}), dead: make(chan struct{}), ended: make(chan struct{})}
}

// arriving is post's. The first mail dies when it is here and not answered,
// the second before its content.
func (d *mailDeaths) arriving(given bool) {
	wanted := given && d.gotten.CompareAndSwap(false, true) ||
		!given && d.gotten.Load() && d.named.CompareAndSwap(false, true)
	if !wanted {
		return
	}
	select {
	case d.now <- struct{}{}:
		d.deaths.Add(1)
		<-d.dead
	case <-d.ended:
	}
}

// end lets mails pass from now on.
func (d *mailDeaths) end() { close(d.ended) }

func (d *mailDeaths) count() int { return int(d.deaths.Load()) }

// wait lets time pass, or returns ctx's error when it ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
