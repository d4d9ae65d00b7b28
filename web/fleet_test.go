package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

func TestSentence(t *testing.T) {
	for n, want := range map[int]string{
		0: "No device is connected yet.", 1: "Your one device is well.", 3: "All 3 devices are well.",
		9: "5 of 9 devices well; 1 noticeable by now; 2 drifting, the first would be noticed in 4 days; 1 silent.",
	} {
		var got web.FleetSummary
		w := newWorld(t, n)
		w.api(t, w.token(t, "acme", account.Planner), "GET", "/fleet", "").json(t, &got)
		if got.Sentence != want {
			t.Errorf("%d devices: %q, want %q", n, got.Sentence, want)
		}
		if got.Devices != n || got.Well+got.Drifting+got.Noticeable+got.Silent != n {
			t.Errorf("%d devices: %+v", n, got)
		}
	}
}

// TestHeatOfManySitesAndModels checks that what does not fit is summed up and
// not lost: the numbers in the table add up to the fleet.
func TestHeatOfManySitesAndModels(t *testing.T) {
	w := newWorld(t, 0)
	s := devices.Snapshot{Revision: 9}
	for m := range 9 {
		s.Models = append(s.Models, devices.Model{Tenant: "acme", ID: fmt.Sprint("m", m), Name: fmt.Sprint("Model ", m)})
	}
	for i := range 400 {
		d := devices.Device{Key: devices.Key{Tenant: "acme", Device: fmt.Sprintf("d%03d", i)}, Model: fmt.Sprint("m", i%9), Site: devices.Site{ID: fmt.Sprint("s", i%31), Name: fmt.Sprint("Site ", i%31), Zone: "UTC"}}
		d.Disabled = i == 399
		s.Devices = append(s.Devices, d)
		if i%97 == 5 {
			w.care.findings = append(w.care.findings, anomaly.Finding{ID: fmt.Sprint(i), Status: anomaly.Opened, Key: d.Key, Model: d.Model, Kind: anomaly.Drift, Metric: "x"})
		}
	}
	w.registry.Replace(s)
	body := w.get(t, w.as(t, "acme", account.Admin), "/fleet").body
	_, table, _ := strings.Cut(body, `<table class="heat">`)
	table, _, _ = strings.Cut(table, "</table>")

	devices, trouble := 0, 0
	for _, cell := range regexp.MustCompile(`(?s)<td class="heat-cell.*?</td>`).FindAllString(table, -1) {
		var n, of int
		text := strings.TrimSpace(regexp.MustCompile(`<[^>]*>|[^0-9/<]`).ReplaceAllString(regexp.MustCompile(`title="[^"]*"|class="[^"]*"|href="[^"]*"`).ReplaceAllString(cell, ""), ""))
		if _, err := fmt.Sscanf(text, "%d/%d", &n, &of); err == nil {
			devices, trouble = devices+of, trouble+n
		} else if _, err := fmt.Sscanf(text, "%d", &of); err == nil {
			devices += of
		} else {
			t.Errorf("a cell says %q: %s", text, cell)
		}
	}
	if devices != 399 || trouble != 5 {
		t.Errorf("the table holds %d devices, %d in trouble; want 399 and 5", devices, trouble)
	}
	if !strings.Contains(table, "21 more sites") || !strings.Contains(table, "other models") {
		t.Errorf("what does not fit is not summed up: %s", table)
	}
	first, _, _ := strings.Cut(table[strings.Index(table, "<tbody>"):], "</tr>")
	if !strings.Contains(first, "◆") {
		t.Errorf("the first row is not the worst: %s", first)
	}
}

// TestSomeoneElsesHTMLStaysText puts markup wherever a device, a person or a
// sender can write.
func TestSomeoneElsesHTMLStaysText(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'</script><script>alert(2)</script>`
	w := newWorld(t, 12)
	s := w.snapshot
	for i := range s.Devices {
		s.Devices[i].Firmware, s.Devices[i].Site.Name = evil, evil
	}
	s.Models[0].Name = evil
	s.Models[0].Metrics[0].Words = devices.Words{"en": evil}
	s.Models[0].Metrics[0].Unit = evil
	s.Revision = 9
	w.registry.Replace(s)
	for i := range w.fleet.contacts {
		w.fleet.contacts[i].Name = evil
	}
	for i := range w.care.findings {
		w.care.findings[i].Reason, w.care.findings[i].Unit = evil, evil
	}
	for i := range w.letters {
		w.letters[i].Payload, w.letters[i].Topic, w.letters[i].Detail = []byte(evil), evil, evil
	}
	for _, c := range w.care.cases {
		c.Attention = evil
		for i := range c.Findings {
			c.Findings[i].Unit = evil
		}
	}
	for id := range w.care.messages {
		for i := range w.care.messages[id] {
			w.care.messages[id][i].Content.Text, w.care.messages[id][i].Content.Subject = evil, evil
		}
	}
	c := w.as(t, "acme", account.Admin)
	for _, path := range []string{"/fleet", "/fleet?q=" + "%3Cimg%20src%3Dx", "/devices/" + drifter, "/cases", "/cases/case-" + drifter, "/refused", "/fleet/new", "/cases?show=%3Cimg"} {
		body := w.get(t, c, path).body
		if strings.Contains(body, "<img") || strings.Contains(body, "<script>alert") {
			t.Errorf("%s runs what somebody else wrote", path)
		}
		if i := strings.Index(body, "</script><script>"); i >= 0 {
			t.Errorf("%s: data breaks out of its script: %s", path, body[max(0, i-80):i+40])
		}
	}
}
