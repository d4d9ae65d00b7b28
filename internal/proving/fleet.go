package proving

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/sqlstore"
)

// Fleet is what is registered before a process starts: devices of one tenant
// and one model, with owners where mail is to be written.
type Fleet struct {
	Model    devices.Model
	Devices  []devices.Device
	Contacts []devices.Contact
}

// Registered is a fleet that can speak for itself: Tokens are the devices'
// passwords, API an administrator's token for the REST API.
type Registered struct {
	Tokens map[devices.Key]string
	API    string
}

// Register puts the fleet straight into the state store of a data folder on
// which no process runs.
func Register(ctx context.Context, dir string, f Fleet) (r Registered, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return r, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, fmt.Errorf("making the data folder: %w", err)
	}
	db, err := sqlstore.Open(ctx, "sqlite://"+filepath.Join(dir, "state.db"))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PutModel(ctx, f.Model); err != nil {
		return r, err
	}
	for _, c := range f.Contacts {
		if err := db.PutContact(ctx, c); err != nil {
			return r, err
		}
	}
	r.Tokens = make(map[devices.Key]string, len(f.Devices))
	added := make([]devices.Registration, len(f.Devices))
	for i, d := range f.Devices {
		token := devices.NewToken()
		r.Tokens[d.Key] = token
		added[i] = devices.Registration{Device: d, TokenHash: devices.HashToken(token)}
	}
	if err := db.SaveDevices(ctx, added, nil); err != nil {
		return r, err
	}
	r.API, err = app.NewToken(ctx, db, f.Model.Tenant, "proof", "admin")
	return r, err
}
