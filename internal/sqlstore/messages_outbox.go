package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/forecare/forecare/outreach"
)

// LeaseMessages is outreach.Outbox's.
func (db *DB) LeaseMessages(ctx context.Context, l outreach.Lease) ([]outreach.Message, error) {
	if len(l.Channels) == 0 || l.Limit <= 0 {
		return nil, nil
	}
	due := func(first int) string {
		return `SELECT id FROM messages WHERE state = 'pending' AND due <= $1 AND channel IN (` + placeholders(len(l.Channels), first) + `)`
	}
	var channels []any
	for _, name := range l.Channels {
		channels = append(channels, name)
	}
	// Most looks find nothing; they shall not wait for the write lock.
	var some bool
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, due(2)+` LIMIT 1`, append([]any{toMillis(l.Now)}, channels...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		some = rows.Next()
		return rows.Err()
	})
	if err != nil || !some {
		return nil, annotate(err, "looking into the outbox")
	}
	var list []outreach.Message
	err = db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = query(ctx, tx, scanMessage, `UPDATE messages SET state = 'sending', lease_owner = $2, lease_until = $3
			WHERE id IN (`+due(5)+` ORDER BY due, id LIMIT $4) RETURNING `+messageColumns,
			append([]any{toMillis(l.Now), l.Owner, toMillis(l.Until), l.Limit}, channels...)...)
		return err
	})
	return list, annotate(err, "taking messages from the outbox")
}

// placeholders returns n of them from $first on.
func placeholders(n, first int) string {
	marks := make([]string, n)
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", first+i)
	}
	return strings.Join(marks, ", ")
}

// ExpiredLeases returns up to limit messages whose lease ended before now.
func (db *DB) ExpiredLeases(ctx context.Context, now time.Time, limit int) ([]outreach.Message, error) {
	var list []outreach.Message
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = readMessages(ctx, tx, messageColumns, `state = 'sending' AND lease_until < $1 ORDER BY lease_until, id LIMIT $2`, toMillis(now), limit)
		return err
	})
	return list, annotate(err, "looking for leases that ran out")
}

// OutboxDepth counts the messages that are pending or being sent, by channel.
func (db *DB) OutboxDepth(ctx context.Context) (map[string]int, error) {
	depth := map[string]int{}
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, state := range []string{"pending", "sending"} { // each has its index
			_, err := query(ctx, tx, func(rows *sql.Rows) (none struct{}, err error) {
				var channel string
				var n int
				err = rows.Scan(&channel, &n)
				depth[channel] += n
				return none, err
			}, `SELECT channel, COUNT(*) FROM messages WHERE state = '`+state+`' GROUP BY channel`)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return depth, annotate(err, "counting the outbox")
}

// SettleMessages is outreach.Outbox's.
func (db *DB) SettleMessages(ctx context.Context, all []outreach.Settlement) ([]int, error) {
	var done []int
	err := db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done = done[:0]
		for i := range all {
			held, err := settle(ctx, tx, &all[i])
			if err != nil {
				return fmt.Errorf("message %s: %w", all[i].Message.ID, err)
			}
			if held {
				done = append(done, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, annotate(err, "storing what became of messages")
	}
	return done, nil
}

func settle(ctx context.Context, tx *sql.Tx, s *outreach.Settlement) (bool, error) {
	m := &s.Message
	decision, err := json.Marshal(m.Decision)
	if err != nil {
		return false, err
	}
	// A sender that was slower than its lease still knows best what became of
	// its message, unless somebody else has taken it meanwhile.
	held := `state IN ('sending', 'unknown')`
	if s.Expired {
		held = `state = 'sending'`
	}
	result, err := tx.ExecContext(ctx, `UPDATE messages SET state = $3, detail = $4, attempts = $5, due = $6, tried = $7, sent = $8, provider = $9, decision = $10
		WHERE id = $1 AND lease_owner = $2 AND `+held,
		m.ID, m.Leased, string(m.State), m.Detail, m.Attempts, toMillis(m.Due), toMillis(m.Tried), toMillis(m.SentAt), m.Provider, string(decision))
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if s.DeadAddress {
		_, err := tx.ExecContext(ctx, `INSERT INTO dead_addresses (tenant, contact, channel, fingerprint, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			m.Tenant, m.Recipient, m.Channel, outreach.Fingerprint(m.Channel, m.Address), toMillis(s.At))
		if err != nil {
			return false, err
		}
	}
	if s.Next != nil {
		if err := writeMessage(ctx, tx, s.Next); err != nil {
			return false, err
		}
	}
	if s.Event == nil {
		return true, nil
	}
	e := *s.Event
	err = tx.QueryRowContext(ctx, `UPDATE cases SET version = version + 1, updated = $3,
		attention = CASE WHEN $4 = '' OR state IN ('verified', 'dismissed', 'withdrawn') THEN attention ELSE $4 END
		WHERE tenant = $1 AND id = $2 RETURNING version`, m.Tenant, m.Case, toMillis(s.At), s.Attention).Scan(&e.Seq)
	if err != nil {
		return false, err
	}
	return true, writeEvent(ctx, tx, m.Tenant, e)
}
