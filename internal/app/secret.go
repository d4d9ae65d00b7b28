package app

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/forecare/forecare/outreach/webpush"
)

// secretFile returns 32 random bytes that it makes on first use and keeps in
// the file, for this user only.
func secretFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		key, err := base64.RawURLEncoding.DecodeString(string(b))
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("%s holds no key of ours; restore it, or delete it and every link sent so far stops working", path)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	if err := writeSecret(path, []byte(base64.RawURLEncoding.EncodeToString(key))); err != nil {
		return nil, err
	}
	return key, nil
}

// pushKeys returns the VAPID key pair, made on first use. Subscriptions are
// bound to it, so it is never replaced by itself.
func (a *App) pushKeys() (public, private string, err error) {
	path := filepath.Join(a.cfg.Data, "webpush.json")
	var keys struct{ Public, Private string }
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(b, &keys); err != nil || keys.Public == "" || keys.Private == "" {
			return "", "", fmt.Errorf("%s holds no key pair of ours; restore it, or delete it and every browser has to subscribe again", path)
		}
		return keys.Public, keys.Private, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("reading the push keys: %w", err)
	}
	if keys.Public, keys.Private, err = webpush.NewKeys(); err != nil {
		return "", "", err
	}
	if b, err = json.Marshal(keys); err != nil {
		return "", "", err
	}
	return keys.Public, keys.Private, writeSecret(path, b)
}

// writeSecret writes the file as a whole or not at all.
func writeSecret(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping a key: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("keeping a key: %w", err)
	}
	return os.Rename(tmp.Name(), path)
}
