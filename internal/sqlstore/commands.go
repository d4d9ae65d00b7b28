package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

const commandColumns = `tenant, id, case_id, device, name, args, issued, expires, sent, answered, ok, error`

// Command returns a command with the device's answer, or NotFound.
func (db *DB) Command(ctx context.Context, tenant, id string) (outreach.SentCommand, error) {
	var list []outreach.SentCommand
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = query(ctx, tx, scanCommand, `SELECT `+commandColumns+` FROM commands WHERE tenant = $1 AND id = $2`, tenant, id)
		return err
	})
	if err == nil && len(list) == 0 {
		return outreach.SentCommand{}, devices.Errorf(devices.NotFound, "There is no command %s.", id)
	}
	if err != nil {
		return outreach.SentCommand{}, annotate(err, "reading the command %s", id)
	}
	return list[0], nil
}

// DueCommands is outreach.Store's.
func (db *DB) DueCommands(ctx context.Context, now, before time.Time, limit int) ([]devices.Command, error) {
	const due = `answered = 0 AND sent <= $1 AND expires > $2`
	var some bool
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM commands WHERE `+due+` LIMIT 1`, toMillis(before), toMillis(now))
		if err != nil {
			return err
		}
		defer rows.Close()
		some = rows.Next()
		return rows.Err()
	})
	if err != nil || !some {
		return nil, annotate(err, "looking for commands to repeat")
	}
	var list []outreach.SentCommand
	err = db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = query(ctx, tx, scanCommand, `UPDATE commands SET sent = $2 WHERE (tenant, id) IN
			(SELECT tenant, id FROM commands WHERE `+due+` ORDER BY sent, id LIMIT $3) RETURNING `+commandColumns, toMillis(before), toMillis(now), limit)
		return err
	})
	commands := make([]devices.Command, len(list))
	for i := range list {
		commands[i] = list[i].Command
	}
	return commands, annotate(err, "taking commands to repeat")
}

// ExpiredCommands returns up to limit commands that expired unanswered.
func (db *DB) ExpiredCommands(ctx context.Context, now time.Time, limit int) ([]outreach.SentCommand, error) {
	var list []outreach.SentCommand
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		list, err = query(ctx, tx, scanCommand, `SELECT `+commandColumns+` FROM commands WHERE answered = 0 AND expires <= $1 ORDER BY expires, id LIMIT $2`,
			toMillis(now), limit)
		return err
	})
	return list, annotate(err, "looking for commands that expired")
}

// readCommand returns the command of that id, or the case's newest if id is
// "", nil if there is none.
func readCommand(ctx context.Context, tx *sql.Tx, tenant, caseID, id string) (*outreach.SentCommand, error) {
	list, err := query(ctx, tx, scanCommand, `SELECT `+commandColumns+` FROM commands
		WHERE tenant = $1 AND case_id = $2 AND ($3 = '' OR id = $3) ORDER BY issued DESC, id LIMIT 1`, tenant, caseID, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func scanCommand(rows *sql.Rows) (k outreach.SentCommand, err error) {
	var args string
	var issued, expires, sent, answered int64
	err = rows.Scan(&k.Key.Tenant, &k.ID, &k.Case, &k.Key.Device, &k.Name, &args, &issued, &expires, &sent, &answered, &k.OK, &k.Error)
	if err != nil {
		return k, err
	}
	k.Issued, k.Expires, k.Sent, k.Answered = fromMillis(issued), fromMillis(expires), fromMillis(sent), fromMillis(answered)
	if args != "" {
		err = json.Unmarshal([]byte(args), &k.Args)
	}
	return k, err
}

func writeCommand(ctx context.Context, tx *sql.Tx, k *outreach.SentCommand) error {
	args := ""
	if k.Args != nil {
		raw, err := json.Marshal(k.Args)
		if err != nil {
			return err
		}
		args = string(raw)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO commands (`+commandColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant, id) DO UPDATE SET answered = excluded.answered, ok = excluded.ok, error = excluded.error`,
		k.Key.Tenant, k.ID, k.Case, k.Key.Device, k.Name, args, toMillis(k.Issued), toMillis(k.Expires), toMillis(k.Sent), toMillis(k.Answered), k.OK, k.Error)
	return err
}
