package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/forecare/forecare/internal/app"
	"github.com/forecare/forecare/internal/config"
	"github.com/forecare/forecare/internal/registrycli"
	"github.com/forecare/forecare/internal/sqlstore"
)

// openState opens the database that the settings name. A running forecare sees
// what is changed in it within two seconds.
func openState(ctx context.Context, s settings) (*sqlstore.DB, config.Config, error) {
	c, err := s.load()
	if err != nil {
		return nil, c, err
	}
	path, err := app.StateURL(c)
	if err != nil {
		return nil, c, err
	}
	db, err := sqlstore.Open(ctx, path)
	return db, c, err
}

// registry is the command of one noun of the registry.
func registry(noun string) command {
	return func(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
		s, rest, err := splitSettings(args)
		if err != nil {
			fmt.Fprintln(errs, "forecare:", err)
			return errUsage
		}
		db, _, err := openState(ctx, s)
		if err != nil {
			return err
		}
		defer db.Close()
		err = registrycli.Run(ctx, append([]string{noun}, rest...), in, out, errs, db, nil)
		if errors.Is(err, registrycli.ErrUsage) {
			fmt.Fprintln(errs, "forecare:", err)
			return errUsage
		}
		return err
	}
}

// account flags: who, in which tenant, as what.
type accountFlags struct {
	tenant, who, role string
}

func (a *accountFlags) add(fs *flag.FlagSet, name, about string) {
	fs.StringVar(&a.tenant, "tenant", "", "`tenant` that they belong to")
	fs.StringVar(&a.who, name, "", about)
	fs.StringVar(&a.role, "role", "admin", "`role`: admin, agent or planner")
}

func (a *accountFlags) check(fs *flag.FlagSet, name string) error {
	if a.tenant == "" || a.who == "" {
		fmt.Fprintf(fs.Output(), "%s: --tenant and --%s are needed\n", fs.Name(), name)
		return errUsage
	}
	return nil
}

func signInLink(ctx context.Context, args []string, _ io.Reader, out, errs io.Writer) error {
	fs, s := newFlags("sign-in-link", errs)
	var a accountFlags
	a.add(fs, "email", "mail `address` that names the person")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := a.check(fs, "email"); err != nil {
		return err
	}
	db, c, err := openState(ctx, *s)
	if err != nil {
		return err
	}
	defer db.Close()
	base, err := webAddress(c)
	if err != nil {
		return err
	}
	link, err := app.SignInLink(ctx, db, base, a.tenant, a.who, a.role)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, link)
	fmt.Fprintln(errs, "The link works once, within 15 minutes.")
	return nil
}

func token(ctx context.Context, args []string, _ io.Reader, out, errs io.Writer) error {
	fs, s := newFlags("token", errs)
	var a accountFlags
	a.add(fs, "name", "`name` that tells what the token is for")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := a.check(fs, "name"); err != nil {
		return err
	}
	db, _, err := openState(ctx, *s)
	if err != nil {
		return err
	}
	defer db.Close()
	secret, err := app.NewToken(ctx, db, a.tenant, a.who, a.role)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, secret)
	fmt.Fprintln(errs, "This is the only time that the token is shown. Send it as: Authorization: Bearer <token>")
	return nil
}

// webAddress is where people reach the web: the public URL, else where the
// running process listens, else where it would.
func webAddress(c config.Config) (*url.URL, error) {
	if c.Web.PublicURL != "" {
		return url.Parse(c.Web.PublicURL)
	}
	listen := c.Web.Listen
	if running, err := app.ReadRunFile(filepath.Clean(c.Data)); err == nil && running.Web != "" {
		listen = running.Web
	}
	return &url.URL{Scheme: "http", Host: listen}, nil
}
