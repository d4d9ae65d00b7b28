// Command forecare takes a fleet's telemetry in, sees drift before a customer
// could notice it, and takes care of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

const usage = `Forecare: proactive service for connected devices.

  forecare run [flags]          run everything on this machine, or the roles named
  forecare device ...           add, list, show, disable, enable, rotate, import
  forecare model ...            import, list, show
  forecare contact ...          add, list, import
  forecare sign-in-link [flags] print a one-time sign-in link for a person
  forecare token [flags]        print an API token for a program
  forecare decode ...           show what becomes of a payload, without storing it
  forecare check-config         say whether the configuration works, and print it
  forecare example-config       print a configuration file with every default
  forecare version

Each takes --help. Flags shared by all: --config FILE, --data DIR.
`

// errUsage ends with exit code 2: the call was wrong, not the work.
var errUsage = errors.New("usage")

type command func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error

func commands() map[string]command {
	return map[string]command{
		"run":            run,
		"device":         registry("device"),
		"model":          registry("model"),
		"contact":        registry("contact"),
		"sign-in-link":   signInLink,
		"token":          token,
		"decode":         decode,
		"check-config":   checkConfig,
		"example-config": exampleConfig,
		"version":        version,
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := forecare(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// forecare runs one command and returns the exit code: 0 done, 1 failed, 2
// wrong call.
func forecare(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		fmt.Fprint(out, usage)
		return 0
	}
	do, known := commands()[args[0]]
	if !known {
		fmt.Fprintf(errs, "forecare: there is no command %q\n\n%s", args[0], usage)
		return 2
	}
	switch err := do(ctx, args[1:], in, out, errs); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		fmt.Fprintf(errs, "forecare: %s\n", strings.TrimSpace(err.Error()))
		return 1
	}
}

func version(_ context.Context, _ []string, _ io.Reader, out, _ io.Writer) error {
	v := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		v = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v += " " + s.Value
			}
		}
		v += " " + info.GoVersion
	}
	fmt.Fprintln(out, "forecare", v)
	return nil
}
