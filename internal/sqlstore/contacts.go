package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/forecare/forecare/devices"
)

// PutContact adds the contact or replaces the one of that id, addresses
// included. What a person has decided is not taken back by an older list: of an
// address that stays, the later consent and the later withdrawal are kept, and
// a withdrawal passes to the address that takes another's place on the same
// channel. It is Invalid if the contact is.
func (db *DB) PutContact(ctx context.Context, c devices.Contact) error {
	if err := c.Validate(); err != nil {
		return err
	}
	now := time.Now()
	if c.Created.IsZero() {
		c.Created = now
	}
	return annotate(db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO contacts (tenant, id, name, locale, zone, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, locale = excluded.locale, zone = excluded.zone, updated = excluded.updated`,
			c.Tenant, c.ID, c.Name, c.Locale, c.Zone, toMillis(c.Created), toMillis(now))
		if err != nil {
			return err
		}
		before, err := addresses(ctx, tx, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		no := make(map[string]time.Time) // by channel, of addresses that go
		for _, old := range before[c.ID] {
			if !hasAddress(c.Addresses, old) {
				if old.Withdrawn.After(no[old.Channel]) {
					no[old.Channel] = old.Withdrawn
				}
				if _, err := tx.ExecContext(ctx, `DELETE FROM addresses WHERE tenant = $1 AND contact = $2 AND channel = $3 AND value = $4`,
					c.Tenant, c.ID, old.Channel, old.Value); err != nil {
					return err
				}
			}
		}
		for _, a := range c.Addresses {
			if no[a.Channel].After(a.Withdrawn) && !hasAddress(before[c.ID], a) {
				a.Withdrawn = no[a.Channel]
			}
			if err := putAddress(ctx, tx, c.Tenant, c.ID, a); err != nil {
				return err
			}
		}
		return nil
	}), "storing the contact %s", c.ID)
}

func hasAddress(list []devices.Address, a devices.Address) bool {
	for _, b := range list {
		if a.Channel == b.Channel && a.Value == b.Value {
			return true
		}
	}
	return false
}

func putAddress(ctx context.Context, tx *sql.Tx, tenant, contact string, a devices.Address) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO addresses (tenant, contact, channel, value, preference, consent, withdrawn) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, contact, channel, value) DO UPDATE SET preference = excluded.preference,
			consent = CASE WHEN excluded.consent > addresses.consent THEN excluded.consent ELSE addresses.consent END,
			withdrawn = CASE WHEN excluded.withdrawn > addresses.withdrawn THEN excluded.withdrawn ELSE addresses.withdrawn END`,
		tenant, contact, a.Channel, a.Value, a.Preference, toMillis(a.Consent), toMillis(a.Withdrawn))
	return err
}

// AddAddress adds a way to reach the contact; for one that is there already it
// does what PutContact would. It is NotFound if the contact does not exist.
func (db *DB) AddAddress(ctx context.Context, tenant, contact string, a devices.Address) error {
	if err := a.Validate(); err != nil {
		return err
	}
	return annotate(db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := touchContact(ctx, tx, tenant, contact); err != nil {
			return err
		}
		return putAddress(ctx, tx, tenant, contact, a)
	}), "adding an address to the contact %s", contact)
}

// SetConsent notes the contact's yes (granted) or no at an instant, for all
// addresses of the channel, or for all at all if channel is "". Of two
// decisions the later one holds, in whatever order they arrive; a no wins over
// a yes of the same millisecond. It is NotFound if the contact does not exist,
// or is granted a channel that it has no address for; a no to such a channel is
// no error, since there is nothing left to stop.
func (db *DB) SetConsent(ctx context.Context, tenant, contact, channel string, granted bool, at time.Time) error {
	statement := `UPDATE addresses SET consent = CASE WHEN consent < $4 AND withdrawn <> $4 THEN $4 ELSE consent END`
	if !granted {
		// An address is allowed unless Withdrawn is after Consent, so a yes of
		// the same millisecond is moved one back.
		statement = `UPDATE addresses SET withdrawn = CASE WHEN withdrawn < $4 THEN $4 ELSE withdrawn END,
			consent = CASE WHEN consent = $4 THEN $4 - 1 ELSE consent END`
	}
	statement += ` WHERE tenant = $1 AND contact = $2 AND ($3 = '' OR channel = $3)`
	return annotate(db.withTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := touchContact(ctx, tx, tenant, contact); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, statement, tenant, contact, channel, toMillis(at))
		if err != nil || !granted || channel == "" {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return orElse(err, devices.Errorf(devices.NotFound, "The contact %s has no address for %s.", contact, channel))
		}
		return nil
	}), "storing the consent of the contact %s", contact)
}

func touchContact(ctx context.Context, tx *sql.Tx, tenant, contact string) error {
	result, err := tx.ExecContext(ctx, `UPDATE contacts SET updated = $3 WHERE tenant = $1 AND id = $2`, tenant, contact, toMillis(time.Now()))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return orElse(err, noContact(contact))
	}
	return nil
}

func noContact(id string) error {
	return devices.Errorf(devices.NotFound, "There is no contact %s.", id)
}

// Contact returns the contact with its addresses, most preferred first, or
// NotFound.
func (db *DB) Contact(ctx context.Context, tenant, id string) (devices.Contact, error) {
	list, err := db.contacts(ctx, tenant, id)
	if err == nil && len(list) == 0 {
		return devices.Contact{}, noContact(id)
	}
	if err != nil {
		return devices.Contact{}, annotate(err, "reading the contact %s", id)
	}
	return list[0], nil
}

// ListContacts returns the tenant's contacts with their addresses, ordered by id.
func (db *DB) ListContacts(ctx context.Context, tenant string) ([]devices.Contact, error) {
	list, err := db.contacts(ctx, tenant, "")
	return list, annotate(err, "listing the contacts of %s", tenant)
}

// contacts returns one contact, or all if id is "".
func (db *DB) contacts(ctx context.Context, tenant, id string) ([]devices.Contact, error) {
	var out []devices.Contact
	err := db.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		by, err := addresses(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		where, args := onlyOf("id", tenant, id)
		rows, err := tx.QueryContext(ctx, `SELECT tenant, id, name, locale, zone, created, updated FROM contacts
			WHERE `+where+` ORDER BY id`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c devices.Contact
			var created, updated int64
			if err := rows.Scan(&c.Tenant, &c.ID, &c.Name, &c.Locale, &c.Zone, &created, &updated); err != nil {
				return err
			}
			c.Created, c.Updated, c.Addresses = fromMillis(created), fromMillis(updated), by[c.ID]
			out = append(out, c)
		}
		return rows.Err()
	})
	return out, err
}

// onlyOf is the condition for one id of the tenant, or for all if id is "". An
// OR in one statement would keep SQLite from using the index: reading one
// contact would take as long as the tenant has contacts.
func onlyOf(column, tenant, id string) (where string, args []any) {
	if id == "" {
		return "tenant = $1", []any{tenant}
	}
	return "tenant = $1 AND " + column + " = $2", []any{tenant, id}
}

// addresses returns the addresses of one contact, or of all if contact is "",
// by contact.
func addresses(ctx context.Context, tx *sql.Tx, tenant, contact string) (map[string][]devices.Address, error) {
	where, args := onlyOf("contact", tenant, contact)
	rows, err := tx.QueryContext(ctx, `SELECT contact, channel, value, preference, consent, withdrawn FROM addresses
		WHERE `+where+` ORDER BY preference, channel, value`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	by := make(map[string][]devices.Address)
	for rows.Next() {
		var of string
		var a devices.Address
		var consent, withdrawn int64
		if err := rows.Scan(&of, &a.Channel, &a.Value, &a.Preference, &consent, &withdrawn); err != nil {
			return nil, err
		}
		a.Consent, a.Withdrawn = fromMillis(consent), fromMillis(withdrawn)
		by[of] = append(by[of], a)
	}
	return by, rows.Err()
}
