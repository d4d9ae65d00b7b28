package registrycli

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/forecare/forecare/devices"
)

// printToken prints a new token, the only time that anybody sees it, and a
// command that proves it works.
func (s *session) printToken(ctx context.Context, key devices.Key, token, broker string, asJSON bool, says string) error {
	try := s.example(ctx, key, token, broker)
	if asJSON {
		return printJSON(s.out, struct {
			Device devices.Key `json:"device"`
			User   string      `json:"user"`
			Token  string      `json:"token"`
			Try    string      `json:"try"`
		}{key, key.String(), token, try})
	}
	_, err := fmt.Fprintf(s.out, `%s %s

  user name  %s
  password   %s

This is the only time that the password is shown. To try it:

  %s
`, says, key, key, token, try)
	return err
}

// example returns a mosquitto_pub call that publishes one plausible reading.
func (s *session) example(ctx context.Context, key devices.Key, token, broker string) string {
	host, port, err := net.SplitHostPort(broker)
	if err != nil {
		host, port = broker, "1883"
	}
	metric, value := "temp", 21.5
	if d, err := s.store.Device(ctx, key); err == nil {
		if m, err := s.store.Model(ctx, key.Tenant, d.Model); err == nil && len(m.Metrics) > 0 {
			metric, value = m.Metrics[0].Name, plausible(&m.Metrics[0])
		}
	}
	topic := devices.Topic{Key: key, Kind: devices.TopicTelemetry}
	// Nothing in it can end a quotation: key, token and metric are of letters,
	// digits and marks that no shell knows. The broker is the caller's own.
	return fmt.Sprintf(`mosquitto_pub -h %s -p %s -u '%s' -P '%s' -q 1 -t '%s' -m '{"%s":%s}'`,
		shellWord(host), shellWord(port), key, token, topic, metric, strconv.FormatFloat(value, 'f', -1, 64))
}

// plausible returns a value that the metric's bounds allow.
func plausible(q *devices.Metric) float64 {
	switch {
	case q.Min != nil && q.Max != nil:
		return (*q.Min + *q.Max) / 2
	case q.Min != nil:
		return *q.Min
	case q.Max != nil:
		return *q.Max
	}
	return 1
}

func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_") == "" && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
