package subscriber

import (
	"bufio"
	"net"
	"sync/atomic"
	"time"
)

// wire is the network connection under paho. It reads in large pieces, since
// paho reads byte by byte; it gives every write a deadline, since paho has one
// for publishes only and waits for ever with an acknowledgement that the broker
// does not take; and it can be killed so that paho notices: paho takes the
// error of a connection closed by someone else for its own doing.
type wire struct {
	net.Conn
	reader *bufio.Reader
	within time.Duration
	ended  func(error)
	killed atomic.Pointer[error]
}

func newWire(nc net.Conn, within time.Duration, ended func(error)) *wire {
	return &wire{Conn: nc, reader: bufio.NewReaderSize(nc, 64<<10), within: within, ended: ended}
}

// kill closes the connection. Reads and writes return why from then on.
func (w *wire) kill(why error) {
	w.killed.CompareAndSwap(nil, &why)
	w.Conn.Close()
}

// Read is called by one goroutine at a time.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.reader.Read(p)
	return n, w.judge(err)
}

// Write writes all of p, or ends the connection.
func (w *wire) Write(p []byte) (int, error) {
	if err := w.Conn.SetWriteDeadline(time.Now().Add(w.within)); err != nil {
		return 0, w.judge(err)
	}
	n, err := w.Conn.Write(p)
	return n, w.judge(err)
}

// SetWriteDeadline does nothing: Write has its own.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

func (w *wire) judge(err error) error {
	if err == nil {
		return nil
	}
	w.ended(err)
	if why := w.killed.Load(); why != nil {
		return *why
	}
	return err
}
