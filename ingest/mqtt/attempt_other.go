//go:build !unix

package mqtt

import "syscall"

// attempt leaves all writing to goroutines that may wait.
type attempt struct {
	buf, rest []byte
	last      bool
}

func newAttempt() *attempt { return &attempt{} }

func (w *attempt) hold(out []byte, last bool) { w.rest, w.last = out, last }

func (w *attempt) left() (rest []byte, last bool) {
	return append([]byte(nil), w.rest...), w.last
}

func (w *attempt) write(syscall.RawConn) error { return nil }

// canTry reports whether sockets can be written to without waiting.
const canTry = false

// arrival is not used without raw access to sockets.
type arrival struct{}

func (*arrival) init(*connection) {}

func (*arrival) read(*connection) (int, error) { return 0, nil }
