package outreach_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

func links(key byte) *outreach.Links {
	return &outreach.Links{Base: &url.URL{Scheme: "https", Host: "care.example", Path: "/sub"}, Key: bytes.Repeat([]byte{key}, 32)}
}

func TestLinksRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := links('k')
		text := rapid.StringMatching(`[A-Za-z0-9:._-]{1,64}`)
		want := outreach.Grant{
			Tenant: text.Draw(t, "tenant"), Case: text.Draw(t, "case"), Contact: text.Draw(t, "contact"),
			Purpose: outreach.GrantOwner, Expires: noon.Add(time.Duration(rapid.IntRange(1, 1e6).Draw(t, "s")) * time.Second),
		}
		link := l.Owner(want.Tenant, want.Case, want.Contact, want.Expires)
		if !strings.HasPrefix(link, "https://care.example/sub/o/") {
			t.Fatalf("link %s", link)
		}
		if rapid.Bool().Draw(t, "unsubscribe") {
			want.Purpose = outreach.GrantUnsubscribe
			link = l.Unsubscribe(want.Tenant, want.Case, want.Contact, want.Expires)
		}
		got, err := l.Parse(token(link), want.Expires.Add(-time.Second))
		if err != nil || got != want {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		if _, err := l.Parse(token(link), want.Expires); devices.CodeOf(err) != devices.Forbidden {
			t.Fatalf("expired: %v", err)
		}
		// Not a single bit of it may be changed.
		raw, err := base64.RawURLEncoding.DecodeString(token(link))
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, len(raw)*8-1).Draw(t, "bit")
		raw[bit/8] ^= 1 << (bit % 8)
		if _, err := l.Parse(base64.RawURLEncoding.EncodeToString(raw), noon); devices.CodeOf(err) != devices.Unauthorized {
			t.Fatalf("forged: %v", err)
		}
	})
}

func TestLinksRefuse(t *testing.T) {
	l := links('k')
	good := token(l.Owner("acme", "c", "o", noon.Add(time.Hour)))
	for name, token := range map[string]string{
		"empty": "", "no base64": "?!", "padded": good + "=", "cut": good[:len(good)-2], "longer": good + "AAAA", "huge": strings.Repeat("A", 4096),
		"another key": token(links('x').Owner("acme", "c", "o", noon.Add(time.Hour))),
	} {
		if _, err := l.Parse(token, noon); devices.CodeOf(err) != devices.Unauthorized {
			t.Errorf("%s: %v, want unauthorized", name, err)
		}
	}
	short := &outreach.Links{Base: l.Base, Key: []byte("short")}
	if _, err := short.Parse(token(short.Owner("acme", "c", "o", noon.Add(time.Hour))), noon); devices.CodeOf(err) != devices.Unauthorized {
		t.Errorf("short key: %v, want unauthorized", err)
	}
}

func TestOldKeysAreGoodForOldLinks(t *testing.T) {
	old, now := links('a'), links('b')
	link := token(old.Owner("acme", "c", "o", noon.Add(time.Hour)))
	if _, err := now.Parse(link, noon); err == nil {
		t.Fatal("a key that is not listed is accepted")
	}
	now.Old = [][]byte{old.Key}
	if _, err := now.Parse(link, noon); err != nil {
		t.Fatal(err)
	}
}

func TestLinksKeepTheirKeyToThemselves(t *testing.T) {
	l := links('k')
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "links", l)
	fmt.Fprintf(&log, "%v %s %+v", l, l, l)
	if strings.Contains(log.String(), "kkkk") || strings.Contains(log.String(), "107 107") {
		t.Fatal(log.String())
	}
}
