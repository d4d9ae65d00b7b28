package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/internal/obs"
)

func run(ctx context.Context, args []string, _ io.Reader, out, errs io.Writer) error {
	fs, s := newFlags("run", errs)
	roles := fs.String("roles", "", "comma-separated `roles` of this process: ingest, writer, anomaly, outreach, web (default all)")
	level := fs.String("log-level", "", "`level`: debug, info, warn or error")
	demo := fs.Bool("demo", false, "add a simulated fleet, its owners' mailbox and a technician")
	if err := parse(fs, args); err != nil {
		return err
	}
	c, err := s.load()
	if err != nil {
		return err
	}
	if err := override(&c, fs, *roles, *level); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("this configuration does not work:\n%w", err)
	}
	if *demo {
		return runDemo(ctx, c, out)
	}
	a, err := app.New(ctx, app.Options{Config: c, Logger: obs.NewLogger(errs, c.LogLevel), Registry: obs.NewRegistry()})
	if err != nil {
		return err
	}
	remove, err := a.WriteRunFile()
	if err != nil {
		return err
	}
	defer remove()
	greet(out, a, c)
	return a.Run(ctx)
}

func override(c *config.Config, fs *flag.FlagSet, roles, level string) error {
	if roles != "" && roles != "all" {
		c.Roles = nil
		for r := range strings.SplitSeq(roles, ",") {
			c.Roles = append(c.Roles, config.Role(strings.TrimSpace(r)))
		}
	}
	if level != "" {
		if err := c.LogLevel.UnmarshalText([]byte(level)); err != nil {
			fmt.Fprintf(fs.Output(), "%s: --log-level %q is none of debug, info, warn, error\n", fs.Name(), level)
			return errUsage
		}
	}
	return nil
}

// greet says where the process can be reached.
func greet(out io.Writer, a *app.App, c config.Config) {
	fmt.Fprintf(out, "Forecare runs with its data in %s.\n", c.Data)
	if addr := a.Addr("mqtt"); addr != "" {
		fmt.Fprintf(out, "  devices   mqtt://%s\n", addr)
	}
	if addr := a.Addr("web"); addr != "" {
		fmt.Fprintf(out, "  pages     http://%s  (sign in: forecare sign-in-link --tenant T --email you@example.com --data %s)\n", addr, c.Data)
	}
}

// runDemo keeps the log in a file, so that what is told on the console can be
// read.
func runDemo(ctx context.Context, c config.Config, out io.Writer) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	path := filepath.Join(c.Data, "forecare.log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log file: %w", err)
	}
	defer file.Close()
	logger := obs.NewLogger(file, c.LogLevel)
	a, err := app.NewDemo(ctx, app.Options{Config: c, Logger: logger, Registry: obs.NewRegistry()}, out)
	if err != nil {
		return err
	}
	remove, err := a.WriteRunFile()
	if err != nil {
		return err
	}
	defer remove()
	link, err := a.DemoSignIn(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `Forecare runs, with a simulated fleet. Ctrl-C stops it; the next run goes on with the data in %s.

  sign in (once, within 15 minutes)  %s
  the owners' mailbox (a stand-in)   http://%s/demo/mailbox
  devices connect to                 mqtt://%s
  the log                            %s

`, c.Data, link, a.Addr("web"), a.Addr("mqtt"), path)
	err = a.Run(ctx)
	if err == nil {
		fmt.Fprintln(out, "\nStopped. Nothing is lost; the fleet will upload what it buffers meanwhile.")
	}
	logger.Info("stopped", slog.Any("error", err))
	return err
}
