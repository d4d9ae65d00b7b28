package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/outreach"
)

// TestWholeChain drives a small fleet from its MQTT messages to verified
// cases, through a restart in the middle: one case for each faulty device,
// none for a healthy one, an offer in English and one in Arabic, a slot booked
// on the owner's page, the remedy, and telemetry's proof.
func TestWholeChain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute: the fleet uploads five days")
	}
	data := t.TempDir()
	faulty := plan(t, data)

	first := start(t, data)
	first.until("a first case was opened", func() bool { return len(first.cases()) > 0 })
	first.stop() // in the middle of the upload, with an offer perhaps under way

	second := start(t, data)
	defer second.stop()
	second.until("every faulty device's owner has an offer", func() bool { return len(second.offers()) == len(faulty) })

	languages := map[string]bool{}
	for key, m := range second.offers() {
		languages[m.Lang] = true
		if !slices.Contains(faulty, key) {
			t.Errorf("the owner of %s, which is healthy, has been written to", key)
		}
		if m.Content.Subject == "" || m.Content.Text == "" || m.Content.HTML == "" {
			t.Errorf("the offer for %s is not whole: %+v", key, m.Content)
		}
	}
	// The API keeps owners' links to itself, so they come from the mails.
	links := second.mailed(regexp.MustCompile(`http://[^"<> ]+/o/[A-Za-z0-9_-]+`))
	if len(links) != len(faulty) {
		t.Fatalf("the mails hold links to %d owners' pages, want %d", len(links), len(faulty))
	}
	for _, link := range links {
		// The port may have changed with the restart; an owner's never does.
		_, path, _ := strings.Cut(link, "/o/")
		page := "http://" + second.app.Addr("web") + "/o/" + path
		book(t, page)
		book(t, page) // a second tap changes nothing that matters
	}
	if !languages["en"] || !languages["ar"] {
		t.Errorf("offers are in %v, want English and Arabic", languages)
	}

	second.until("telemetry has verified every case", func() bool {
		return len(second.casesIn(outreach.Verified)) == len(faulty)
	})
	second.until("the fleet is live", func() bool { return strings.Contains(second.said.String(), "caught up") })

	perDevice := map[string]int{}
	for _, c := range second.cases() {
		perDevice[c.Key.Device]++
	}
	for _, device := range faulty {
		if perDevice[device] != 1 {
			t.Errorf("%s has %d cases, want 1", device, perDevice[device])
		}
		delete(perDevice, device)
	}
	if len(perDevice) > 0 {
		t.Errorf("healthy devices have cases: %v", perDevice)
	}
	second.checkMessages(faulty)
}

// plan writes the demo's plan before its first start: twelve espresso machines
// and twelve air sensors at places where it is day now, one drifting of each.
func plan(t *testing.T, data string) (faulty []string) {
	t.Helper()
	now := time.Now()
	sites := slices.DeleteFunc(sim.Cities(), func(s devices.Site) bool {
		zone, err := time.LoadLocation(s.Zone)
		h := now.In(zone).Hour()
		return err != nil || h < 8 || h > 19 // quiet hours are for another test
	})
	p, err := sim.NewPlan(sim.PlanOptions{
		Seed: 7, Start: now.Add(-5 * 24 * time.Hour), Devices: 24, Sites: sites,
		Models: []string{"espresso-e1", "air-a3"}, Live: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	for device, f := range map[int]struct {
		lang  string
		fault sim.Fault
	}{
		4: {"en", sim.Fault{Kind: sim.SlowDrift, Metric: "brew_temp", Slope: 0.5, Onset: p.Start.Add(30 * time.Hour)}},
		9: {"ar", sim.Fault{Kind: sim.SlowDrift, Metric: "co2", Slope: 40, Onset: p.Start.Add(36 * time.Hour)}},
	} {
		u := &p.Devices[device]
		u.Faults = []sim.Fault{f.fault}
		owner := devices.Contact{
			Tenant: p.Tenant, ID: "owner-" + f.lang, Name: "Owner", Locale: f.lang, Zone: u.Site.Zone,
			Addresses: []devices.Address{{Channel: "email", Value: f.lang + "@example.org", Consent: p.Start}},
			Created:   p.Start, Updated: p.Start,
		}
		p.Contacts = append(p.Contacts, owner)
		u.Owner = owner.ID
		faulty = append(faulty, u.Key.Device)
	}
	dir := filepath.Join(data, "demo")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sim.WritePlan(filepath.Join(dir, "plan.json"), p); err != nil {
		t.Fatal(err)
	}
	return faulty
}

// running is a started demo.
type running struct {
	t      *testing.T
	app    *app.App
	said   *transcript
	token  string
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
}

func start(t *testing.T, data string) *running {
	t.Helper()
	c := config.Default()
	c.Data, c.MQTT, c.Web.Listen = data, "embedded://127.0.0.1:0", "127.0.0.1:0"
	c.Influxd = influxd(t)
	r := &running{t: t, said: &transcript{}, ended: make(chan error, 1)}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.NewDemo(t.Context(), app.Options{Config: c, Logger: logger, Registry: prometheus.NewRegistry()}, r.said)
	if err != nil {
		t.Fatal(err)
	}
	r.app = a
	link, err := a.DemoSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r.cancel = cancel
	go func() { r.ended <- a.Run(ctx) }() // stop waits for it
	t.Cleanup(r.stop)
	r.token = signIn(t, link)
	return r
}

// influxd is what `make build` made.
func influxd(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/influxd")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("run `make build` first: %v", err)
	}
	return path
}

func (r *running) stop() {
	r.once.Do(func() {
		r.cancel()
		if err := <-r.ended; err != nil {
			r.t.Errorf("stopping: %v", err)
		}
	})
}

// until polls, bounded by far more than a busy machine needs.
func (r *running) until(what string, done func() bool) {
	r.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(4 * time.Minute)
	defer patience.Stop()
	for !done() {
		select {
		case <-tick.C:
		case err := <-r.ended:
			r.ended <- err
			r.t.Fatalf("it stopped before %s: %v\n%s", what, err, r.said)
		case <-patience.C:
			r.t.Fatalf("waited in vain until %s; told so far:\n%s", what, r.said)
		}
	}
}

// get asks the REST API as a signed-in person.
func (r *running) get(path string, into any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.Addr("web")+"/api/v1"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Cookie", r.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s %v\n%s", path, resp.Status, err, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		r.t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

func (r *running) cases() []outreach.Case {
	var page struct {
		Items []outreach.Case `json:"items"`
	}
	r.get("/cases?limit=100", &page)
	return page.Items
}

func (r *running) casesIn(state outreach.State) []outreach.Case {
	return slices.DeleteFunc(r.cases(), func(c outreach.Case) bool { return c.State != state })
}

func (r *running) messages(caseID string) []outreach.Message {
	var page struct {
		Items []outreach.Message `json:"items"`
	}
	r.get("/cases/"+caseID+"/messages", &page)
	return page.Items
}

// offers are the offers that were sent, by device.
func (r *running) offers() map[string]outreach.Message {
	out := map[string]outreach.Message{}
	for _, c := range r.cases() {
		for _, m := range r.messages(c.ID) {
			if m.Purpose == outreach.Offer && m.State == outreach.Sent {
				out[c.Key.Device] = m
			}
		}
	}
	return out
}

// checkMessages wants each kind of message once per faulty device, in the
// outbox and in the mailbox.
func (r *running) checkMessages(faulty []string) {
	r.t.Helper()
	r.until("the last message was sent", func() bool {
		for _, c := range r.cases() {
			for _, m := range r.messages(c.ID) {
				if m.State == outreach.Pending || m.State == outreach.Sending {
					return false
				}
			}
		}
		return true
	})
	sent := 0
	for _, c := range r.cases() {
		count := map[outreach.Purpose]int{}
		for _, m := range r.messages(c.ID) {
			count[m.Purpose]++
			if m.State == outreach.Sent {
				sent++
			}
		}
		for _, p := range []outreach.Purpose{outreach.Offer, outreach.Confirmation, outreach.AllWell} {
			if count[p] != 1 {
				r.t.Errorf("%s: %d messages of purpose %s, want 1", c.Key.Device, count[p], p)
			}
		}
	}
	if got := len(r.mails()); got != sent || sent != 3*len(faulty) {
		r.t.Errorf("%d mails in the mailbox, %d messages sent, want %d of both", got, sent, 3*len(faulty))
	}
}

// mails are the paths of the mails in the mailbox.
func (r *running) mails() []string {
	return regexp.MustCompile(`/demo/mailbox/2[^"/]+`).FindAllString(r.page("/demo/mailbox"), -1)
}

// mailed returns what matches in the mails, each once.
func (r *running) mailed(what *regexp.Regexp) []string {
	var found []string
	for _, mail := range r.mails() {
		found = append(found, what.FindAllString(r.page(mail+"/html"), -1)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (r *running) page(path string) string {
	r.t.Helper()
	resp, err := http.Get("http://" + r.app.Addr("web") + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s %v", path, resp.Status, err)
	}
	return string(page)
}

// book picks the first free time on the owner's page, as a form would.
func book(t *testing.T, page string) {
	t.Helper()
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the owner's page answers %s %v", resp.Status, err)
	}
	_, rest, found := strings.Cut(string(html), `name="slot" value="`)
	if !found {
		return // booked already, and under way
	}
	slot, _, _ := strings.Cut(rest, `"`)
	posted, err := http.PostForm(page+"/book", url.Values{"slot": {slot}})
	if err != nil {
		t.Fatal(err)
	}
	defer posted.Body.Close()
	if posted.StatusCode != http.StatusOK {
		t.Errorf("booking answers %s", posted.Status)
	}
}

// signIn uses a one-time link and returns the session's cookie.
func signIn(t *testing.T, link string) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var cookie string
	try := func() error {
		resp, err := client.Post(link, "", nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		for _, c := range resp.Cookies() {
			cookie = fmt.Sprintf("%s=%s", c.Name, c.Value)
		}
		if cookie == "" {
			return fmt.Errorf("signing in answers %s", resp.Status)
		}
		return nil
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	return cookie
}

// transcript keeps what the demo tells.
type transcript struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
