package mqtt_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest/mqtt"
)

// casesGroup is a group of packet cases as Mosquitto's test/broker/data holds
// them.
type casesGroup struct {
	Group   string `json:"group"`
	Version byte   `json:"ver"`
	Disable bool   `json:"disable"`
	Connect *bool  `json:"connect"`
	Expect  *bool  `json:"expect_disconnect"`
	Tests   []struct {
		Name    string `json:"name"`
		Version byte   `json:"ver"`
		Connect *bool  `json:"connect"`
		Expect  *bool  `json:"expect_disconnect"`
		Msgs    []struct {
			Type    string `json:"type"`
			Payload string `json:"payload"`
		} `json:"msgs"`
	} `json:"tests"`
}

// TestPublicCases runs the packet cases of a checkout of Mosquitto, given as
// MQTT_CASES (its folder test/broker/data), against the server: whether each
// connection stays open or ends, and of what type each answer is. Cases that
// need a login without a password are left out, since nobody is let in so.
// Topics are those of others, so that subscriptions are refused in SUBACK.
func TestPublicCases(t *testing.T) {
	folder := os.Getenv("MQTT_CASES")
	if folder == "" {
		t.Skip("MQTT_CASES names no folder of cases")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases there", err)
	}
	d := open(t, func(o *mqtt.Options) {
		o.Limits.FailedBurst, o.Limits.FailedRate, o.Limits.ConnectRate = 1_000_000, 1_000_000, 1_000_000
		o.Limits.Handshake = 3 * time.Second
	})
	total, good := 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var groups []casesGroup
		if err := json.Unmarshal(b, &groups); err != nil {
			t.Fatal(f, err)
		}
		for _, g := range groups {
			if g.Disable {
				continue
			}
			for i := range g.Tests {
				total++
				if why := d.play(t, &g, i); why != "" {
					t.Logf("%s %s: %s", g.Group, g.Tests[i].Name, why)
				} else {
					good++
				}
			}
		}
	}
	t.Logf("%d of %d cases", good, total)
	d.device(t, as(4, pump)).alive()
}

func first[T any](values ...*T) (v T) {
	for _, p := range values {
		if p != nil {
			return *p
		}
	}
	return v
}

// play returns what was not as it should be.
func (d *door) play(t *testing.T, g *casesGroup, i int) string {
	c := &g.Tests[i]
	version := max(c.Version, g.Version)
	if version == 0 {
		version = 4
	}
	yes := true
	ends := first(c.Expect, g.Expect, &yes)
	w := d.dial(t)
	defer w.net.Close()
	w.version = version
	if first(c.Connect, g.Connect, &yes) {
		if version == 3 {
			return "" // MQTT 3.1 is refused
		}
		l := as(version, devices.Key{Tenant: "acme", Device: "pump:2"})
		l.client = strconv.Itoa(i)
		w.send(l.encode())
		if p := w.next(); p.kind != connack || p.body[1] != 0 {
			return "not let in: " + p.String()
		}
	}
	for _, m := range c.Msgs {
		b, err := caseBytes(m.Payload)
		if err != nil {
			return err.Error()
		}
		switch m.Type {
		case "send":
			_, _ = w.net.Write(b)
		case "recv":
			p, err := w.read(2 * time.Second)
			if err != nil {
				return "no answer where there should be " + m.Payload
			}
			if p.kind != b[0]>>4 {
				return "got " + p.String() + ", want " + m.Payload
			}
		default:
			return ""
		}
	}
	if !ends {
		_, _ = w.net.Write([]byte{pingreq << 4, 0})
	}
	for {
		p, err := w.read(map[bool]time.Duration{true: 300 * time.Millisecond, false: 2 * time.Second}[ends])
		switch {
		case err != nil && os.IsTimeout(err):
			return "the connection stays open"
		case err != nil && ends, err == nil && p.kind == pingresp && !ends:
			return ""
		case err != nil:
			return "the connection is closed"
		}
	}
}

// caseBytes reads the notation of the cases: bytes in hexadecimal, 'text', and
// decimal numbers behind a letter for their size.
func caseBytes(s string) ([]byte, error) {
	var out []byte
	texts := strings.Split(s, "'")
	for i := 1; i < len(texts); i += 2 { // a text may hold spaces
		texts[i] = hex.EncodeToString([]byte(texts[i]))
	}
	for part := range strings.SplitSeq(strings.Join(texts, ""), " ") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part[1:])
		switch {
		case strings.IndexByte("iHkmsLvr", part[0]) >= 0 && err != nil:
			return nil, err
		}
		switch part[0] {
		case 'i':
			out = append(out, byte(n))
		case 'H', 'k', 'm', 's':
			out = append(out, byte(n>>8), byte(n))
		case 'L':
			out = append(out, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		case 'v', 'r':
			for ; n > 127; n >>= 7 {
				out = append(out, byte(n)|128)
			}
			out = append(out, byte(n))
		default:
			b, err := hex.DecodeString(part)
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
		}
	}
	return out, nil
}
