package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// serverLogger passes on what the embedded server has to say: warnings and
// errors. What it notes while all is well is for debugging.
type serverLogger struct {
	logger *slog.Logger
	mu     sync.Mutex
	last   error
}

// fatal returns the fault that kept the server from starting.
func (l *serverLogger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return errors.New("the server did not become ready in time")
	}
	return l.last
}

// Noticef implements server.Logger.
func (l *serverLogger) Noticef(format string, v ...any) {
	l.logger.Debug("nats-server", "says", fmt.Sprintf(format, v...))
}

// Warnf implements server.Logger.
func (l *serverLogger) Warnf(format string, v ...any) {
	l.logger.Warn("nats-server", "says", fmt.Sprintf(format, v...))
}

// Errorf implements server.Logger.
func (l *serverLogger) Errorf(format string, v ...any) {
	l.logger.Error("nats-server", "says", fmt.Sprintf(format, v...))
}

// Fatalf implements server.Logger. The server does not end the process; Open
// returns the fault.
func (l *serverLogger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = fmt.Errorf(format, v...)
}

// Debugf implements server.Logger.
func (l *serverLogger) Debugf(format string, v ...any) {}

// Tracef implements server.Logger.
func (l *serverLogger) Tracef(format string, v ...any) {}
