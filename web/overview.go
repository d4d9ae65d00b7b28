package web

import (
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

	heatOnce   sync.Once
	heatTable  heat
	searchOnce sync.Once
	search     []string // what a search looks through, per row, in lower case
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
	known := map[string]*devices.Model{}
	by := map[condition][]fleetRow{}
	for _, d := range all {
		if models[d.Model] == nil {
			known[d.Model] = registry.Model(tenant, d.Model)
			models[d.Model] = &modelCount{ID: d.Model, Name: modelName(known[d.Model], d.Model)}
		}
		models[d.Model].Devices++
		row := judge(d, known[d.Model], open[d.Key.Device])
		by[row.State] = append(by[row.State], row)
		if at, ok := noticedFrom(row.Finding); ok && row.State != off && (v.First.IsZero() || at.Before(v.First)) {
			v.First = at
		}
	}
	for _, m := range models {
		v.models = append(v.models, *m)
	}
	slices.SortFunc(v.models, func(a, b modelCount) int { return strings.Compare(a.ID, b.ID) })
	for _, state := range conditions() {
		rows := by[state]
		if state.Troubled() { // the others stay in the order of their ids, as the registry has them
			slices.SortFunc(rows, func(a, b fleetRow) int {
				if worse(a.Finding, b.Finding) {
					return -1
				}
				return 1
			})
		}
		v.Counts[state] = len(rows)
		v.Rows = append(v.Rows, rows...)
	}
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
	if text != "" {
		v.searchOnce.Do(v.index)
	}
	var out []fleetRow
	total := 0
	for i := range v.Rows {
		if !v.Rows[i].fits(q) || (text != "" && !strings.Contains(v.search[i], text)) {
			continue
		}
		if total >= q.Offset && len(out) < q.Limit {
			out = append(out, v.Rows[i])
		}
		total++
	}
	return out, total
}

func (v *overview) index() {
	v.search = make([]string, len(v.Rows))
	for i := range v.Rows {
		d := v.Rows[i].Device
		v.search[i] = strings.ToLower(strings.Join([]string{d.Key.Device, d.Model, d.Firmware, d.Site.ID, d.Site.Name, d.Owner}, "\n"))
	}
}

func (r *fleetRow) fits(q fleetQuery) bool {
	switch {
	case q.Model != "" && r.Device.Model != q.Model, q.Site != "" && r.Device.Site.ID != q.Site:
		return false
	case q.State == "attention":
		return r.State.Troubled()
	}
	return q.State == "" || r.State.String() == q.State
}
