package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/forecare/forecare/web/chart"
)

const fleetPageSize = 50

type fleetView struct {
	Head, Tail string
	Overview   *overview
	InUse      int
	Heat       heat
	Query      fleetQuery
	Filtered   bool
	Rows       []fleetLine
	Total      int
	Pager      pager
	Models     []modelCount
	States     []stateCount
	MQTT       string
	Tenant     string
}

type stateCount struct {
	Name  string
	Count int
}

// fleetLine is a row of the list in words.
type fleetLine struct {
	fleetRow
	ModelName string
	What      string
	Left      left
	Spark     template.HTML
}

func (s *Server) fleetPage(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	o, err := s.overview.get(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	q := fleetQueryOf(r.URL.Query())
	v := fleetView{
		Overview: o, InUse: len(o.Rows) - o.Counts[off], Heat: o.heat(), Query: q, Models: o.models,
		Filtered: q.Text+q.Model+q.Site+q.State != "", MQTT: s.o.MQTTAddress, Tenant: id.Tenant,
	}
	v.Head, v.Tail = o.sentence()
	for _, c := range conditions() {
		if n := o.Counts[c]; n > 0 {
			v.States = append(v.States, stateCount{c.String(), n})
		}
	}
	rows, total := o.find(q)
	for _, row := range rows {
		line := fleetLine{fleetRow: row, ModelName: modelName(row.Model, row.Device.Model), What: what(row.Model, row.Finding)}
		if row.Finding != nil {
			line.Left = timeLeft(s.now(), row.Finding)
			line.Spark = chart.Spark(row.Finding.Evidence)
		}
		v.Rows = append(v.Rows, line)
	}
	v.Total = total
	v.Pager = newPager(r.URL, q.Offset, q.Limit, total)
	title := "Fleet"
	if n := o.Counts[noticed] + o.Counts[drifting] + o.Counts[silent]; n > 0 {
		title = fmt.Sprintf("(%d) Fleet", n)
	}
	return s.render(w, r, http.StatusOK, "fleet", title, v)
}

func fleetQueryOf(v url.Values) fleetQuery {
	return fleetQuery{
		Text: v.Get("q"), Model: v.Get("model"), Site: v.Get("site"), State: v.Get("state"),
		Limit: fleetPageSize, Offset: (pageOf(v) - 1) * fleetPageSize,
	}
}

// pageOf reads the page number of a list, 1 if there is none.
func pageOf(v url.Values) int {
	n, err := strconv.Atoi(v.Get("page"))
	if err != nil || n < 1 || n > 1_000_000 {
		return 1
	}
	return n
}

// pager leads through a list.
type pager struct {
	From, To, Total int
	Prev, Next      string // paths, "" where there is none
}

func newPager(u *url.URL, offset, limit, total int) pager {
	p := pager{From: min(offset+1, total), To: min(offset+limit, total), Total: total}
	at := func(page int) string {
		q := u.Query()
		q.Del("page")
		if page > 1 {
			q.Set("page", strconv.Itoa(page))
		}
		if len(q) == 0 {
			return u.Path
		}
		return u.Path + "?" + q.Encode()
	}
	page := offset/limit + 1
	if page > 1 {
		p.Prev = at(page - 1)
	}
	if offset+limit < total {
		p.Next = at(page + 1)
	}
	return p
}
