package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
)

// refusedLook is how many dead letters one page looks through.
const refusedLook = 200

type refusedView struct {
	Letters []refusedLine
	Looked  int
	Reasons []reasonCount
	Reason  string
	Device  string
	Older   string // path to what was refused before these
	Newest  bool
	Missing string // why there is nothing to see
}

type reasonCount struct {
	Reason ingest.Reason
	Words  string
	Count  int
	Path   string
}

type refusedLine struct {
	ingest.DeadLetter
	Words, Mend string
	Preview     string
	Cut         bool
	Device      string // that it is about, if it is known
}

// reasonWords says what is wrong, and what to mend.
func reasonWords(r ingest.Reason) (words, mend string) {
	switch r {
	case ingest.BadTopic:
		return "topic not understood", "Publish to fleet/{tenant}/{device}/telemetry."
	case ingest.NotAuthorized:
		return "not this device's topic", "A device publishes under its own prefix. If a gateway speaks for it, set the device's gateway."
	case ingest.UnknownDevice:
		return "device not registered", "Add the device, or correct the id in the topic."
	case ingest.DeviceOff:
		return "device is disabled", "Enable it on its page, if it is meant to be heard."
	case ingest.UnknownModel:
		return "model not imported", "Import the device's model: forecare model import FILE --tenant TENANT."
	case ingest.BadPayload:
		return "payload not understood", `Send JSON such as {"ts": 1767225600000, "temp": 21.4}, a list of such objects, or line protocol.`
	case ingest.TooLarge:
		return "message too large", "Send fewer readings per message."
	case ingest.NoFields:
		return "no reading in it", "Send at least one metric beside the time."
	case ingest.UnknownMetric:
		return "metric the model does not have", "Correct the metric's name, or add it to the model and import it again."
	case ingest.NotANumber:
		return "value is no number", "Send finite numbers; leave a metric out when the sensor has none."
	case ingest.OutOfRange:
		return "value is physically impossible", "Check the sensor or its unit; or widen min and max in the model."
	case ingest.ClockPast:
		return "time too far in the past", "Set the device's clock, or leave ts out: Forecare then takes the time of arrival."
	case ingest.ClockFuture:
		return "time in the future", "Set the device's clock, or leave ts out: Forecare then takes the time of arrival."
	case ingest.StoreRefused:
		return "refused by the readings store", "Tell whoever runs Forecare: the line was valid here and refused there."
	}
	return strings.ReplaceAll(string(r), "_", " "), "See docs/protocol.md."
}

func (s *Server) refusedPage(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	q := r.URL.Query()
	v := refusedView{Reason: q.Get("reason"), Device: q.Get("device")}
	if s.o.DeadLetters == nil {
		v.Missing = "This process does not read the log."
		return s.render(w, r, http.StatusOK, "refused", "Refused messages", v)
	}
	before, err := beforeOf(q)
	if err != nil {
		return err
	}
	v.Newest = before == 0
	letters, err := s.o.DeadLetters.DeadLetters(r.Context(), DeadLetterQuery{Tenant: id.Tenant, Before: before, Limit: refusedLook})
	if err != nil {
		return err
	}
	v.Looked = len(letters)
	counts := map[ingest.Reason]int{}
	for i := range letters {
		line := refusedLineOf(&letters[i])
		if v.Device != "" && line.Device != v.Device && letters[i].Publisher.Device != v.Device {
			continue
		}
		counts[letters[i].Reason]++
		if v.Reason == "" || string(letters[i].Reason) == v.Reason {
			v.Letters = append(v.Letters, line)
		}
	}
	for reason, n := range counts {
		words, _ := reasonWords(reason)
		v.Reasons = append(v.Reasons, reasonCount{reason, words, n, with(r.URL, "reason", string(reason))})
	}
	slices.SortFunc(v.Reasons, func(a, b reasonCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(string(a.Reason), string(b.Reason))
	})
	if len(letters) == refusedLook && letters[len(letters)-1].Seq > 1 {
		v.Older = with(r.URL, "before", strconv.FormatUint(letters[len(letters)-1].Seq, 10))
	}
	return s.render(w, r, http.StatusOK, "refused", "Refused messages", v)
}

func beforeOf(q url.Values) (uint64, error) {
	raw := q.Get("before")
	if raw == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(raw, 10, 64)
	if err != nil {
		return 0, devices.Errorf(devices.Invalid, "before must be the sequence of a message; it is %q.", raw)
	}
	return n, nil
}

// with returns the path of u with one value of its query replaced.
func with(u *url.URL, key, value string) string {
	q := u.Query()
	q.Set(key, value)
	return u.Path + "?" + q.Encode()
}

const previewRunes = 400

func refusedLineOf(d *ingest.DeadLetter) refusedLine {
	l := refusedLine{DeadLetter: *d}
	l.Words, l.Mend = reasonWords(d.Reason)
	l.Preview, l.Cut = preview(d.Payload, previewRunes)
	if t, err := devices.ParseTopic(d.Topic); err == nil {
		l.Device = t.Key.Device
	}
	return l
}

// preview makes any bytes readable: what is no text is shown as \x escapes.
func preview(b []byte, runes int) (text string, cut bool) {
	var out strings.Builder
	for n := 0; len(b) > 0; n++ {
		if n == runes {
			return out.String(), true
		}
		r, width := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && width == 1, r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			const digits = "0123456789abcdef"
			out.WriteString(`\x`)
			out.WriteByte(digits[b[0]>>4])
			out.WriteByte(digits[b[0]&15])
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			out.WriteString("�") // would turn the rest of the line around
		default:
			out.WriteRune(r)
		}
		b = b[width:]
	}
	return out.String(), false
}
