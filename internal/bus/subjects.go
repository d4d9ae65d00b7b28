package bus

import (
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// escape makes one token of a subject out of any string: letters, digits,
// colon, underscore and hyphen stand for themselves, every other byte is a
// percent sign and two hexadecimal digits. An empty string is a lone percent
// sign, since a token cannot be empty. [TP-9.1]
func escape(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plainByte(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// unescape is the inverse of escape; ok is false for what escape never writes.
func unescape(token string) (s string, ok bool) {
	if token == "%" {
		return "", true
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c != '%' {
			if !plainByte(c) {
				return "", false
			}
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(token) {
			return "", false
		}
		high, low := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
		if high < 0 || low < 0 || plainByte(byte(high<<4|low)) {
			return "", false
		}
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String(), token != ""
}

func plainByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == ':' || c == '_' || c == '-'
}

func telemetrySubject(shard int) string { return "telemetry." + strconv.Itoa(shard) }

// shardOf reads the shard from a subject of TELEMETRY.
func shardOf(subject string) (int, error) {
	return strconv.Atoi(strings.TrimPrefix(subject, "telemetry."))
}
