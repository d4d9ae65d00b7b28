package outreach_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

func TestCalendarFile(t *testing.T) {
	h := sqlite(t)
	key := h.device("d1", func(d *devices.Device, c *devices.Contact) {
		d.Site.Name = "Café Ümläut, Hinterhof; 3. Stock " + strings.Repeat("ganz hinten, ", 10)
	})
	h.find(key, "flow", 1, anomaly.Opened)
	c := h.only(key)
	_, err := h.desk.Calendar(t.Context(), h.grant(c))
	wantCode(t, err, devices.NotFound)
	slot := h.book(c, 0)
	raw, err := h.desk.Calendar(t.Context(), h.grant(c))
	h.must(err)
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line %q", line)
		}
	}
	cal, err := ical.NewDecoder(bytes.NewReader(raw)).Decode()
	h.must(err)
	if method := cal.Props.Get(ical.PropMethod); method == nil || method.Value != "PUBLISH" {
		t.Errorf("method %v", method)
	}
	event := cal.Events()[0]
	start, err := event.DateTimeStart(nil)
	h.must(err)
	end, err := event.DateTimeEnd(nil)
	h.must(err)
	if !start.Equal(slot.Start) || !end.Equal(slot.End) {
		t.Errorf("from %s to %s, want %s to %s", start, end, slot.Start, slot.End)
	}
	if p := event.Props.Get(ical.PropDateTimeStart); p.Params.Get("TZID") != "Europe/Berlin" || p.Value != slot.Start.In(start.Location()).Format("20060102T150405") {
		t.Errorf("DTSTART %+v", p)
	}
	if got := event.Props.Get(ical.PropUID).Value; got != c.ID+"@forecare" {
		t.Errorf("UID %q", got)
	}
	if got, _ := event.Props.Text(ical.PropLocation); !strings.HasPrefix(got, "Café Ümläut, Hinterhof; 3. Stock") {
		t.Errorf("LOCATION %q", got)
	}
	var zone *ical.Component
	for _, child := range cal.Children {
		if child.Name == ical.CompTimezone {
			zone = child
		}
	}
	if zone == nil {
		t.Fatal("no VTIMEZONE")
	}
	// A year before and after a day in November: four changes and what held first.
	var rules []string
	for _, o := range zone.Children {
		rules = append(rules, o.Name+" "+o.Props.Get("DTSTART").Value+" "+o.Props.Get("TZOFFSETFROM").Value+" "+o.Props.Get("TZOFFSETTO").Value)
	}
	if len(rules) != 5 || rules[1] != "DAYLIGHT 20260329T020000 +0100 +0200" || rules[2] != "STANDARD 20261025T030000 +0200 +0100" {
		t.Errorf("rules %q", rules)
	}
	h.turn(time.Second)
	h.book(c, 1)
	raw, err = h.desk.Calendar(t.Context(), h.grant(c))
	h.must(err)
	if !bytes.Contains(raw, []byte("SEQUENCE:1\r\n")) || !bytes.Contains(raw, []byte("UID:"+c.ID+"@forecare\r\n")) {
		t.Errorf("the change is another event:\n%s", raw)
	}
}
