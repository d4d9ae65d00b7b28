package web

import (
	"cmp"
	"slices"
	"strings"
)

const (
	heatRows    = 10 // sites that get a row of their own
	heatColumns = 6  // models that get a column of their own
)

// heat is the fleet as a table, sites down and models across, worst first.
// What does not fit is summed up in a last row and column.
type heat struct {
	Models []modelCount
	Rows   []heatRow
	More   int // sites in the last row
}

type heatRow struct {
	Site, Name string // Site is "" in the summing row
	Cells      []heatCell
	rank       [3]int
}

type heatCell struct {
	Model          string
	Total, Trouble int
	Worst          condition
}

// Level is how warm the cell is, 0 to 4: the share of its devices in trouble.
func (c heatCell) Level() int {
	switch share := float64(c.Trouble) / float64(max(c.Total, 1)); {
	case c.Trouble == 0:
		return 0
	case share <= 0.1:
		return 1
	case share <= 0.25:
		return 2
	case share <= 0.5:
		return 3
	}
	return 4
}

func (c *heatCell) add(row *fleetRow) {
	if c.Total == 0 || row.State < c.Worst {
		c.Worst = row.State
	}
	c.Total++
	if row.State.Troubled() {
		c.Trouble++
	}
}

// heat returns the table, which is made when it is first asked for.
func (v *overview) heat() heat {
	v.heatOnce.Do(func() { v.heatTable = v.makeHeat() })
	return v.heatTable
}

// makeHeat makes the table. Disabled devices are not in it.
func (v *overview) makeHeat() heat {
	columns := slices.Clone(v.models)
	trouble := map[string]int{}
	for _, row := range v.Rows {
		if row.State.Troubled() {
			trouble[row.Device.Model]++
		}
	}
	slices.SortStableFunc(columns, func(a, b modelCount) int {
		return cmp.Or(cmp.Compare(trouble[b.ID], trouble[a.ID]), cmp.Compare(b.Devices, a.Devices))
	})
	h := heat{Models: columns}
	if len(columns) > heatColumns {
		h.Models = append(columns[:heatColumns-1:heatColumns-1], modelCount{Name: "other models"})
	}
	at := map[string]int{}
	for i, m := range h.Models {
		if m.ID != "" {
			at[m.ID] = i
		}
	}
	sites := map[string]*heatRow{}
	for i := range v.Rows {
		row := &v.Rows[i]
		if row.State == off {
			continue
		}
		d := row.Device
		site := sites[d.Site.ID]
		if site == nil {
			site = &heatRow{Site: d.Site.ID, Name: cmp.Or(d.Site.Name, d.Site.ID, "no site"), Cells: h.cells()}
			sites[d.Site.ID] = site
		}
		column, ok := at[d.Model]
		if !ok {
			column = len(h.Models) - 1
		}
		site.Cells[column].add(row)
		if row.State.Troubled() {
			site.rank[row.State]++
		}
	}
	all := make([]*heatRow, 0, len(sites))
	for _, s := range sites {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *heatRow) int {
		for i := range a.rank {
			if a.rank[i] != b.rank[i] {
				return cmp.Compare(b.rank[i], a.rank[i])
			}
		}
		return strings.Compare(a.Name+a.Site, b.Name+b.Site)
	})
	h.sum(all)
	return h
}

func (h *heat) cells() []heatCell {
	cells := make([]heatCell, len(h.Models))
	for i, m := range h.Models {
		cells[i].Model = m.ID
	}
	return cells
}

// sum keeps the first rows as they are and adds the others up.
func (h *heat) sum(all []*heatRow) {
	if len(all) <= heatRows+1 {
		for _, row := range all {
			h.Rows = append(h.Rows, *row)
		}
		return
	}
	for _, row := range all[:heatRows] {
		h.Rows = append(h.Rows, *row)
	}
	rest := heatRow{Cells: h.cells()}
	h.More = len(all) - heatRows
	for _, row := range all[heatRows:] {
		for i, c := range row.Cells {
			if c.Total == 0 {
				continue
			}
			sum := &rest.Cells[i]
			if sum.Total == 0 || c.Worst < sum.Worst {
				sum.Worst = c.Worst
			}
			sum.Total += c.Total
			sum.Trouble += c.Trouble
		}
	}
	h.Rows = append(h.Rows, rest)
}
