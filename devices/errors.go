package devices

import (
	"errors"
	"fmt"
)

// Code classifies an error for whoever has to react to it. One table in web
// maps codes to HTTP statuses, in both directions.
type Code string

// The codes. A caller may retry only Unavailable.
const (
	Invalid      Code = "invalid"      // the input is wrong; Message says how to mend it
	NotFound     Code = "not_found"    // no such thing, or not for this caller
	Conflict     Code = "conflict"     // true a moment ago, not any more; read again
	Unauthorized Code = "unauthorized" // who are you
	Forbidden    Code = "forbidden"    // known, but not allowed
	Unavailable  Code = "unavailable"  // passing fault of ours; the same call may succeed later
	Internal     Code = "internal"     // a defect; details are in the log only
)

// Error is an error whose Message may be shown to a user. Err, the cause, may
// not: it goes to the log.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns the message followed by the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *Error whose whole text a user may read.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an *Error with a cause that goes to the log and not to users.
func Wrap(err error, code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf returns the code of the first *Error in err's chain, Internal if
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// MessageOf returns what a user may read of err: the message of the first
// *Error in its chain, or a sentence that gives nothing away.
func MessageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return "Something went wrong on our side. It has been logged."
}
