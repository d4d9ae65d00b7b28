package packet

import (
	"bytes"
	"strings"
)

// checkTopic is what holds for every topic name. [MQTT-4.7.3-1] [MQTT-3.3.2-2]
func checkTopic(topic []byte) *Error {
	if len(topic) == 0 {
		return errEmptyTopic
	}
	if bytes.IndexByte(topic, '+') >= 0 || bytes.IndexByte(topic, '#') >= 0 {
		return errWildcard
	}
	return nil
}

// ValidFilter reports whether a string, known to be UTF-8, is a topic filter:
// wildcards fill whole levels, and # is the last. A shared subscription has a
// name without wildcards and a filter behind it. [MQTT-4.7.1-1] [MQTT-4.7.1-2]
// [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
func ValidFilter(filter string) bool {
	if name, rest, shared := CutShare(filter); shared {
		if name == "" || strings.ContainsAny(name, "+#") {
			return false
		}
		filter = rest
	}
	if filter == "" {
		return false
	}
	for more := true; more; {
		var level string
		level, filter, more = strings.Cut(filter, "/")
		if len(level) > 1 && strings.ContainsAny(level, "+#") || level == "#" && more {
			return false
		}
	}
	return true
}

// CutShare splits $share/name/filter. shared is false if the filter does not
// begin so.
func CutShare(filter string) (name, rest string, shared bool) {
	rest, shared = strings.CutPrefix(filter, "$share/")
	if !shared {
		return "", filter, filter == "$share"
	}
	name, rest, _ = strings.Cut(rest, "/")
	return name, rest, true
}

// Matches reports whether a valid filter (without $share) covers the topic.
// Wildcards in front do not cover topics that begin with a dollar sign.
// [MQTT-4.7.2-1]
func Matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "+") || strings.HasPrefix(filter, "#")) {
		return false
	}
	for {
		f, restFilter, moreFilter := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, restTopic, moreTopic := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !moreTopic {
			return !moreFilter || restFilter == "#" // "a/#" covers "a" too
		}
		if !moreFilter {
			return false
		}
		filter, topic = restFilter, restTopic
	}
}
