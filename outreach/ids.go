package outreach

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

var idAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// derive returns prefix and 80 bits of a hash of the parts, so that whoever
// does the same work twice gives it the same name.
func derive(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		// The length keeps ("ab","c") apart from ("a","bc").
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return prefix + idAlphabet.EncodeToString(h.Sum(nil)[:10])
}

// CaseID returns the id of the case that a finding opens.
func CaseID(tenant, finding string) string { return derive("c-", "case", tenant, finding) }

// MessageID returns the id of the one message of a case, purpose, step and
// recipient.
func MessageID(tenant, caseID string, p Purpose, step int, recipient string) string {
	return derive("m-", "message", tenant, caseID, string(p), strconv.Itoa(step), recipient)
}

// CommandID returns the id of the command of a case's remedy and attempt.
func CommandID(tenant, caseID, remedy string, attempt int) string {
	return derive("k-", "command", tenant, caseID, remedy, strconv.Itoa(attempt))
}

// Fingerprint names an address without telling it.
func Fingerprint(channel, address string) string {
	if channel == "email" {
		address = strings.ToLower(address)
	}
	return derive("a-", "address", channel, address)
}
