// Package registrycli is the command line of the registry: devices, models and
// contacts are added, looked at and changed here, in words. It prints a device's
// token once, when it is made.
package registrycli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/forecare/forecare/devices"
)

// Store keeps the registry.
type Store interface {
	devices.ImportStore
	AddDevice(ctx context.Context, d devices.Device, tokenHash string) error
	Device(ctx context.Context, key devices.Key) (devices.Device, error)
	ListDevices(ctx context.Context, f devices.DeviceFilter) ([]devices.Device, int, error)
	SetDeviceDisabled(ctx context.Context, key devices.Key, disabled bool) error
	RotateCredential(ctx context.Context, key devices.Key, newHash string, keepOld bool) error
	PutModel(ctx context.Context, m devices.Model) error
	Model(ctx context.Context, tenant, id string) (devices.Model, error)
	ListModels(ctx context.Context, tenant string) ([]devices.Model, error)
	PutContact(ctx context.Context, c devices.Contact) error
	Contact(ctx context.Context, tenant, id string) (devices.Contact, error)
	ListContacts(ctx context.Context, tenant string) ([]devices.Contact, error)
}

// ErrUsage is in the chain of every error that means a wrong call rather than
// work that failed. Such an error says what to do instead; nothing has been
// printed.
var ErrUsage = errors.New("wrong usage")

type usageError struct{ text string }

func (e *usageError) Error() string        { return e.text }
func (e *usageError) Is(target error) bool { return target == ErrUsage }

func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// session is one call of Run.
type session struct {
	in      io.Reader
	out     io.Writer
	errs    io.Writer
	store   Store
	changed func()
}

type verb struct {
	name  string
	about string // one line for the help
	run   func(s *session, ctx context.Context, args []string) error
}

func verbs() map[string][]verb {
	return map[string][]verb{
		"device": {
			{"add", "add a device and print its token", (*session).deviceAdd},
			{"list", "list devices", (*session).deviceList},
			{"show", "show one device", (*session).deviceShow},
			{"disable", "shut a device out", (*session).deviceDisable},
			{"enable", "let a device in again", (*session).deviceEnable},
			{"rotate", "give a device a new token and print it", (*session).deviceRotate},
			{"import", "add and change devices from a CSV file", (*session).deviceImport},
		},
		"model": {
			{"import", "add or replace models from JSON files", (*session).modelImport},
			{"list", "list models", (*session).modelList},
			{"show", "print one model as JSON", (*session).modelShow},
		},
		"contact": {
			{"add", "add or replace a contact", (*session).contactAdd},
			{"list", "list contacts", (*session).contactList},
			{"import", "add or replace contacts from a JSON file", (*session).contactImport},
		},
	}
}

// Run does what args say: a noun (device, model, contact), a verb and its
// flags, as in "device add acme/press-7 --model press-9 --zone Europe/Berlin".
// It prints results on stdout and hints on stderr, and calls changed after
// every change that is committed; changed may be nil. The error's text is for
// the user; it matches ErrUsage if the call itself was wrong.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, store Store, changed func()) error {
	if changed == nil {
		changed = func() {}
	}
	s := &session{in: stdin, out: stdout, errs: stderr, store: store, changed: changed}
	if len(args) == 0 {
		return usagef("say what it is about: device, model or contact")
	}
	known, ok := verbs()[args[0]]
	if !ok {
		return usagef("there is no %q; it is about device, model or contact", args[0])
	}
	if len(args) == 1 {
		return usagef("say what to do with the %s:\n%s", args[0], overview(args[0], known))
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[1]) {
		fmt.Fprint(stdout, overview(args[0], known))
		return nil
	}
	i := slices.IndexFunc(known, func(v verb) bool { return v.name == args[1] })
	if i < 0 {
		return usagef("there is no \"%s %s\"; there is:\n%s", args[0], args[1], overview(args[0], known))
	}
	err := known[i].run(s, ctx, args[2:])
	if errors.Is(err, errHelp) {
		return nil
	}
	return plain(err)
}

func overview(noun string, known []verb) string {
	var b strings.Builder
	for _, v := range known {
		fmt.Fprintf(&b, "  forecare %s %-8s %s\n", noun, v.name, v.about)
	}
	return b.String()
}

// plain takes away what the layers in between say of an error that is for the
// user anyway.
func plain(err error) error {
	if e, ok := errors.AsType[*devices.Error](err); ok && e.Code != devices.Internal {
		return e
	}
	return err
}
