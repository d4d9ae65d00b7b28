package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/web/account"
)

// StateURL returns the database that the configuration names, in full.
func StateURL(c config.Config) (string, error) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return "", fmt.Errorf("finding the data folder: %w", err)
	}
	return inData(c.State, data, "sqlite", "state.db"), nil
}

// SignInLink makes the person a user and returns a link that signs them in
// once.
func SignInLink(ctx context.Context, db *sqlstore.DB, base *url.URL, tenant, email, role string) (string, error) {
	r, err := account.ParseRole(role)
	if err != nil {
		return "", err
	}
	return account.New(account.Options{Store: db.Accounts(), PublicURL: base}).NewLink(ctx, tenant, email, r)
}

// NewToken makes an API token.
func NewToken(ctx context.Context, db *sqlstore.DB, tenant, name, role string) (string, error) {
	r, err := account.ParseRole(role)
	if err != nil {
		return "", err
	}
	secret, _, err := account.New(account.Options{Store: db.Accounts(), PublicURL: &url.URL{}}).NewToken(ctx, tenant, name, r, "command line")
	return secret, err
}

// RunFile is what a running process tells tools beside it, in run.json of its
// data folder.
type RunFile struct {
	PID  int    `json:"pid"`
	MQTT string `json:"mqtt,omitempty"`
	Web  string `json:"web,omitempty"`
}

// WriteRunFile says where this process is; remove takes it back.
func (a *App) WriteRunFile() (remove func(), err error) {
	b, err := json.Marshal(RunFile{PID: os.Getpid(), MQTT: a.Addr("mqtt"), Web: a.Addr("web")})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(a.cfg.Data, "run.json")
	if err := writeSecret(path, b); err != nil {
		return nil, err
	}
	return func() { os.Remove(path) }, nil
}

// ReadRunFile reads what a process on the data folder told. A process that was
// killed leaves its file behind.
func ReadRunFile(data string) (RunFile, error) {
	var r RunFile
	b, err := os.ReadFile(filepath.Join(data, "run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("no forecare runs on %s: %w", data, err)
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}
