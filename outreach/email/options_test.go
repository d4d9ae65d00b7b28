package email_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/forecare/forecare/outreach/email"
)

func TestConfiguration(t *testing.T) {
	good := email.Options{Host: "mail.maker.example", TLS: email.StartTLS, From: "Care <care@maker.example>", Username: "u", Password: "canary-password"}
	for name, c := range map[string]struct {
		change func(*email.Options)
		says   string // "" means that it is right
	}{
		"good":                {func(*email.Options) {}, ""},
		"implicit":            {func(o *email.Options) { o.TLS, o.Port = email.Implicit, 4650 }, ""},
		"no sign-in":          {func(o *email.Options) { o.Username, o.Password = "", "" }, ""},
		"none to localhost":   {func(o *email.Options) { o.Host, o.TLS = "localhost", email.None }, ""},
		"none to ::1":         {func(o *email.Options) { o.Host, o.TLS = "::1", email.None }, ""},
		"answers is no noise": {func(o *email.Options) { o.From = "norbert.plynor@maker.example" }, ""},

		"none to elsewhere": {func(o *email.Options) { o.TLS = email.None }, "plain text"},
		"none to 10.0.0.1":  {func(o *email.Options) { o.Host, o.TLS = "10.0.0.1", email.None }, "plain text"},
		"no host":           {func(o *email.Options) { o.Host = "" }, "host name"},
		"URL for host":      {func(o *email.Options) { o.Host = "smtp://mail.maker.example" }, "host name"},
		"unknown TLS":       {func(o *email.Options) { o.TLS = "maybe" }, "none, starttls or tls"},
		"no TLS":            {func(o *email.Options) { o.TLS = "" }, "none, starttls or tls"},
		"port":              {func(o *email.Options) { o.Port = 70000 }, "not a port"},
		"only user name":    {func(o *email.Options) { o.Password = "" }, "belong together"},
		"no from":           {func(o *email.Options) { o.From = "" }, "not a mail address"},
		"two froms":         {func(o *email.Options) { o.From = "a@b.example, c@d.example" }, "not a mail address"},
		"noreply":           {func(o *email.Options) { o.From = "noreply@maker.example" }, "nobody listens"},
		"no-reply":          {func(o *email.Options) { o.From = "Maker <No-Reply@maker.example>" }, "nobody listens"},
		"no_reply-case":     {func(o *email.Options) { o.From = "no_reply-care@maker.example" }, "nobody listens"},
		"do.not.reply":      {func(o *email.Options) { o.From = "do.not.reply@maker.example" }, "nobody listens"},
		"reply to noreply":  {func(o *email.Options) { o.ReplyTo = "noreply@maker.example" }, "nobody listens"},
		"from not ASCII":    {func(o *email.Options) { o.From = "مها@maker.example" }, "plain mail address"},
		"greeting":          {func(o *email.Options) { o.Hello = "a b" }, "white space"},
	} {
		o := good
		c.change(&o)
		_, err := email.New(o)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("configured", "email", good)
	c, err := email.New(good)
	if err != nil {
		t.Fatal(err)
	}
	if shown := log.String() + fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(shown, "canary") {
		t.Errorf("the password shows: %s", shown)
	}
}
