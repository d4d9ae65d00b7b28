package registrycli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

func (s *session) contactAdd(ctx context.Context, args []string) error {
	f := newFlags("contact add TENANT/ID --name NAME --locale LOCALE --zone ZONE")
	var c devices.Contact
	f.StringVar(&c.Name, "name", "", "how the person is addressed")
	f.StringVar(&c.Locale, "locale", "", "`language` they read, such as en or ar-AE")
	f.StringVar(&c.Zone, "zone", "", "time `zone` they live in, such as Europe/Berlin; their quiet hours are in it")
	for _, channel := range []string{"email", "webhook"} {
		f.Func(channel, "`address` for "+channel+"; may be given several times, most preferred first", func(value string) error {
			c.Addresses = append(c.Addresses, devices.Address{Channel: channel, Value: value, Preference: len(c.Addresses)})
			return nil
		})
	}
	consent := f.Bool("consent", false, "the person has said yes to being written to at these addresses; without it nothing is sent")
	asJSON := f.jsonFlag()
	key, err := s.oneKey(f, args)
	if err != nil {
		return err
	}
	c.Tenant, c.ID = key.Tenant, key.Device
	if *consent {
		now := time.Now()
		for i := range c.Addresses {
			c.Addresses[i].Consent = now
		}
	}
	if err := c.Validate(); err != nil {
		return err
	}
	return s.putContacts(ctx, []devices.Contact{c}, *asJSON)
}

func (s *session) contactImport(ctx context.Context, args []string) error {
	f := newFlags("contact import FILE")
	tenant := f.String("tenant", "", "the `tenant` they are of, if the file does not say")
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return f.wrong("name one JSON file, or - for standard input; there are %d arguments", len(rest))
	}
	in, err := s.open(rest[0])
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	list, err := devices.ParseContacts(text)
	if err != nil {
		return inFile(rest[0], err)
	}
	// All are checked before the first is stored, so that a mistake in one changes nothing.
	for i := range list {
		if list[i].Tenant, err = oneTenant(list[i].Tenant, *tenant); err == nil {
			err = list[i].Validate()
		}
		if err != nil {
			return inFile(rest[0], err)
		}
	}
	return s.putContacts(ctx, list, *asJSON)
}

// putContacts stores the contacts. Addresses on a channel that the list does
// not mention for a person stay: a push subscription that they made themselves
// is in no maker's list.
func (s *session) putContacts(ctx context.Context, list []devices.Contact, asJSON bool) error {
	rows := make([][]string, len(list))
	for i := range list {
		c := &list[i]
		before, err := s.store.Contact(ctx, c.Tenant, c.ID)
		action := "replaced"
		if devices.CodeOf(err) == devices.NotFound {
			action, err = "added", nil
		}
		if err != nil {
			return err
		}
		listed := slices.Clone(c.Addresses)
		for _, old := range before.Addresses {
			if !slices.ContainsFunc(listed, func(a devices.Address) bool { return a.Channel == old.Channel }) {
				c.Addresses = append(c.Addresses, old)
			}
		}
		if err := s.store.PutContact(ctx, *c); err != nil {
			return err
		}
		s.changed()
		if *c, err = s.store.Contact(ctx, c.Tenant, c.ID); err != nil {
			return err
		}
		rows[i] = []string{c.Tenant + "/" + c.ID, action, reach(c)}
	}
	if asJSON {
		return printJSON(s.out, struct {
			Contacts []devices.Contact `json:"contacts"`
		}{list})
	}
	return printTable(s.out, "CONTACT ACTION REACHED-BY", rows)
}

// reach names the channels of a contact without the addresses, and says which
// may be used.
func reach(c *devices.Contact) string {
	var out []string
	for _, a := range c.Addresses {
		switch {
		case a.Allowed():
			out = append(out, a.Channel)
		case a.Withdrawn.IsZero():
			out = append(out, a.Channel+" (no consent)")
		default:
			out = append(out, a.Channel+" (opted out)")
		}
	}
	return orDash(strings.Join(out, ", "))
}

func (s *session) contactList(ctx context.Context, args []string) error {
	f := newFlags("contact list --tenant TENANT")
	tenant := f.tenantFlag()
	asJSON := f.Bool("json", false, "print JSON for programs, with the addresses")
	rest, err := f.parse(s, args)
	if err == nil {
		err = f.none(rest)
	}
	if err == nil {
		err = f.tenant(*tenant)
	}
	if err != nil {
		return err
	}
	list, err := s.store.ListContacts(ctx, *tenant)
	if err != nil {
		return err
	}
	if *asJSON {
		if list == nil {
			list = []devices.Contact{}
		}
		return printJSON(s.out, struct {
			Contacts []devices.Contact `json:"contacts"`
		}{list})
	}
	rows := make([][]string, len(list))
	for i := range list {
		c := &list[i]
		rows[i] = []string{c.ID, c.Name, c.Locale, c.Zone, reach(c)}
	}
	return printTable(s.out, "CONTACT NAME LOCALE ZONE REACHED-BY", rows)
}
