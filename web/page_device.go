package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
	"github.com/forecare/forecare/web/chart"
)

// readingsWithin bounds how long a page waits for the readings store: it is
// better to come without lines than late.
const readingsWithin = 1500 * time.Millisecond

type deviceView struct {
	fleetRow
	ModelName string
	What      string
	Left      left
	Zone      *time.Location
	Range     string
	Ranges    []string
	Main      *metricView
	Others    []*metricView
	Findings  []anomaly.Finding
	Cases     []caseLine
	CasesLost string // why the cases cannot be shown
	Owner     *devices.Contact
	Last      time.Time // of the newest reading; zero if unknown
	Never     bool      // it has never sent anything
	NoStore   string    // why there are no readings
	Stale     bool
	Missing   bool // some lines may be there a little later
	MQTT      string
	Token     string // a new credential, shown once
	Example   string
}

// metricView is one metric of one device.
type metricView struct {
	Metric  *devices.Metric
	Words   string
	Finding *anomaly.Finding
	Chart   *chart.Chart
	Latest  *Point
	Failed  bool
	Old     bool // drawn from the finding's evidence, not from the store
}

var ranges = map[string]time.Duration{"6h": 6 * time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) error {
	return s.showDevice(w, r, "")
}

// showDevice renders the page of the device in the path; token is a new
// credential to show once.
func (s *Server) showDevice(w http.ResponseWriter, r *http.Request, token string) error {
	id, _ := identityOf(r.Context())
	d, m, err := s.device(id.Tenant, chi.URLParam(r, "device"))
	if err != nil {
		return err
	}
	findings, err := s.o.Care.Findings(r.Context(), outreach.FindingFilter{Tenant: id.Tenant, Device: d.Key.Device, Limit: 50})
	if err != nil {
		return err
	}
	var open []*anomaly.Finding
	for i := range findings {
		if findings[i].Status != anomaly.Cleared {
			open = append(open, &findings[i])
		}
	}
	v := &deviceView{
		fleetRow: judge(d, m, open), ModelName: modelName(m, d.Model), Zone: location(d.Site.Zone), Findings: findings,
		MQTT: s.o.MQTTAddress, Token: token, Ranges: []string{"6h", "24h", "7d", "30d"}, Range: r.URL.Query().Get("range"),
	}
	if ranges[v.Range] == 0 {
		v.Range = "7d"
	}
	v.What, v.Left = what(m, v.Finding), timeLeft(s.now(), v.Finding)
	s.deviceMetrics(r.Context(), v, open)
	s.deviceCases(r.Context(), v, id)
	v.Example = examplePayload(m)
	title := d.Key.Device
	if v.State.Troubled() {
		title += ": " + v.State.String()
	}
	return s.render(w, r, http.StatusOK, "device", title, v)
}

// device finds a device of the tenant.
func (s *Server) device(tenant, id string) (*devices.Device, *devices.Model, error) {
	d, m, ok := s.o.Registry.Lookup(devices.Key{Tenant: tenant, Device: id})
	if !ok {
		return nil, nil, devices.Errorf(devices.NotFound, "There is no device %q.", id)
	}
	return d, m, nil
}

// deviceMetrics asks the readings store for all metrics at once and puts the
// worst one first.
func (s *Server) deviceMetrics(ctx context.Context, v *deviceView, open []*anomaly.Finding) {
	if v.Model == nil {
		return
	}
	var all []*metricView
	for i := range v.Model.Metrics {
		metric := &v.Model.Metrics[i]
		mv := &metricView{Metric: metric, Words: metricWords(v.Model, metric.Name)}
		for _, f := range open {
			if f.Metric == metric.Name && (mv.Finding == nil || worse(f, mv.Finding)) {
				mv.Finding = f
			}
		}
		all = append(all, mv)
	}
	ctx, cancel := context.WithTimeout(ctx, readingsWithin)
	defer cancel()
	now := s.now()
	from, every := windowOf(now, ranges[v.Range], v.Model.Interval)
	var wg sync.WaitGroup
	var latest map[string]Point
	var latestErr error
	if s.o.Readings == nil {
		latestErr = devices.Errorf(devices.Unavailable, "This process has no readings store.")
	} else {
		wg.Go(func() { latest, latestErr = s.o.Readings.Latest(ctx, v.Device.Key) })
		for _, mv := range all {
			wg.Go(func() {
				e, err := s.evidences.of(ctx, v.Device, mv.Metric.Name, from, now, every)
				mv.Failed = err != nil
				mv.Chart = &chart.Chart{Evidence: e}
			})
		}
	}
	wg.Wait()
	for _, mv := range all {
		v.Missing = v.Missing || mv.Failed
		s.drawable(v, mv)
		if p, ok := latest[mv.Metric.Name]; ok {
			mv.Latest = &p
			if p.Time.After(v.Last) {
				v.Last = p.Time
			}
		}
		if v.Main == nil || (v.Finding != nil && v.Finding.Metric == mv.Metric.Name) {
			v.Main = mv
		}
	}
	for _, mv := range all {
		if mv != v.Main {
			mv.Chart.Small = true
			v.Others = append(v.Others, mv)
		}
	}
	if latestErr != nil {
		v.NoStore = devices.MessageOf(latestErr)
		s.log.Debug("readings not shown", "device", v.Device.Key.String(), "error", latestErr)
		return
	}
	v.Never = len(latest) == 0
	v.Stale = !v.Never && now.Sub(v.Last) > max(10*v.Model.Interval, 15*time.Minute)
}

// drawable falls back on the picture that the finding brought along.
func (s *Server) drawable(v *deviceView, mv *metricView) {
	if mv.Chart == nil {
		mv.Chart, mv.Failed = &chart.Chart{}, true
	}
	if mv.Chart.Empty() && mv.Finding != nil && len(mv.Finding.Evidence.Time) > 0 {
		mv.Chart.Evidence, mv.Old = mv.Finding.Evidence, true
	}
	mv.Chart.Name, mv.Chart.Unit, mv.Chart.Zone, mv.Chart.Finding = mv.Words, mv.Metric.Unit, v.Zone, mv.Finding
}

// windowOf cuts a range into at most about 240 windows of a round length. None
// is shorter than two readings are apart, or a healthy line would have gaps.
func windowOf(now time.Time, length, interval time.Duration) (from time.Time, every time.Duration) {
	every = 24 * time.Hour
	for _, d := range []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if length/d <= 240 && d >= 2*interval {
			every = d
			break
		}
	}
	return now.Add(-length), every
}

func (s *Server) deviceCases(ctx context.Context, v *deviceView, id account.Identity) {
	if !id.Role.May(account.SeeCases) {
		return
	}
	found, err := s.o.Care.Cases(ctx, outreach.CaseFilter{Tenant: id.Tenant, Device: v.Device.Key.Device, Limit: 20})
	if err != nil {
		v.CasesLost = devices.MessageOf(err)
		return
	}
	v.Cases = s.caseLines(ctx, id, found.Cases)
	if v.Device.Owner != "" && id.Role.May(account.SeeContacts) {
		if c, err := s.o.Fleet.Contact(ctx, id.Tenant, v.Device.Owner); err == nil {
			v.Owner = &c
		}
	}
}

// examplePayload is a reading that the model would accept.
func examplePayload(m *devices.Model) string {
	if m == nil || len(m.Metrics) == 0 {
		return `{"temp": 21.4}`
	}
	metric := m.Metrics[0]
	v := 21.4
	switch {
	case metric.Min != nil && metric.Max != nil:
		v = (*metric.Min + *metric.Max) / 2
	case metric.Min != nil:
		v = *metric.Min
	case metric.Max != nil:
		v = *metric.Max
	}
	return fmt.Sprintf(`{%q: %.6g}`, metric.Name, v)
}
