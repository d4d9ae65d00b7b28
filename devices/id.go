package devices

// maxID is the longest identifier in bytes.
const maxID = 64

// ValidID reports whether s is an identifier: one to 64 characters out of
// letters, digits, colon, dot, underscore and hyphen (ASCII only). Such a
// string needs no escaping in an MQTT topic or in line protocol. [TP-1.1]
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		if !idByte(s[i]) {
			return false
		}
	}
	return true
}

// ValidMetric reports whether s may name a metric: a letter followed by up to
// 63 letters, digits and underscores (ASCII only), and none of ReservedMetrics.
func ValidMetric(s string) bool {
	return metricShape(s) && !reservedMetric(s)
}

// ReservedMetrics returns the names that no metric may have, because a payload
// or the readings store uses them for something else.
func ReservedMetrics() []string {
	return []string{"ts", "time", "tenant", "device", "model"}
}

func reservedMetric(s string) bool {
	switch s {
	case "ts", "time", "tenant", "device", "model":
		return true
	}
	return false
}

func metricShape[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > maxID || !letter(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !metricByte(s[i]) {
			return false
		}
	}
	return true
}

func idByte(c byte) bool {
	return metricByte(c) || c == '-' || c == '.' || c == ':'
}

func metricByte(c byte) bool {
	return letter(c) || '0' <= c && c <= '9' || c == '_'
}

func letter(c byte) bool {
	lower := c | 0x20
	return 'a' <= lower && lower <= 'z'
}
