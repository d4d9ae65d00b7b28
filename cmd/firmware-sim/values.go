package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// span is a flag for a time span that also knows days: 6d, 36h, 10m.
type span struct{ time.Duration }

// String returns the span as Set reads it.
func (s *span) String() string {
	if s.Duration > 0 && s.Duration%(24*time.Hour) == 0 {
		return strconv.Itoa(int(s.Hours()/24)) + "d"
	}
	return s.Duration.String()
}

// Set reads a span.
func (s *span) Set(v string) error {
	d, err := parseSpan(v)
	if err != nil {
		return err
	}
	s.Duration = d
	return nil
}

func parseSpan(v string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(v, "d"); ok {
		if days, err := strconv.ParseFloat(n, 64); err == nil && days >= 0 && days < 36500 {
			return time.Duration(days * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time span; write it such as 6d, 36h or 10m", v)
	}
	return d, nil
}

func spanFlag(f *flag.FlagSet, name string, value time.Duration, usage string) *span {
	s := &span{value}
	f.Var(s, name, usage)
	return s
}

// instant is a flag for a moment: now, a span ago, or RFC 3339.
type instant struct{ time.Time }

// String returns the moment as Set reads it.
func (i *instant) String() string {
	if i.IsZero() {
		return ""
	}
	return i.Format(time.RFC3339)
}

// Set reads a moment.
func (i *instant) Set(v string) error {
	if v == "now" {
		i.Time = time.Now().UTC()
		return nil
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		i.Time = t.UTC()
		return nil
	}
	ago, err := parseSpan(strings.TrimSuffix(v, " ago"))
	if err != nil {
		return fmt.Errorf("%q is no moment; write now, 6d (ago) or 2006-01-02T15:04:05Z", v)
	}
	i.Time = time.Now().UTC().Add(-ago)
	return nil
}

// words splits a list at commas.
func words(s string) []string {
	var out []string
	for _, w := range strings.Split(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// tokenFlag is an API token: given in a file or in the environment variable
// FORECARE_TOKEN, where other users of the machine do not see it, or as it is.
type tokenFlag struct{ file, token *string }

func newTokenFlag(f *flag.FlagSet) tokenFlag {
	return tokenFlag{
		f.String("token-file", "", "`file` whose first line is the API token"),
		f.String("token", "", "the API `token` itself (default: the environment variable FORECARE_TOKEN)"),
	}
}

func (t tokenFlag) value() (string, error) {
	switch {
	case *t.token != "":
		return *t.token, nil
	case *t.file == "":
		return os.Getenv("FORECARE_TOKEN"), nil
	}
	b, err := os.ReadFile(*t.file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}
