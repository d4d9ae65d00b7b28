package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

// errNothing rolls a transaction back in which nothing was decided.
var errNothing = errors.New("nothing to store")

// ChangeCase is outreach.Store's.
func (db *DB) ChangeCase(ctx context.Context, at outreach.Ref, decide func(outreach.View) (*outreach.Change, error)) error {
	var err error
	for range 5 {
		err = db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			v, err := readView(ctx, tx, at)
			if err != nil {
				return fmt.Errorf("reading what is known of the case: %w", err)
			}
			ch, err := decide(v)
			if err != nil {
				return err
			}
			if ch == nil {
				return errNothing
			}
			return writeChange(ctx, tx, at.Tenant, v, ch)
		})
		// Another process opened a case of the same device. The next look sees it.
		if !duplicate(err) {
			break
		}
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// duplicate reports whether a unique index refused a row that the transaction
// could not see. On SQLite, where writers queue, there is no such row.
func duplicate(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505"
}

func readView(ctx context.Context, tx *sql.Tx, at outreach.Ref) (v outreach.View, err error) {
	if at.Contact != "" {
		// Taking the person's turn first keeps two decisions about them apart.
		_, err = tx.ExecContext(ctx, `INSERT INTO case_contacts (tenant, contact, turn) VALUES ($1, $2, 1)
			ON CONFLICT (tenant, contact) DO UPDATE SET turn = case_contacts.turn + 1`, at.Tenant, at.Contact)
		if err != nil {
			return v, err
		}
		if v.Touches, err = readTouches(ctx, tx, at.Tenant, at.Contact, at.Since); err != nil {
			return v, err
		}
		if v.Dead, err = readDead(ctx, tx, at.Tenant, at.Contact); err != nil {
			return v, err
		}
	}
	caseID := at.Case
	if at.Finding != "" {
		if v.Finding, caseID, err = readFinding(ctx, tx, at.Tenant, at.Finding); err != nil {
			return v, err
		}
		if at.Case != "" {
			caseID = at.Case
		}
	}
	if caseID != "" {
		v.Case, err = readCase(ctx, tx, `tenant = $1 AND id = $2`, at.Tenant, caseID)
	} else {
		v.Case, err = readCase(ctx, tx, `tenant = $1 AND device = $2 AND state NOT IN ('verified', 'dismissed', 'withdrawn')`, at.Tenant, at.Device)
	}
	if err != nil || v.Case == nil {
		return v, err
	}
	if v.Events, err = readEvents(ctx, tx, at.Tenant, v.Case.ID); err != nil {
		return v, err
	}
	if v.Messages, err = readMessages(ctx, tx, lightColumns, `tenant = $1 AND case_id = $2 ORDER BY created, step, id`, at.Tenant, v.Case.ID); err != nil {
		return v, err
	}
	if v.Command, err = readCommand(ctx, tx, at.Tenant, v.Case.ID, at.Command); err != nil {
		return v, err
	}
	v.Bookings, err = readBookings(ctx, tx, at.Tenant, at.From)
	return v, err
}

func writeChange(ctx context.Context, tx *sql.Tx, tenant string, v outreach.View, ch *outreach.Change) error {
	if c := ch.Case; c != nil {
		if err := writeCase(ctx, tx, c); err != nil {
			return fmt.Errorf("storing the case %s: %w", c.ID, err)
		}
	}
	if f := ch.Finding; f != nil {
		caseID, place := "", 0
		if c := ch.Case; c != nil {
			caseID = c.ID
			for place < len(c.Findings) && c.Findings[place].ID != f.ID {
				place++
			}
		}
		if err := writeFinding(ctx, tx, f, caseID, place); err != nil {
			return fmt.Errorf("storing the finding %s: %w", f.ID, err)
		}
	}
	for _, e := range ch.Events {
		if err := writeEvent(ctx, tx, tenant, e); err != nil {
			return fmt.Errorf("storing an event of the case %s: %w", e.Case, err)
		}
	}
	for _, s := range ch.Suppress {
		decision, err := json.Marshal(s.Decision)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE messages SET state = 'suppressed', detail = $3, decision = $4 WHERE tenant = $1 AND id = $2 AND state = 'pending'`,
			tenant, s.Message, "Not sent: the case has moved on.", string(decision))
		if err != nil {
			return fmt.Errorf("taking back the message %s: %w", s.Message, err)
		}
	}
	for i := range ch.Messages {
		if err := writeMessage(ctx, tx, &ch.Messages[i]); err != nil {
			return fmt.Errorf("storing the message %s: %w", ch.Messages[i].ID, err)
		}
	}
	if err := writeBooking(ctx, tx, tenant, v, ch); err != nil {
		return err
	}
	if ch.Command != nil {
		if err := writeCommand(ctx, tx, ch.Command); err != nil {
			return fmt.Errorf("storing the command %s: %w", ch.Command.ID, err)
		}
	}
	return nil
}

func writeBooking(ctx context.Context, tx *sql.Tx, tenant string, v outreach.View, ch *outreach.Change) error {
	if ch.GiveBack && v.Case != nil {
		if err := endBooking(ctx, tx, tenant, v.Case.ID); err != nil {
			return fmt.Errorf("giving the booking of the case %s back: %w", v.Case.ID, err)
		}
	}
	if ch.Booking == nil {
		return nil
	}
	if ch.Case == nil || len(ch.Events) == 0 {
		return devices.Errorf(devices.Internal, "A booking needs its case and an event.")
	}
	err := insertBooking(ctx, tx, fmt.Sprintf("%s/%d", ch.Case.ID, slices.MaxFunc(ch.Events, bySeq).Seq), ch.Booking)
	if err != nil && !errors.Is(err, outreach.ErrPlaceTaken) {
		return fmt.Errorf("booking for the case %s: %w", ch.Case.ID, err)
	}
	return err
}

func bySeq(a, b outreach.Event) int { return a.Seq - b.Seq }
