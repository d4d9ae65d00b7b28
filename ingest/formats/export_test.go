package formats

// PathForTest reads a path and writes it again.
func PathForTest(s string) (string, error) {
	p, err := parsePath(s)
	return p.String(), err
}

// WayForTest writes the path of keys and, where a key is empty, of index 7.
func WayForTest(keys []string) string {
	var p path
	for _, k := range keys {
		if k == "" {
			p = append(p, step{kind: stepIndex, index: 7})
		} else {
			p = append(p, step{key: k})
		}
	}
	return p.String()
}

// FilterForTest is a filter with its two questions.
type FilterForTest struct{ f filter }

// ParseFilterForTest reads a filter.
func ParseFilterForTest(s string) (FilterForTest, error) {
	f, err := parseFilter(s)
	return FilterForTest{f}, err
}

// Match is filter.match.
func (f FilterForTest) Match(topic string) (map[string]string, bool) { return f.f.match(topic) }

// Covers is filter.covers.
func (f FilterForTest) Covers(g FilterForTest) bool { return f.f.covers(g.f) }

// MQTT is filter.mqtt.
func (f FilterForTest) MQTT() string { return f.f.mqtt() }
