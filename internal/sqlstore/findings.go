package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/outreach"
)

// Findings returns findings in their newest revision, newest (in event time)
// first. Without a limit it is a hundred.
func (db *DB) Findings(ctx context.Context, f outreach.FindingFilter) ([]anomaly.Finding, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var list []anomaly.Finding
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = query(ctx, tx, scanFinding, `SELECT body FROM findings
			WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR device = $2) AND ($3 = '' OR status <> $3)
			ORDER BY at DESC, id LIMIT $4`, f.Tenant, f.Device, exceptCleared(f.Open), f.Limit)
		return err
	})
	return list, annotate(err, "listing findings")
}

func exceptCleared(open bool) string {
	if open {
		return string(anomaly.Cleared)
	}
	return ""
}

func scanFinding(rows *sql.Rows) (f anomaly.Finding, err error) {
	var body []byte
	if err := rows.Scan(&body); err != nil {
		return f, err
	}
	return f, json.Unmarshal(body, &f)
}

// readFinding returns the newest revision of a finding and the case it belongs
// to, nil and "" if it was never seen.
func readFinding(ctx context.Context, tx *sql.Tx, tenant, id string) (*anomaly.Finding, string, error) {
	var caseID string
	list, err := query(ctx, tx, func(rows *sql.Rows) (f anomaly.Finding, err error) {
		var body []byte
		if err := rows.Scan(&caseID, &body); err != nil {
			return f, err
		}
		return f, json.Unmarshal(body, &f)
	}, `SELECT case_id, body FROM findings WHERE tenant = $1 AND id = $2`, tenant, id)
	if err != nil || len(list) == 0 {
		return nil, "", err
	}
	return &list[0], caseID, nil
}

// readFindingsOf fills in the findings of cases.
func readFindingsOf(ctx context.Context, tx *sql.Tx, cases []*outreach.Case) error {
	if len(cases) == 0 {
		return nil
	}
	type key struct{ tenant, id string }
	by := make(map[key]*outreach.Case, len(cases))
	marks := make([]string, len(cases))
	args := make([]any, len(cases))
	for i, c := range cases {
		by[key{c.Key.Tenant, c.ID}] = c
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), c.ID
	}
	_, err := query(ctx, tx, func(rows *sql.Rows) (none struct{}, err error) {
		var k key
		var body []byte
		var f anomaly.Finding
		if err := rows.Scan(&k.tenant, &k.id, &body); err != nil {
			return none, err
		}
		if err := json.Unmarshal(body, &f); err != nil {
			return none, err
		}
		if c := by[k]; c != nil {
			c.Findings = append(c.Findings, f)
		}
		return none, nil
	}, `SELECT tenant, case_id, body FROM findings WHERE case_id IN (`+strings.Join(marks, ", ")+`) ORDER BY tenant, case_id, place`, args...)
	return err
}

// writeFinding stores a revision. Without a case the finding stays with the
// one it has.
func writeFinding(ctx context.Context, tx *sql.Tx, f *anomaly.Finding, caseID string, place int) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO findings (tenant, id, device, revision, status, at, case_id, place, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant, id) DO UPDATE SET revision = excluded.revision, status = excluded.status, at = excluded.at, body = excluded.body,
			case_id = CASE WHEN excluded.case_id = '' THEN findings.case_id ELSE excluded.case_id END,
			place = CASE WHEN excluded.case_id = '' THEN findings.place ELSE excluded.place END`,
		f.Key.Tenant, f.ID, f.Key.Device, f.Revision, string(f.Status), toMillis(f.At), caseID, place, string(body))
	return err
}
