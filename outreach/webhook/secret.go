package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const secretPrefix = "whsec_"

// NewSecret returns a new signing secret for Options.Secrets, which the
// receivers get too.
func NewSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// keys are the decoded secrets, newest first.
type keys [][]byte

// LogValue hides the secrets.
func (o Options) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("secrets", len(o.Secrets)), slog.Any("allow", o.Allow), slog.Duration("timeout", o.Timeout))
}

func parseSecrets(texts []string) (keys, error) {
	switch {
	case len(texts) == 0:
		return nil, errors.New("webhook: no signing secret; receivers could not tell our messages from a stranger's")
	case len(texts) > 2:
		return nil, errors.New("webhook: more than two signing secrets; keep the new one and the one it replaces")
	}
	parsed := make(keys, len(texts))
	for i, text := range texts {
		encoded, ok := strings.CutPrefix(text, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			// The text itself stays out of the error: it may be a real secret, mistyped.
			return nil, fmt.Errorf("webhook: signing secret %d is not %q followed by 24 to 64 bytes in base64", i+1, secretPrefix)
		}
		parsed[i] = key
	}
	return parsed, nil
}

// sign returns the header's value: one signature per key, separated by spaces.
func (k keys) sign(id string, at time.Time, body []byte) string {
	signatures := make([]string, len(k))
	for i, key := range k {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
