package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/forecare/forecare/outreach"
)

const (
	messageColumns = `tenant, id, case_id, purpose, step, recipient, channel, address, lang, content, state, detail, attempts, created, due, tried, sent, provider, decision, lease_owner`
	lightColumns   = `tenant, id, case_id, purpose, step, recipient, channel, address, lang, '', state, detail, attempts, created, due, tried, sent, provider, decision, lease_owner`
)

// CaseMessages returns a case's messages, oldest first.
func (db *DB) CaseMessages(ctx context.Context, tenant, id string) ([]outreach.Message, error) {
	var list []outreach.Message
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = readMessages(ctx, tx, messageColumns, `tenant = $1 AND case_id = $2 ORDER BY created, step, id`, tenant, id)
		return err
	})
	return list, annotate(err, "reading the messages of the case %s", id)
}

// Touches returns the messages to a contact that were written since, and were
// sent or may be, oldest first.
func (db *DB) Touches(ctx context.Context, tenant, contact string, since time.Time) ([]outreach.Touch, error) {
	var list []outreach.Touch
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = readTouches(ctx, tx, tenant, contact, since)
		return err
	})
	return list, annotate(err, "reading what %s was written", contact)
}

func readTouches(ctx context.Context, tx *sql.Tx, tenant, contact string, since time.Time) ([]outreach.Touch, error) {
	return query(ctx, tx, func(rows *sql.Rows) (t outreach.Touch, err error) {
		var at int64
		err = rows.Scan(&t.Message, &t.Purpose, &at)
		t.At = fromMillis(at)
		return t, err
	}, `SELECT id, purpose, created FROM messages WHERE tenant = $1 AND recipient = $2 AND created >= $3
		AND state IN ('pending', 'sending', 'sent', 'unknown') ORDER BY created, id`, tenant, contact, toMillis(since))
}

// DeadAddresses returns the fingerprints of a contact's dead addresses.
func (db *DB) DeadAddresses(ctx context.Context, tenant, contact string) ([]string, error) {
	var list []string
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = readDead(ctx, tx, tenant, contact)
		return err
	})
	return list, annotate(err, "reading the dead addresses of %s", contact)
}

func readDead(ctx context.Context, tx *sql.Tx, tenant, contact string) ([]string, error) {
	return query(ctx, tx, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }, `SELECT fingerprint FROM dead_addresses WHERE tenant = $1 AND contact = $2 ORDER BY fingerprint`, tenant, contact)
}

// ReviveAddress forgets that a contact's addresses on a channel were dead.
func (db *DB) ReviveAddress(ctx context.Context, tenant, contact, channel string) error {
	return annotate(db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM dead_addresses WHERE tenant = $1 AND contact = $2 AND channel = $3`, tenant, contact, channel)
		return err
	}), "reviving an address of %s", contact)
}

func readMessages(ctx context.Context, tx *sql.Tx, columns, where string, args ...any) ([]outreach.Message, error) {
	return query(ctx, tx, scanMessage, `SELECT `+columns+` FROM messages WHERE `+where, args...)
}

func scanMessage(rows *sql.Rows) (m outreach.Message, err error) {
	var content, decision []byte
	var created, due, tried, sent int64
	err = rows.Scan(&m.Tenant, &m.ID, &m.Case, &m.Purpose, &m.Step, &m.Recipient, &m.Channel, &m.Address, &m.Lang, &content, &m.State, &m.Detail,
		&m.Attempts, &created, &due, &tried, &sent, &m.Provider, &decision, &m.Leased)
	if err != nil {
		return m, err
	}
	m.Created, m.Due, m.Tried, m.SentAt = fromMillis(created), fromMillis(due), fromMillis(tried), fromMillis(sent)
	if len(content) > 0 {
		if err := json.Unmarshal(content, &m.Content); err != nil {
			return m, err
		}
	}
	return m, json.Unmarshal(decision, &m.Decision)
}

// writeMessage adds a message, unless there is one of its ID already: it is
// the same one then.
func writeMessage(ctx context.Context, tx *sql.Tx, m *outreach.Message) error {
	content, err := json.Marshal(m.Content)
	if err != nil {
		return err
	}
	decision, err := json.Marshal(m.Decision)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO messages (`+messageColumns+`, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, '', 0)
		ON CONFLICT DO NOTHING`,
		m.Tenant, m.ID, m.Case, string(m.Purpose), m.Step, m.Recipient, m.Channel, m.Address, m.Lang, string(content), string(m.State), m.Detail,
		m.Attempts, toMillis(m.Created), toMillis(m.Due), toMillis(m.Tried), toMillis(m.SentAt), m.Provider, string(decision))
	return err
}
