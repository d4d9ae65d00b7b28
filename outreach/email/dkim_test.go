package email_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/forecare/forecare/outreach/email"
)

func TestSignatureHolds(t *testing.T) {
	public, private := dkimKey(t)
	sign := func(o *email.Options) {
		o.DKIM = &email.DKIM{Domain: "maker.example", Selector: "fc1", Key: private}
	}
	raw := deliverRaw(t, envelope(), sign)
	covered, err := verifyDKIM(raw, public)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"from", "to", "subject", "date", "content-type", "list-unsubscribe", "list-unsubscribe-post"} {
		if !slices.Contains(covered, name) {
			t.Errorf("the signature does not cover %s", name)
		}
	}
	for _, forged := range [][]byte{
		bytes.Replace(raw, []byte("A little care"), []byte("A little money"), 1),
		bytes.Replace(raw, []byte("care.example/u/"), []byte("evil.example/u/"), 1),
		bytes.Replace(raw, []byte("dot line"), []byte("hot line"), 1),
	} {
		if bytes.Equal(forged, raw) {
			t.Fatal("nothing was forged")
		}
		if _, err := verifyDKIM(forged, public); err == nil {
			t.Error("a forged message verifies")
		}
	}
}

func TestDKIMConfiguration(t *testing.T) {
	_, private := dkimKey(t)
	for says, d := range map[string]email.DKIM{
		"selector":      {Domain: "maker.example", Key: private},
		"domain":        {Selector: "fc1", Key: private},
		"not connect":   {Domain: "other.example", Selector: "fc1", Key: private},
		"would not con": {Domain: "ker.example", Selector: "fc1", Key: private},
		"in PEM":        {Domain: "maker.example", Selector: "fc1", Key: []byte("canary")},
	} {
		o := email.Options{Host: "localhost", TLS: email.None, From: "care@maker.example", DKIM: &d}
		if _, err := email.New(o); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v, want it to say %q", err, says)
		}
	}
	d := email.DKIM{Domain: "maker.example", Selector: "fc1", Key: private}
	if shown := fmt.Sprintf("%v %+v %#v %s", d, d, d, &d); strings.Contains(shown, "PRIVATE") || strings.Contains(shown, fmt.Sprint(private[0], private[1])) {
		t.Errorf("the key shows: %s", shown)
	}
}

func dkimKey(t *testing.T) (ed25519.PublicKey, []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return public, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

var (
	spaces = regexp.MustCompile(`[ \t]+`)
	bTag   = regexp.MustCompile(`(\bb=)[^;]*`)
)

// verifyDKIM checks an Ed25519 signature with relaxed canonicalization, from
// RFC 6376 and RFC 8463, and returns the headers that it covers.
func verifyDKIM(raw []byte, public ed25519.PublicKey) ([]string, error) {
	head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	var fields []string
	for l := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
			fields[len(fields)-1] += l
		} else {
			fields = append(fields, l)
		}
	}
	relaxed := func(field string) (name, line string) {
		name, value, _ := strings.Cut(field, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		return name, name + ":" + strings.TrimSpace(spaces.ReplaceAllString(value, " "))
	}
	name, signature := relaxed(fields[0])
	if name != "dkim-signature" {
		return nil, fmt.Errorf("the first field is %s", name)
	}
	tags := map[string]string{}
	for tag := range strings.SplitSeq(strings.TrimPrefix(signature, "dkim-signature:"), ";") {
		k, v, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(k)] = strings.ReplaceAll(v, " ", "")
	}
	if tags["a"] != "ed25519-sha256" || tags["c"] != "relaxed/relaxed" || tags["d"] != "maker.example" || tags["s"] != "fc1" {
		return nil, fmt.Errorf("tags %v", tags)
	}
	lines := strings.Split(body, "\r\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(spaces.ReplaceAllString(l, " "), " ")
	}
	bodySum := sha256.Sum256([]byte(strings.TrimRight(strings.Join(lines, "\r\n"), "\r\n") + "\r\n"))
	if tags["bh"] != base64.StdEncoding.EncodeToString(bodySum[:]) {
		return nil, fmt.Errorf("the body was changed")
	}
	covered := strings.Split(strings.ToLower(tags["h"]), ":")
	rest := slices.Clone(fields[1:])
	var text strings.Builder
	for _, want := range covered {
		for i, f := range slices.Backward(rest) {
			if name, line := relaxed(f); name == want {
				text.WriteString(line + "\r\n")
				rest = slices.Delete(rest, i, i+1)
				break
			}
		}
	}
	text.WriteString(bTag.ReplaceAllString(signature, "$1"))
	sum := sha256.Sum256([]byte(text.String()))
	value, err := base64.StdEncoding.DecodeString(tags["b"])
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(public, sum[:], value) {
		return nil, fmt.Errorf("the header was changed")
	}
	return covered, nil
}
