package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

const caseColumns = `tenant, id, device, model, owner, state, remedy, attempt, urgency, attention, window_from, window_until,
	appointment, bothering, opened, updated, finished, next, version`

// Case returns a case with its findings, or NotFound.
func (db *DB) Case(ctx context.Context, tenant, id string) (*outreach.Case, error) {
	var c *outreach.Case
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		c, err = readCase(ctx, tx, `tenant = $1 AND id = $2`, tenant, id)
		return err
	})
	if err == nil && c == nil {
		return nil, devices.Errorf(devices.NotFound, "There is no case %s.", id)
	}
	return c, annotate(err, "reading the case %s", id)
}

// Cases returns a page of cases with their findings, most urgent first. Without
// a limit it is a hundred.
func (db *DB) Cases(ctx context.Context, f outreach.CaseFilter) (outreach.CasePage, error) {
	where, args := caseWhere(f)
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var page outreach.CasePage
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM cases WHERE `+where, args...).Scan(&page.Total); err != nil {
			return err
		}
		n := len(args)
		text := fmt.Sprintf(`SELECT %s FROM cases WHERE %s ORDER BY urgency DESC, opened, id LIMIT $%d OFFSET $%d`, caseColumns, where, n+1, n+2)
		var err error
		page.Cases, err = query(ctx, tx, scanCase, text, append(args, f.Limit, max(0, f.Offset))...)
		if err != nil {
			return err
		}
		return readFindingsOf(ctx, tx, page.Cases)
	})
	return page, annotate(err, "listing cases")
}

func caseWhere(f outreach.CaseFilter) (string, []any) {
	var terms []string
	var args []any
	add := func(term string, arg any) {
		args = append(args, arg)
		terms = append(terms, strings.ReplaceAll(term, "$", fmt.Sprintf("$%d", len(args))))
	}
	if f.Tenant != "" {
		add("tenant = $", f.Tenant)
	}
	if f.Device != "" {
		add("device = $", f.Device)
	}
	if text := strings.ToLower(strings.TrimSpace(f.Text)); text != "" {
		text = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
		add(`search LIKE $ ESCAPE '\'`, "%"+text+"%")
	}
	if len(f.States) > 0 {
		marks := make([]string, len(f.States))
		for i, s := range f.States {
			args = append(args, string(s))
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		terms = append(terms, "state IN ("+strings.Join(marks, ", ")+")")
	}
	if len(terms) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(terms, " AND "), args
}

// CaseCounts counts the cases of all tenants by state.
func (db *DB) CaseCounts(ctx context.Context) (map[outreach.State]int, error) {
	counts := map[outreach.State]int{}
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT state, COUNT(*) FROM cases GROUP BY state`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s outreach.State
			var n int
			if err := rows.Scan(&s, &n); err != nil {
				return err
			}
			counts[s] = n
		}
		return rows.Err()
	})
	return counts, annotate(err, "counting cases")
}

// DueCases names up to limit open cases that are to be looked at by now.
func (db *DB) DueCases(ctx context.Context, now time.Time, limit int) ([]outreach.Ref, error) {
	var due []outreach.Ref
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		due, err = query(ctx, tx, func(rows *sql.Rows) (r outreach.Ref, err error) {
			return r, rows.Scan(&r.Tenant, &r.Case)
		}, `SELECT tenant, id FROM cases WHERE next > 0 AND next <= $1 ORDER BY next LIMIT $2`, toMillis(now), limit)
		return err
	})
	return due, annotate(err, "looking for cases that are due")
}

// Timeline returns a case's events in order.
func (db *DB) Timeline(ctx context.Context, tenant, id string) ([]outreach.Event, error) {
	var events []outreach.Event
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		events, err = readEvents(ctx, tx, tenant, id)
		return err
	})
	return events, annotate(err, "reading the history of the case %s", id)
}

func readEvents(ctx context.Context, tx *sql.Tx, tenant, id string) ([]outreach.Event, error) {
	return query(ctx, tx, func(rows *sql.Rows) (e outreach.Event, err error) {
		var at int64
		var raw string
		err = rows.Scan(&e.Case, &e.Seq, &at, &e.Kind, &e.Actor, &raw)
		e.At = fromMillis(at)
		if raw != "" {
			e.Data = json.RawMessage(raw)
		}
		return e, err
	}, `SELECT case_id, seq, at, kind, actor, data FROM case_events WHERE tenant = $1 AND case_id = $2 ORDER BY seq`, tenant, id)
}

// readCase returns the case that the condition selects, with its findings, nil
// if there is none.
func readCase(ctx context.Context, tx *sql.Tx, where string, args ...any) (*outreach.Case, error) {
	list, err := query(ctx, tx, scanCase, `SELECT `+caseColumns+` FROM cases WHERE `+where, args...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], readFindingsOf(ctx, tx, list[:1])
}

func scanCase(rows *sql.Rows) (*outreach.Case, error) {
	var c outreach.Case
	var appointment string
	var from, until, bothering, opened, updated, finished, next int64
	err := rows.Scan(&c.Key.Tenant, &c.ID, &c.Key.Device, &c.Model, &c.Owner, &c.State, &c.Remedy, &c.Attempt, &c.Urgency, &c.Attention,
		&from, &until, &appointment, &bothering, &opened, &updated, &finished, &next, &c.Version)
	if err != nil {
		return nil, err
	}
	c.Window = outreach.Window{From: fromMillis(from), Until: fromMillis(until)}
	c.Bothering, c.Opened, c.Updated = fromMillis(bothering), fromMillis(opened), fromMillis(updated)
	c.Finished, c.Next = fromMillis(finished), fromMillis(next)
	if appointment != "" {
		c.Appointment = new(outreach.Appointment)
		err = json.Unmarshal([]byte(appointment), c.Appointment)
	}
	return &c, err
}

func writeCase(ctx context.Context, tx *sql.Tx, c *outreach.Case) error {
	appointment := ""
	if c.Appointment != nil {
		raw, err := json.Marshal(c.Appointment)
		if err != nil {
			return err
		}
		appointment = string(raw)
	}
	search := strings.ToLower(strings.Join([]string{c.ID, c.Key.Device, c.Model, c.Owner}, " "))
	_, err := tx.ExecContext(ctx, `INSERT INTO cases (`+caseColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
		ON CONFLICT (tenant, id) DO UPDATE SET owner = excluded.owner, state = excluded.state, remedy = excluded.remedy,
			attempt = excluded.attempt, urgency = excluded.urgency, attention = excluded.attention,
			window_from = excluded.window_from, window_until = excluded.window_until, appointment = excluded.appointment,
			bothering = excluded.bothering, updated = excluded.updated, finished = excluded.finished, next = excluded.next,
			version = excluded.version, search = excluded.search`,
		c.Key.Tenant, c.ID, c.Key.Device, c.Model, c.Owner, string(c.State), c.Remedy, c.Attempt, c.Urgency, c.Attention,
		toMillis(c.Window.From), toMillis(c.Window.Until), appointment, toMillis(c.Bothering), toMillis(c.Opened), toMillis(c.Updated),
		toMillis(c.Finished), toMillis(c.Next), c.Version, search)
	return err
}

func writeEvent(ctx context.Context, tx *sql.Tx, tenant string, e outreach.Event) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO case_events (tenant, case_id, seq, at, kind, actor, data) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tenant, e.Case, e.Seq, toMillis(e.At), string(e.Kind), e.Actor, string(e.Data))
	return err
}

// query reads all rows of a query with scan.
func query[T any](ctx context.Context, tx *sql.Tx, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
