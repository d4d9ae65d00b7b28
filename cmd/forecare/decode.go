package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/forecare/forecare/ingest/formats"
)

// decodeFlags say how the payloads of forecare decode are to be read.
type decodeFlags struct {
	as, device, encoding, options string
	topics                        []string
	received                      time.Time
	hex, json                     bool
}

func (d *decodeFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&d.as, "as", "", "`format`: "+strings.Join(formats.Names(), ", "))
	fs.Func("topic", "`topic` that the payload came on; repeat it for several files, the last one holds for the rest", func(s string) error {
		d.topics = append(d.topics, s)
		return nil
	})
	fs.StringVar(&d.device, "device", "", "`id` of the device, if the format does not say")
	fs.StringVar(&d.encoding, "encoding", "", "content `encoding`: gzip or deflate (default by the first bytes)")
	fs.StringVar(&d.options, "options", "", "YAML `file` with the options of the rule (see docs/formats.md)")
	fs.Func("received", "`time` of receipt in RFC 3339 (default now)", func(s string) (err error) {
		d.received, err = time.Parse(time.RFC3339, s)
		return err
	})
	fs.BoolVar(&d.hex, "hex", false, "the files hold hexadecimal digits, not bytes")
	fs.BoolVar(&d.json, "json", false, "print JSON, a line for each message")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), `forecare decode --as FORMAT [--topic T] FILE|- ...

Shows what becomes of payloads, without storing anything. Several files are
messages in their order, so that later ones are understood with what earlier
ones said.

`)
		fs.PrintDefaults()
	}
}

func decode(_ context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	fs := flag.NewFlagSet("forecare decode", flag.ContinueOnError)
	fs.SetOutput(errs)
	var d decodeFlags
	d.add(fs)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage
	case d.as == "" || fs.NArg() == 0:
		fmt.Fprintln(errs, "forecare decode: --as FORMAT and a file are needed; - is the standard input")
		return errUsage
	}
	decoder, err := d.decoder()
	if err != nil {
		return err
	}
	if d.received.IsZero() {
		d.received = time.Now()
	}
	state := decoder.NewState()
	rejected := 0
	for i, name := range fs.Args() {
		payload, err := d.payload(name, in)
		if err != nil {
			return err
		}
		input := formats.Input{Device: d.device, Payload: payload, Encoding: d.encoding, Received: d.received}
		if len(d.topics) > 0 {
			input.Topic = d.topics[min(i, len(d.topics)-1)]
		}
		result := decoder.Decode(input, state)
		if result.Rejected != nil {
			rejected++
		}
		if d.json {
			if err := json.NewEncoder(out).Encode(result); err != nil {
				return fmt.Errorf("printing %s: %w", name, err)
			}
			continue
		}
		if fs.NArg() > 1 {
			fmt.Fprintf(out, "== %s\n", printable(name))
		}
		printDecoded(out, result)
	}
	if rejected > 0 {
		return fmt.Errorf("%d of %d messages cannot be read", rejected, fs.NArg())
	}
	return nil
}

func (d *decodeFlags) decoder() (*formats.Decoder, error) {
	var o formats.Options
	if d.options != "" {
		text, err := os.ReadFile(d.options)
		if err != nil {
			return nil, fmt.Errorf("reading the options: %w", err)
		}
		y := yaml.NewDecoder(bytes.NewReader(text))
		y.KnownFields(true)
		if err := y.Decode(&o); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the options in %s: %w", d.options, err)
		}
	}
	return formats.NewDecoder(d.as, o, formats.Limits{})
}

// payload reads a file, or the standard input. What is much longer than any
// payload is not read to its end.
func (d *decodeFlags) payload(name string, in io.Reader) ([]byte, error) {
	const most = 16 << 20
	from := in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading the payload: %w", err)
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the payload: %w", err)
	case len(b) > most:
		return nil, fmt.Errorf("%s is longer than %d bytes, which no payload is", name, most)
	case !d.hex:
		return b, nil
	}
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(b))
	if b, err = hex.DecodeString(digits); err != nil {
		return nil, fmt.Errorf("%s holds no hexadecimal digits: %w", name, err)
	}
	return b, nil
}

// printDecoded prints what became of a payload for a person.
func printDecoded(out io.Writer, d formats.Decoded) {
	if d.Rejected != nil {
		fmt.Fprintf(out, "rejected, %s: %s\n", d.Rejected.Reason, d.Rejected.Detail)
		return
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	printSamples(w, d.Samples)
	printHints(w, d.Hints)
	for _, e := range d.Events {
		fmt.Fprintf(w, "event\t%s\t%s\t%s\t%s\n", dash(e.Device), e.Kind, dash(e.ID), printable(string(e.Payload)+e.Error))
	}
	for _, r := range d.Requests {
		fmt.Fprintf(w, "send\t%s\t%d bytes\t%s\n", printable(r.Topic), len(r.Payload), r.Why)
	}
	for _, r := range d.Refused {
		fmt.Fprintf(w, "refused\t%s\t%s\t%s\n", dash(r.Path), r.Reason, r.Detail)
	}
	for _, r := range d.Skipped {
		fmt.Fprintf(w, "skipped\t%s\t%s\t%s\n", dash(r.Path), r.Reason, r.Detail)
	}
	if d.Unlisted > 0 {
		fmt.Fprintf(w, "left out\t%d values that no field of the options names\n", d.Unlisted)
	}
	w.Flush()
}

func printSamples(w io.Writer, samples []formats.Sample) {
	if len(samples) == 0 {
		return
	}
	fmt.Fprintln(w, "TIME\tDEVICE\tMETRIC\tVALUE\tUNIT\tFROM")
	for _, s := range samples {
		when := s.Time.Format(time.RFC3339Nano)
		if s.Clock == formats.ReceivedClock {
			when += " (receipt)"
		}
		if s.Historical {
			when += " (historical)"
		}
		value := s.Value.String()
		if !s.Value.Numeric() {
			value += " (not stored)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", when, dash(s.Device), s.Metric, value, dash(s.Unit), printable(s.Channel))
	}
}

func printHints(w io.Writer, hints []formats.Hint) {
	for _, h := range hints {
		fmt.Fprintf(w, "device\t%s", dash(h.Device))
		for _, fact := range []struct{ name, value string }{
			{"name", h.Name}, {"maker", h.Maker}, {"model", h.Model}, {"firmware", h.Firmware}, {"serial", h.Serial}, {"behind", h.Via},
		} {
			if fact.value != "" {
				fmt.Fprintf(w, "\t%s %s", fact.name, printable(fact.value))
			}
		}
		if h.Gone {
			fmt.Fprint(w, "\tis gone")
		}
		fmt.Fprintln(w)
		for _, name := range slices.Sorted(maps.Keys(h.Attributes)) {
			fmt.Fprintf(w, "  fact\t%s\t%s\n", printable(name), printable(h.Attributes[name]))
		}
		for _, c := range h.Channels {
			every := ""
			if c.Every > 0 {
				every = "at least every " + c.Every.String()
			}
			fmt.Fprintf(w, "  metric\t%s\t%s\t%s\t%s\t%s\n", c.Metric, dash(c.Unit), dash(cmp.Or(c.Class, c.Type)), printable(c.Channel), every)
		}
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// printable quotes a text from a payload that could play tricks on a terminal.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	for _, r := range s {
		if !strconv.IsGraphic(r) || r == unicode.ReplacementChar {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}
