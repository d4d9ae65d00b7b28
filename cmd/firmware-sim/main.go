// Command firmware-sim runs simulated fleets and recorded telemetry against an
// MQTT broker, and a mailbox that stands in for owners' mail programs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // sites have time zones, also where the system knows none

	"github.com/forecare/forecare/devices"
)

const usage = `firmware-sim: devices without hardware.

  firmware-sim fleet [flags]           plan a fleet: devices, owners, faults, ground truth
  firmware-sim run [flags]             run a planned fleet against an MQTT broker
  firmware-sim replay [flags] FILE...  send recorded telemetry, each unit on a connection of its own
  firmware-sim mailbox [flags]         take mail on this machine and show it as its reader would see it

Each takes --help.
`

// errUsage ends with exit code 2: the call was wrong, not the work.
var errUsage = errors.New("usage")

// console is where a command reads and writes.
type console struct{ out, errs io.Writer }

type command func(ctx context.Context, args []string, c console) error

func commands() map[string]command {
	return map[string]command{"fleet": planFleet, "run": runFleet, "replay": replay, "mailbox": mailbox}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := simulate(ctx, os.Args[1:], console{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// simulate runs one command and returns the exit code: 0 done, 1 failed, 2
// wrong call.
func simulate(ctx context.Context, args []string, c console) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		fmt.Fprint(c.out, usage)
		return 0
	}
	do, known := commands()[args[0]]
	if !known {
		fmt.Fprintf(c.errs, "firmware-sim: there is no command %q\n\n%s", args[0], usage)
		return 2
	}
	switch err := do(ctx, args[1:], c); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		if why, more := strings.CutSuffix(err.Error(), ": usage"); more {
			fmt.Fprintf(c.errs, "firmware-sim %s: %s\n", args[0], why)
		}
		return 2
	default:
		fmt.Fprintf(c.errs, "firmware-sim %s: %s\n", args[0], strings.TrimSpace(err.Error()))
		return 1
	}
}

// usagef is a wrong call, with what to do.
func usagef(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errUsage)
}

// flags is a flag set that speaks for a command.
func flags(c console, name, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(c.errs)
	f.Usage = func() {
		fmt.Fprintf(c.errs, "firmware-sim %s\n\n%s\n\nFlags:\n", name, strings.TrimSpace(about))
		f.PrintDefaults()
	}
	return f
}

// parse reads flags and returns the other words, which may stand before,
// between and behind them.
func parse(f *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, errUsage // the flag set has said what is wrong
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// noWords refuses words that a command does not want.
func noWords(rest []string, err error) error {
	if err == nil && len(rest) > 0 {
		return usagef("%q is one word too many", rest[0])
	}
	return err
}

// invalid reports whether the caller could have known better.
func invalid(err error) bool { return devices.CodeOf(err) == devices.Invalid }
