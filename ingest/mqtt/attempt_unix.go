//go:build unix

package mqtt

import (
	"errors"
	"syscall"
)

// attempt writes what a socket takes without waiting.
type attempt struct {
	buf, rest []byte
	last      bool
	err       error
	once      func(fd uintptr) bool // w.do, bound once
}

func newAttempt() *attempt {
	w := &attempt{buf: make([]byte, 0, 4<<10)}
	w.once = w.do
	return w
}

// hold keeps what is to be written, and its memory for the next time.
func (w *attempt) hold(out []byte, last bool) {
	w.rest, w.last = out, last
	if cap(out) > cap(w.buf) && cap(out) <= maxScratch {
		w.buf = out
	}
}

// left copies what is still to be written.
func (w *attempt) left() (rest []byte, last bool) {
	return append([]byte(nil), w.rest...), w.last
}

func (w *attempt) write(raw syscall.RawConn) error {
	w.err = nil
	if err := raw.Write(w.once); err != nil {
		return err
	}
	return w.err
}

// do reports true always: that it is done.
func (w *attempt) do(fd uintptr) bool {
	for len(w.rest) > 0 {
		n, err := syscall.Write(int(fd), w.rest)
		switch {
		case n > 0:
			w.rest = w.rest[n:]
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return true
		default:
			w.err = err
			return true
		}
	}
	return true
}

// canTry reports whether sockets can be written to without waiting.
const canTry = true

// arrival reads from a socket when there is something to read, and provides
// memory only then.
type arrival struct {
	n    int
	err  error
	once func(fd uintptr) bool
}

func (a *arrival) init(c *connection) { a.once = c.readOnce }

func (a *arrival) read(c *connection) (int, error) {
	a.n, a.err = 0, nil
	if err := c.raw.Read(a.once); err != nil {
		return 0, err
	}
	return a.n, a.err
}

// readOnce reports whether something, be it the end, was read.
func (c *connection) readOnce(fd uintptr) bool {
	fresh := c.chunk == nil
	c.provide()
	for {
		n, err := syscall.Read(int(fd), c.chunk.buf[c.hi:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			if fresh {
				c.drop()
			}
			return false
		}
		c.arrival.n, c.arrival.err = max(n, 0), err
		return true
	}
}
