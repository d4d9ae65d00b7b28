package web

import (
	"fmt"
	"net/url"
	"runtime/debug"

	"github.com/forecare/forecare/devices"
)

// panicError carries a defect and where it happened to the log.
type panicError struct {
	value any
	stack string
}

// Error returns what was panicked with, and where.
func (p panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

func stack() string { return string(debug.Stack()) }

// checkPublicURL refuses what would make links that lead nowhere.
func checkPublicURL(u *url.URL) error {
	switch {
	case u == nil:
		return nil
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return devices.Errorf(devices.Invalid, "The public URL must be like https://care.example.com; it is %q.", u)
	case u.Path != "" && u.Path != "/":
		return devices.Errorf(devices.Invalid, "The public URL must have no path; Forecare wants a host name of its own. It is %q.", u)
	}
	return nil
}
