package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

const aboutRun = `Runs a planned fleet: every device on an MQTT connection of its own (QoS 1, persistent session). Event
time begins where the plan says, or where the last run stopped, and passes as fast as --factor says until it is the
present; then it goes on in real time. Devices answer commands on cmd/{id}. Ctrl-C ends it.`

// runFleet is the command run.
func runFleet(ctx context.Context, args []string, c console) error {
	f := flags(c, "run --fleet FILE --credentials FILE [flags]", aboutRun)
	broker := f.String("broker", "tcp://127.0.0.1:1883", "the broker's `address`, tcp:// or ssl://")
	fleet := f.String("fleet", "", "the plan, a `file` of firmware-sim fleet (required)")
	passwords := f.String("credentials", "", "the devices' credentials: the `file` of firmware-sim fleet --register or of forecare device import --tokens (required)")
	factor := f.Float64("factor", 8640, "how many times as fast as real the past goes by; 8640 is a day in ten seconds")
	var start instant
	f.Var(&start, "start", "begin later than the plan does: 6d (ago) or RFC 3339")
	state := f.String("state", "", "`file` to remember progress and cures in; a second run then goes on")
	truth := f.String("truth", "", "`file` to write what was really wrong and what was cured to, at the end")
	quiet := f.Bool("quiet", false, "print nothing while it runs")
	if err := noWords(parse(f, args)); err != nil {
		return err
	}
	if *fleet == "" || *passwords == "" {
		return usagef("--fleet FILE and --credentials FILE are needed; firmware-sim fleet makes them")
	}
	p, err := sim.ReadPlan(*fleet)
	if err != nil {
		return err
	}
	if !start.IsZero() {
		p.Start = start.Time
	}
	credentials, err := sim.ReadCredentials(*passwords)
	if err != nil {
		return err
	}
	fl, err := sim.NewFleet(p, sim.Options{
		Broker: *broker, Credentials: credentials, Factor: *factor, StateFile: *state,
		Logger: slog.New(slog.NewTextHandler(c.errs, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Watch: func(h sim.Happening) {
			if !*quiet && h.Kind == sim.RemedyDone {
				fmt.Fprintf(c.out, "%s: %s is done\n", h.Key.Device, h.Remedy)
			}
		},
	})
	if invalid(err) {
		return usagef("%s", devices.MessageOf(err))
	}
	if err != nil {
		return err
	}
	if !*quiet {
		watch, done := context.WithCancel(ctx)
		finished := make(chan struct{})
		go func() { // waited for below
			defer close(finished)
			progress(watch, c, fl.Status, func(s sim.Status) string {
				when := "live"
				if !s.Live {
					when = s.Event.Format("2 Jan 15:04")
				}
				return fmt.Sprintf("%s: %d of %d devices connected, %d readings acknowledged", when, s.Connected, s.Devices, s.Delivered)
			})
		}()
		defer func() { done(); <-finished }()
	}
	if err := fl.Run(ctx); err != nil {
		return err
	}
	if *truth != "" {
		return sim.WriteTruth(*truth, fl.Truths())
	}
	return nil
}

// progress prints how it goes every five seconds, as long as ctx lives.
func progress(ctx context.Context, c console, status func() sim.Status, line func(sim.Status) string) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := status()
		fmt.Fprintln(c.out, line(s))
		switch {
		case s.Trouble != "":
			fmt.Fprintln(c.out, "  nobody can connect: "+s.Trouble)
		case s.Refused > 0 && s.Connected < s.Devices:
			fmt.Fprintf(c.out, "  the broker has refused credentials %d times; are the devices registered there?\n", s.Refused)
		}
	}
}
