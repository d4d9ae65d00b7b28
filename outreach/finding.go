package outreach

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/forecare/forecare/anomaly"
)

// HandleFinding takes what detection says. It may be given the same revision
// any number of times, and old ones after new ones: what is not newer than
// what is known has no effect. After nil the finding, the case and the
// messages it causes are stored; after an error none of them is.
func (d *Desk) HandleFinding(ctx context.Context, f anomaly.Finding) error {
	s, err := d.lookup(ctx, f.Key, f.Model)
	if err != nil {
		return err
	}
	at := Ref{Tenant: f.Key.Tenant, Device: f.Key.Device, Finding: f.ID}
	_, err = d.decide(ctx, at, s, func(m *matter) error {
		m.take(f)
		return nil
	})
	return err
}

func (m *matter) take(f anomaly.Finding) {
	if known := m.view.Finding; known != nil && f.Revision <= known.Revision {
		return
	}
	m.change.Finding = &f
	switch {
	case m.c == nil && (f.Status == anomaly.Cleared || m.device.Disabled):
		// Over before it was a case, or of a device that is not looked after.
	case m.c == nil:
		m.open(f)
	case m.c.State.Open():
		m.join(f)
	}
}

func (m *matter) open(f anomaly.Finding) {
	m.c = &Case{
		ID: CaseID(f.Key.Tenant, f.ID), Key: f.Key, Model: m.model.ID, Opened: m.now, Findings: []anomaly.Finding{f},
	}
	m.appraise()
	m.record(EventOpened, actorForecare, tidings(f))
	m.offer(Offer)
}

func (m *matter) join(f anomaly.Finding) {
	i := slices.IndexFunc(m.c.Findings, func(known anomaly.Finding) bool { return known.ID == f.ID })
	if i < 0 {
		m.c.Findings = append(m.c.Findings, f)
	} else {
		m.c.Findings[i] = f
	}
	m.appraise()
	m.touch() // what appraise found is stored, news or not
	if m.news(f) {
		m.record(EventFinding, actorForecare, tidings(f))
	}
	switch {
	case m.cleared():
		m.settle()
	case f.Status == anomaly.Cleared:
		// Another finding of the case is still there.
	case m.c.State == Opened:
		m.offer(Offer)
	case m.c.State == Done && f.At.After(m.c.Finished.Add(m.desk.o.Policy.Proof.Settle)):
		// Finished is wall clock, At the device's own: a device's time is never
		// ahead of ours, so what is later was measured after the remedy.
		m.reopen("The device still deviates after the remedy: " + f.Reason)
	}
}

// tidings is what the case's history keeps of a finding.
func tidings(f anomaly.Finding) data {
	return data{"finding": f.ID, "status": f.Status, "kind": f.Kind, "reason": f.Reason, "size": f.Size, "at": f.At}
}

// news reports whether a revision is worth an entry in the case's history: a
// finding that joins, clears or turns out to be of another kind, one that grew
// by a quarter since the last entry, and otherwise one entry a day. Detection
// says every hour that a trouble persists; nobody reads that.
func (m *matter) news(f anomaly.Finding) bool {
	if f.Status != anomaly.Updated {
		return true
	}
	for _, e := range slices.Backward(m.view.Events) {
		if e.Kind != EventFinding && e.Kind != EventOpened {
			continue
		}
		var last struct {
			Finding string       `json:"finding"`
			Kind    anomaly.Kind `json:"kind"`
			Size    float64      `json:"size"`
			At      time.Time    `json:"at"`
		}
		if json.Unmarshal(e.Data, &last) != nil || last.Finding != f.ID {
			continue
		}
		return last.Kind != f.Kind || math.Abs(f.Size) >= 1.25*math.Abs(last.Size) && f.Size != last.Size || f.At.Sub(last.At) >= 24*time.Hour
	}
	return true
}

// appraise brings what follows from the findings up to date.
func (m *matter) appraise() {
	m.c.Owner = m.device.Owner
	m.c.Urgency = 0
	for i := range m.c.Findings {
		m.c.Urgency = max(m.c.Urgency, Urgency(&m.c.Findings[i], !m.c.Bothering.IsZero(), m.now))
	}
	if m.c.Remedy == "" {
		if r, ok := m.model.RemedyFor(m.c.Finding().Metric); ok {
			m.c.Remedy = r.ID
		}
	}
	w := m.desk.o.Policy.Window.window(m.c.Findings, m.now)
	if m.c.State != "" && m.c.State != Opened {
		// The owner has been told a window: it may end sooner, never later.
		w.From = m.c.Window.From
		if m.c.Window.Until.Before(w.Until) {
			w.Until = m.c.Window.Until
		}
	}
	m.c.Window = w
}

// cleared reports whether telemetry finds nothing any more.
func (m *matter) cleared() bool {
	return !slices.ContainsFunc(m.c.Findings, func(f anomaly.Finding) bool { return f.Status != anomaly.Cleared })
}

// settle ends a case whose findings have all cleared. While the remedy is
// under way it waits for it: Finish looks again.
func (m *matter) settle() {
	switch m.c.State {
	case Done, Reopened:
		// A case is only reopened after a remedy; this is the late proof of it.
		m.verify()
	case Opened, Offered, Scheduled:
		m.withdraw()
	}
}

func (m *matter) verify() {
	told := m.told()
	m.hush()
	m.change.GiveBack = m.c.Appointment != nil // no event: it was kept
	m.record(EventVerified, actorForecare, data{"finding": m.c.Findings[0].ID})
	if told {
		m.write(AllWell, nil, false)
	}
	m.close()
}

func (m *matter) withdraw() {
	told := m.told() || m.c.Appointment != nil
	m.hush()
	gone := m.giveBack(actorForecare)
	m.record(EventWithdrawn, actorForecare, data{"reason": "The device is back to normal by itself."})
	switch {
	case gone != nil:
		m.write(Cancellation, gone, true)
	case told:
		m.write(AllWell, nil, true)
	}
	m.close()
}

// reopen takes a remedy for failed and offers another one.
func (m *matter) reopen(reason string) {
	m.hush()
	m.change.GiveBack = m.c.Appointment != nil // no event: it was kept
	m.c.Appointment = nil
	m.c.Window = m.desk.o.Policy.Window.window(m.c.Findings, m.now)
	m.rest()
	m.record(EventReopened, actorForecare, data{"reason": reason})
	m.offer(Sorry)
}

// close leaves a final case with nothing to do.
func (m *matter) close() {
	m.c.Urgency, m.c.Attention = 0, ""
	m.rest()
}
