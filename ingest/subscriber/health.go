package subscriber

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// fault is a passing fault of ours, for which messages are not acknowledged.
type fault struct{ err error }

// Error says it in words.
func (f *fault) Error() string {
	return "messages cannot be kept at the moment, so the broker is to deliver them again: " + f.err.Error()
}

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.err }

// endingOf names the end of a connection for the metrics.
func endingOf(why error) string {
	if _, ok := errors.AsType[*fault](why); ok {
		return "fault"
	}
	if errors.Is(why, errStopping) {
		return "stop"
	}
	return "network"
}

// explain says in words why the broker does not let us in.
func (s *Subscriber) explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return fmt.Errorf("the broker refuses the user name %q or its password (%w)", s.options.Username, err)
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return fmt.Errorf("the broker refuses the client identifier %q (%w)", s.options.ClientID, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the broker's certificate is not signed by an authority that is known here; name its CA certificate in mqtt_ca_file (%w)", err)
	case errors.As(err, &host):
		return fmt.Errorf("the broker's certificate is for another host (%w)", err)
	case errors.As(err, &record):
		return fmt.Errorf("the broker does not speak TLS on this port; use mqtt:// or its TLS port (%w)", err)
	case !s.secure && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return fmt.Errorf("the broker hung up before it answered; does it want TLS (mqtts://) on this port? (%w)", err)
	}
	return err
}

// health is what Ready answers.
type health struct {
	mu   sync.Mutex
	err  error
	said string
	last time.Time
}

const sayAgainAfter = 5 * time.Minute

func (h *health) is(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

// lost remembers the reason and reports whether to say it aloud: it is another
// one than was said last, or it is time to repeat it.
func (h *health) lost(err error) (say bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	now := time.Now()
	if err.Error() == h.said && now.Sub(h.last) < sayAgainAfter {
		return false
	}
	h.said, h.last = err.Error(), now
	return true
}

func (h *health) reason() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}
