package devices

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
)

// Validate returns nil or an Invalid error that names everything that is wrong
// and how to mend it. No address is part of the error: it may be logged.
func (c *Contact) Validate() error {
	var f faults
	f.id("tenant", c.Tenant)
	f.id("id", c.ID)
	if strings.TrimSpace(c.Name) == "" {
		f.add("name is missing; say how the person is to be addressed")
	}
	f.phrase("name", c.Name, 200)
	if !validLocale(c.Locale) {
		f.add(`locale is %s; give a language tag, such as "en" or "ar-AE"`, quoteShort(c.Locale))
	}
	f.zone("zone", c.Zone)
	for i := range c.Addresses {
		a := &c.Addresses[i]
		a.check(&f, fmt.Sprintf("addresses[%d]", i))
		if slices.ContainsFunc(c.Addresses[:i], func(o Address) bool { return o.Channel == a.Channel && o.Value == a.Value }) {
			f.add("addresses[%d] is there twice; leave one out", i)
		}
	}
	return f.err("contact " + quoteShort(c.ID))
}

// Validate returns nil or an Invalid error that says what to mend, without the
// address itself.
func (a *Address) Validate() error {
	var f faults
	a.check(&f, "address")
	return f.err("contact's address")
}

func (a *Address) check(f *faults, at string) {
	f.id(at+" channel", a.Channel)
	if a.Value == "" {
		f.add("%s has no value; give the address itself", at)
		return
	}
	if len(a.Value) > 4096 {
		f.add("%s is longer than 4096 bytes", at)
		return
	}
	switch a.Channel {
	case "email":
		if !validMail(a.Value) {
			f.add("%s is no mail address; write it as name@example.com, without the person's name", at)
		}
	case "webhook":
		if u, err := url.Parse(a.Value); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			f.add("%s is no web address; write it as https://example.com/path", at)
		}
	case "webpush":
		if !json.Valid([]byte(a.Value)) {
			f.add("%s is no push subscription; it must be the browser's JSON", at)
		}
	default:
		f.phrase(at, a.Value, 4096)
	}
}

// validMail takes a bare address: what is stored is put into headers.
func validMail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}
