package email

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxAddress = 254

// recipient checks that the text is one bare address. Its errors do not repeat
// it.
func recipient(text string) (string, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > maxAddress || strings.ContainsAny(text, "<>[]\"(),;:\\ ") {
		return "", errors.New("the address is not a plain mail address")
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return "", errors.New("the address is not a plain mail address")
		}
	}
	return text, nil
}

// messageID returns the Message-ID of the message, without its brackets: the
// same whenever the message is sent.
func (c *Channel) messageID(id string) string { return word(id) + "@" + c.domain }

// word returns id, or a digest of it where it could not stand in a header.
func word(id string) string {
	plain := id != "" && len(id) <= 64
	for _, r := range id {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' {
			plain = false
		}
	}
	if plain {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// line returns s fit for a header: one line, no control characters, at most
// limit characters.
func line(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit-1]) + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
