package web_test

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/outreach"
)

const (
	neverSent  = "esp-0000" // has not sent anything yet
	longSilent = "air-0005" // stopped a while ago
	drifter    = "esp-0003" // drifts, and has a case with everything in it
)

func bound(v float64) *float64 { return &v }

func models() []devices.Model {
	return []devices.Model{
		{
			Tenant: "acme", ID: "barista-2", Name: "Barista 2", Words: devices.Words{"en": "espresso machine", "ar": "آلة الإسبريسو"}, Interval: 10 * time.Minute,
			Metrics: []devices.Metric{
				{Name: "brew_temperature", Unit: "°C", Words: devices.Words{"en": "brewing temperature"}, Min: bound(0), Max: bound(150), Noticeable: 2.5, Tolerance: 1},
				{Name: "pump_pressure", Unit: "bar", Words: devices.Words{"en": "pump pressure"}, Min: bound(0), Max: bound(20), Noticeable: 1.2},
				{Name: "pump_current", Unit: "A", Words: devices.Words{"en": "pump current"}, Min: bound(0), Max: bound(10)},
			},
			Remedies: []devices.Remedy{
				{ID: "recalibrate", Words: devices.Words{"en": "a short calibration over the air"}, Metrics: []string{"brew_temperature"}, Duration: 10 * time.Minute, Command: "recalibrate", Remote: true},
				{ID: "visit", Words: devices.Words{"en": "a visit to look at the pump"}, Duration: 45 * time.Minute, Skill: "hydraulics"},
			},
		},
		{
			Tenant: "acme", ID: "hp-9", Name: "Heat pump 9 kW", Interval: 10 * time.Minute,
			Metrics:  []devices.Metric{{Name: "supply_temperature", Unit: "°C", Words: devices.Words{"en": "supply temperature"}, Noticeable: 4}, {Name: "room_temperature", Unit: "°C", Words: devices.Words{"en": "room temperature"}, Noticeable: 1.5}},
			Remedies: []devices.Remedy{{ID: "visit", Words: devices.Words{"en": "a visit"}, Duration: time.Hour, Skill: "refrigeration"}},
		},
		{
			Tenant: "acme", ID: "air-1", Name: "Air sensor", Interval: 10 * time.Minute,
			Metrics:  []devices.Metric{{Name: "co2", Unit: "ppm", Words: devices.Words{"en": "carbon dioxide"}, Noticeable: 250}, {Name: "temperature", Unit: "°C", Noticeable: 2}},
			Remedies: []devices.Remedy{{ID: "recalibrate", Words: devices.Words{"en": "a calibration"}, Duration: 5 * time.Minute, Command: "recalibrate", Remote: true}},
		},
		{Tenant: "other", ID: "secret-model", Name: "Secret model", Interval: time.Minute, Metrics: []devices.Metric{{Name: "x", Unit: "m"}}},
	}
}

var cities = []struct{ id, name, zone string }{
	{"berlin", "Berlin Mitte", "Europe/Berlin"},
	{"dubai", "Dubai Marina", "Asia/Dubai"},
	{"london", "London Bankside", "Europe/London"},
	{"lyon", "Lyon Confluence", "Europe/Paris"},
	{"oslo", "Oslo Grünerløkka", "Europe/Oslo"},
	{"turin", "Turin Lingotto", "Europe/Rome"},
	{"austin", "Austin East Side", "America/Chicago"},
	{"kyoto", "Kyoto Station", "Asia/Tokyo"},
}

func populate(w *world, n int) {
	w.snapshot.Revision = 1
	w.fleet.contacts = []devices.Contact{
		{Tenant: "other", ID: "hidden", Name: "Hidden Person", Locale: "en", Zone: "UTC"},
	}
	if n > 0 {
		w.snapshot.Models = models()
	} else {
		w.snapshot.Models = models()[3:]
	}
	prefixes := []string{"esp", "hp", "air"}
	names := []string{"Amira Haddad", "Jonas Weber", "Chloé Martin", "Yuki Tanaka", "Ola Nordmann", "Giulia Ferri", "Sam Carter"}
	for i := range n {
		c := cities[(i*5+i/7)%len(cities)]
		model := i % 3
		d := devices.Device{
			Key: devices.Key{Tenant: "acme", Device: fmt.Sprintf("%s-%04d", prefixes[model], i)}, Model: models()[model].ID, Firmware: []string{"2.4.1", "2.5.0"}[i%2],
			Site:  devices.Site{ID: c.id, Name: c.name, Zone: c.zone},
			Owner: fmt.Sprintf("owner-%d", i%7), Created: today.Add(-90 * 24 * time.Hour), Updated: today.Add(-90 * 24 * time.Hour),
		}
		d.Disabled = i == 11
		w.snapshot.Devices = append(w.snapshot.Devices, d)
	}
	for i, name := range names {
		c := devices.Contact{Tenant: "acme", ID: fmt.Sprintf("owner-%d", i), Name: name, Locale: []string{"en", "ar", "de"}[i%3], Zone: cities[i].zone}
		c.Addresses = []devices.Address{{Channel: "email", Value: fmt.Sprintf("owner%d@example.com", i), Consent: today.Add(-time.Hour * 2000)}}
		w.fleet.contacts = append(w.fleet.contacts, c)
	}
	w.snapshot.Devices = append(w.snapshot.Devices, devices.Device{Key: devices.Key{Tenant: "other", Device: "secret-device"}, Model: "secret-model", Site: devices.Site{Zone: "UTC"}})
	populateFindings(w, n)
	populateCases(w)
	for i, reason := range []ingest.Reason{ingest.UnknownMetric, ingest.ClockPast, ingest.BadPayload, ingest.NotAuthorized, ingest.OutOfRange, ingest.UnknownMetric, ingest.TooLarge} {
		if n == 0 {
			break
		}
		w.letters = append(w.letters, ingest.DeadLetter{
			Seq: uint64(70 - i), Publisher: devices.Key{Tenant: "acme", Device: "esp-0006"}, Topic: "fleet/acme/esp-0006/telemetry", Reason: reason,
			Detail:  []string{`the model barista-2 has no metric "temprature"; it has brew_temperature, pump_pressure, pump_current`, "the reading is from 1970-01-01T00:00:12Z", "offset 14: unexpected character 'x'", "esp-0006 may not publish for hp-0001", "brew_temperature is 6553.5, the model's range is 0 to 150", `the model barista-2 has no metric "psi"`, "2,097,152 bytes; the most is 262,144"}[i],
			Payload: []byte([]string{`{"ts":1773306000000,"temprature":92.1}`, `{"ts":12,"brew_temperature":92.1}`, "{\"temp\": 21.4x\x00\xff}", `{"supply_temperature":38}`, `{"brew_temperature":6553.5}`, `{"psi":130}`, `[{"brew_temperature":92.1},{"brew_temperature":92.1}`}[i]),
			Size:    40 + i*13, Received: today.Add(-time.Duration(i*i+1) * 7 * time.Minute),
		})
	}
	w.letters = append(w.letters, ingest.DeadLetter{Seq: 3, Publisher: devices.Key{Tenant: "other", Device: "secret-device"}, Topic: "fleet/other/secret-device/telemetry", Reason: ingest.BadPayload, Payload: []byte("hidden payload")})
}

func finding(w *world, device, metric string, kind anomaly.Kind, size, sigmas float64, onset time.Duration, days float64) {
	key := devices.Key{Tenant: "acme", Device: device}
	d := devices.Device{}
	for _, have := range w.snapshot.Devices {
		if have.Key == key {
			d = have
		}
	}
	if d.Key.Device == "" {
		return
	}
	f := anomaly.Finding{
		ID: "f-" + device + "-" + metric, Revision: 1, Status: anomaly.Opened, Key: key, Model: d.Model, Metric: metric, Kind: kind,
		Onset: today.Add(-onset), Detected: today.Add(-onset / 3), At: today.Add(-20 * time.Minute), Size: size, Sigmas: sigmas, Peers: 19,
	}
	for _, m := range w.snapshot.Models {
		if metric, ok := m.Metric(metric); ok && m.ID == d.Model {
			f.Unit, f.Noticeable = metric.Unit, metric.Noticeable
			mid, _ := healthy(metric.Name, f.At)
			f.Expected, f.Level = mid, mid+size
		}
	}
	if kind == anomaly.Silence {
		f.Reason = "No reading for 31 hours; 19 peers of the same model sent 3,420 meanwhile."
	} else {
		f.Reason = fmt.Sprintf("%s is %+.2f %s off its own healthy level (%.1f sigmas) and moves on; of 19 peers none moved.", metric, size, f.Unit, sigmas)
	}
	if days > 0 {
		at := func(x float64) time.Time { return today.Add(time.Duration(x * 24 * float64(time.Hour))) }
		f.Forecast = &anomaly.Forecast{P10: at(days), P50: at(days * 1.35), P90: at(days * 2), Slope: size / 6}
	}
	w.care.findings = append(w.care.findings, f)
	k := len(w.care.findings) - 1
	if kind == anomaly.Silence {
		return
	}
	var e anomaly.Evidence
	for t := today.Add(-7 * 24 * time.Hour); !t.After(f.At); t = t.Add(45 * time.Minute) {
		mid, wide := healthy(metric, t)
		e.Time, e.Value = append(e.Time, t), append(e.Value, w.value(device, metric, t))
		e.Lower, e.Upper = append(e.Lower, mid-wide), append(e.Upper, mid+wide)
	}
	for i := 90; i < 97 && i < len(e.Value); i++ {
		e.Value[i] = math.NaN()
	}
	w.care.findings[k].Evidence = e
}

func populateFindings(w *world, n int) {
	if n == 0 {
		return
	}
	finding(w, drifter, "brew_temperature", anomaly.Drift, 1.72, 5.4, 62*time.Hour, 4.3)
	finding(w, drifter, "pump_current", anomaly.Noise, 0.1, 4.1, 20*time.Hour, 0)
	finding(w, "hp-0007", "supply_temperature", anomaly.Drift, -4.6, 8.2, 120*time.Hour, 0.2)
	finding(w, "air-0008", "co2", anomaly.Step, 140, 6.7, 30*time.Hour, 11)
	finding(w, longSilent, "", anomaly.Silence, 0, 0, 31*time.Hour, 0)
	for i := 30; i < n; i += 97 {
		finding(w, fmt.Sprintf("%s-%04d", []string{"esp", "hp", "air"}[i%3], i), []string{"pump_pressure", "room_temperature", "temperature"}[i%3], anomaly.Drift, 0.7, 4.4, 48*time.Hour, 6+float64(i%40))
	}
}

func populateCases(w *world) {
	w.care.events, w.care.messages = map[string][]outreach.Event{}, map[string][]outreach.Message{}
	states := []outreach.State{outreach.Scheduled, outreach.InProgress, outreach.Opened, outreach.Opened, outreach.Offered, outreach.Done, outreach.Reopened, outreach.Offered, outreach.Offered, outreach.Offered, outreach.Offered, outreach.Offered}
	seen := map[string]bool{}
	for _, f := range w.care.findings {
		if seen[f.Key.Device] {
			continue
		}
		seen[f.Key.Device] = true
		i := len(w.care.cases)
		c := &outreach.Case{
			ID: "case-" + f.Key.Device, Key: f.Key, Model: f.Model, State: states[i%len(states)], Findings: []anomaly.Finding{f}, Owner: fmt.Sprintf("owner-%d", i%7),
			Window: outreach.Window{From: today, Until: today.Add(72 * time.Hour)}, Urgency: 0.9 - float64(i)/20, Opened: f.Detected, Updated: today,
		}
		switch {
		case f.Metric == "brew_temperature" || f.Metric == "co2":
			c.Remedy = "recalibrate"
		default:
			c.Remedy = "visit"
		}
		if c.State == outreach.Scheduled {
			start := today.Add(29 * time.Hour)
			c.Appointment = &outreach.Appointment{Slot: outreach.Slot{ID: "s", Technician: "Rosa", Start: start, End: start.Add(45 * time.Minute), Zone: "Europe/Berlin"}, Booked: today.Add(-time.Hour), Sequence: 1}
		}
		if f.Kind == anomaly.Silence {
			c.Attention = "Could not be written to: the owner has no address that allows it. Please call."
		}
		w.care.cases = append(w.care.cases, c)
	}
	for _, st := range []outreach.State{outreach.Verified, outreach.Dismissed} {
		if len(w.care.findings) > 0 {
			f := w.care.findings[0]
			f.Status = anomaly.Cleared
			w.care.cases = append(w.care.cases, &outreach.Case{ID: "old-" + string(st), Key: f.Key, Model: f.Model, Owner: "owner-2", State: st, Findings: []anomaly.Finding{f}, Opened: today.Add(-700 * time.Hour)})
		}
	}
	w.care.cases = append(w.care.cases, &outreach.Case{ID: "secret-case", Key: devices.Key{Tenant: "other", Device: "secret-device"}, Model: "secret-model", State: outreach.Opened, Owner: "hidden"})
	w.care.findings = append(w.care.findings, anomaly.Finding{ID: "secret-finding", Status: anomaly.Opened, Key: devices.Key{Tenant: "other", Device: "secret-device"}, Model: "secret-model", Metric: "x", Kind: anomaly.Drift, Reason: "hidden reason"})
	w.care.events["secret-case"] = []outreach.Event{{Case: "secret-case", Seq: 1, Kind: outreach.EventNote, Data: json.RawMessage(`{"text":"hidden note"}`)}}
	w.care.messages["secret-case"] = []outreach.Message{{ID: "m0", Tenant: "other", Case: "secret-case", Content: outreach.Content{Text: "hidden message"}}}
	populateStory(w, "case-"+drifter)
}

func populateStory(w *world, id string) {
	link := "https://care.example.com/o/eyJvd25lciI6MX0.c2VjcmV0c2VjcmV0"
	slot := outreach.Slot{ID: "s", Technician: "Rosa", Start: today.Add(29 * time.Hour), End: today.Add(29*time.Hour + 45*time.Minute)}
	data := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return b
	}
	type m = map[string]any
	for i, e := range []struct {
		kind  outreach.EventKind
		actor string
		ago   time.Duration
		data  any
	}{
		{outreach.EventOpened, "forecare", 21 * time.Hour, m{"finding": "f", "reason": "brew_temperature is +0.90 °C off its own healthy level (4.1 sigmas) and moves on; of 19 peers none moved."}},
		{outreach.EventOffered, "forecare", 21*time.Hour - time.Minute, m{"window": outreach.Window{From: today, Until: today.Add(72 * time.Hour)}, "messages": []string{"m1"}}},
		{outreach.EventMessage, "forecare", 20 * time.Hour, m{"message": "m1", "channel": "email", "state": "sent"}},
		{outreach.EventNote, "agent@acme.example.com", 6 * time.Hour, m{"text": "Called about another matter; she would like an afternoon."}},
		{outreach.EventFinding, "forecare", 3 * time.Hour, m{"finding": "f", "status": "updated", "reason": "brew_temperature is +1.72 °C off its own healthy level (5.4 sigmas) and moves on; of 19 peers none moved."}},
		{outreach.EventBooked, "owner", time.Hour, m{"slot": slot}},
		{outreach.EventMessage, "forecare", 59 * time.Minute, m{"message": "m2", "channel": "email", "state": "sent"}},
	} {
		w.care.events[id] = append(w.care.events[id], outreach.Event{Case: id, Seq: i + 1, At: today.Add(-e.ago), Kind: e.kind, Actor: e.actor, Data: data(e.data)})
	}
	w.care.messages[id] = []outreach.Message{
		{ID: "m1", Tenant: "acme", Case: id, Purpose: outreach.Offer, Channel: "email", Lang: "en", State: outreach.Sent, Content: outreach.Content{
			Subject: "Your espresso machine is fine; we would like to keep it that way",
			Text:    "Dear Amira,\n\nyou probably haven't noticed anything, and your espresso machine works. Its brewing temperature has begun to drift by less than a degree.\n\nWe would like to calibrate it, any time in the next three days, at your convenience.\n\nPick a time: " + link + "\nNo more of these: https://care.example.com/u/YWJj.ZGVm\n\nForecare",
			Dir:     "ltr", OwnerURL: link, Unsubscribe: "https://care.example.com/u/YWJj.ZGVm",
		}},
		{ID: "m2", Tenant: "acme", Case: id, Purpose: outreach.Confirmation, Channel: "email", Lang: "ar", State: outreach.Sent, Content: outreach.Content{
			Subject: "تم تأكيد موعدك", Text: "مرحبا أميرة،\n\nتم حجز موعدك يوم الجمعة 13 مارس الساعة 15:30.\n\n" + link, Dir: "rtl", OwnerURL: link,
		}},
	}
}
