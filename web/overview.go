package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

// overviewAge bounds how old an overview may be if no notice comes, and
// maxOpenFindings how many open findings one may hold.
const (
	overviewAge     = 5 * time.Second
	maxOpenFindings = 5000
)

// overview is a whole fleet at one moment: every device with its condition,
// worst first. It is never changed once it is made.
type overview struct {
	At     time.Time
	Rows   []fleetRow
	Counts map[condition]int
	First  time.Time // when the first owner may notice; zero if nobody will
	models []modelCount
}

type modelCount struct {
	ID, Name string
	Devices  int
}

// overviews keeps the newest overview of each tenant, so that a hundred open
// pages cost one look at the fleet per change.
type overviews struct {
	care     Care
	registry Registry
	now      func() time.Time

	mu      sync.Mutex
	kept    map[string]*overview
	changes int // counted by forget, so that a look begun before a change is not kept
}

func newOverviews(care Care, registry Registry, now func() time.Time) *overviews {
	return &overviews{care: care, registry: registry, now: now, kept: map[string]*overview{}}
}

// forget drops what a notice made stale.
func (o *overviews) forget(n Notice) {
	switch n.Kind {
	case "finding", "registry", "device", "resync":
	default:
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes++
	if n.Tenant == "" {
		clear(o.kept)
	} else {
		delete(o.kept, n.Tenant)
	}
}

func (o *overviews) get(ctx context.Context, tenant string) (*overview, error) {
	o.mu.Lock()
	kept, changes := o.kept[tenant], o.changes
	o.mu.Unlock()
	now := o.now()
	if kept != nil && now.Sub(kept.At) < overviewAge {
		return kept, nil
	}
	findings, err := o.care.Findings(ctx, outreach.FindingFilter{Tenant: tenant, Open: true, Limit: maxOpenFindings})
	if err != nil {
		return nil, err
	}
	fresh := look(now, tenant, o.registry, findings)
	o.mu.Lock()
	if o.changes == changes {
		o.kept[tenant] = fresh
	}
	o.mu.Unlock()
	return fresh, nil
}

func look(now time.Time, tenant string, registry Registry, findings []anomaly.Finding) *overview {
	open := map[string][]*anomaly.Finding{}
	for i := range findings {
		f := &findings[i]
		if f.Key.Tenant == tenant && f.Status != anomaly.Cleared {
			open[f.Key.Device] = append(open[f.Key.Device], f)
		}
	}
	all := registry.Devices(tenant)
	v := &overview{At: now, Rows: make([]fleetRow, 0, len(all)), Counts: map[condition]int{}}
	models := map[string]*modelCount{}
	for _, d := range all {
		m := registry.Model(tenant, d.Model)
		row := judge(d, m, open[d.Key.Device])
		v.Rows = append(v.Rows, row)
		v.Counts[row.State]++
		if models[d.Model] == nil {
			models[d.Model] = &modelCount{ID: d.Model, Name: modelName(m, d.Model)}
		}
		models[d.Model].Devices++
		if at, ok := noticedFrom(row.Finding); ok && row.State != off && (v.First.IsZero() || at.Before(v.First)) {
			v.First = at
		}
	}
	for _, m := range models {
		v.models = append(v.models, *m)
	}
	slices.SortFunc(v.models, func(a, b modelCount) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(v.Rows, func(a, b fleetRow) int {
		if a.State != b.State {
			return cmp.Compare(a.State, b.State)
		}
		if a.Finding != nil && b.Finding != nil && a.Finding != b.Finding {
			if worse(a.Finding, b.Finding) {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Device.Key.Device, b.Device.Key.Device)
	})
	return v
}

func modelName(m *devices.Model, id string) string {
	if m == nil || m.Name == "" {
		return id
	}
	return m.Name
}

// fleetQuery selects devices; empty fields select all.
type fleetQuery struct {
	Text, Model, Site, State string
	Limit, Offset            int
}

// find returns the rows that fit and how many there are in all.
func (v *overview) find(q fleetQuery) ([]fleetRow, int) {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	var out []fleetRow
	total := 0
	for _, row := range v.Rows {
		if !row.fits(q, text) {
			continue
		}
		if total >= q.Offset && len(out) < q.Limit {
			out = append(out, row)
		}
		total++
	}
	return out, total
}

func (r *fleetRow) fits(q fleetQuery, text string) bool {
	d := r.Device
	switch {
	case q.Model != "" && d.Model != q.Model, q.Site != "" && d.Site.ID != q.Site:
		return false
	case q.State == "attention":
		if !r.State.Troubled() {
			return false
		}
	case q.State != "" && r.State.String() != q.State:
		return false
	}
	if text == "" {
		return true
	}
	for _, field := range []string{d.Key.Device, d.Model, d.Firmware, d.Site.ID, d.Site.Name, d.Owner} {
		if strings.Contains(strings.ToLower(field), text) {
			return true
		}
	}
	return false
}
