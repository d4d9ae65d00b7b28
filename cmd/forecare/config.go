package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/forecare/forecare/internal/config"
)

// settings are the flags that every command shares.
type settings struct {
	file, data string
}

// newFlags returns a flag set that reports wrong use as errUsage.
func newFlags(name string, errs io.Writer) (*flag.FlagSet, *settings) {
	fs := flag.NewFlagSet("forecare "+name, flag.ContinueOnError)
	fs.SetOutput(errs)
	var s settings
	fs.StringVar(&s.file, "config", "", "configuration `file`; without one the defaults hold (see forecare example-config)")
	fs.StringVar(&s.data, "data", "", "`folder` of everything that is kept (default ./data)")
	return fs, &s
}

// parse reads the flags; what is left over is a wrong call.
func parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage // the flag package has said why
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(fs.Output(), "%s: nothing is known to do with %q\n", fs.Name(), fs.Arg(0))
		return errUsage
	}
	return nil
}

func (s *settings) load() (config.Config, error) {
	c, err := config.Load(s.file, os.Environ())
	if err != nil {
		return c, err
	}
	if s.data != "" {
		c.Data = s.data
	}
	return c, nil
}

// splitSettings takes --config and --data out of args wherever they stand, for
// commands that parse the rest themselves.
func splitSettings(args []string) (settings, []string, error) {
	var s settings
	var rest []string
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		var into *string
		switch strings.TrimLeft(name, "-") {
		case "config":
			into = &s.file
		case "data":
			into = &s.data
		}
		if into == nil || !strings.HasPrefix(name, "-") {
			rest = append(rest, args[i])
			continue
		}
		if !inline {
			if i++; i == len(args) {
				return s, nil, fmt.Errorf("%s needs a value", name)
			}
			value = args[i]
		}
		*into = value
	}
	return s, rest, nil
}

func checkConfig(_ context.Context, args []string, _ io.Reader, out, errs io.Writer) error {
	fs, s := newFlags("check-config", errs)
	if err := parse(fs, args); err != nil {
		return err
	}
	c, err := s.load()
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("printing the configuration: %w", err)
	}
	fmt.Fprintf(out, "%s", text)
	if err := c.Check(); err != nil {
		return fmt.Errorf("this configuration does not work:\n%w", err)
	}
	fmt.Fprintln(errs, "This configuration works.")
	return nil
}

func exampleConfig(_ context.Context, args []string, _ io.Reader, out, errs io.Writer) error {
	fs, _ := newFlags("example-config", errs)
	if err := parse(fs, args); err != nil {
		return err
	}
	_, err := out.Write(config.Example)
	return err
}
