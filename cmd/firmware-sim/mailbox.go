package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

const aboutMailbox = `Takes mail by SMTP on this machine and shows it on a page, as its reader would see it. It forwards nothing.
Point Forecare at it with: email: {host: 127.0.0.1, port: 2525, tls: none}. Ctrl-C ends it.`

// mailbox is the command mailbox.
func mailbox(ctx context.Context, args []string, c console) error {
	f := flags(c, "mailbox [flags]", aboutMailbox)
	smtp := f.String("smtp", "127.0.0.1:2525", "where mail is taken, an `address` of this machine")
	web := f.String("http", "127.0.0.1:8025", "where it is shown, an `address` of this machine")
	dir := f.String("dir", "mailbox", "the `folder` that keeps the mails")
	if err := noWords(parse(f, args)); err != nil {
		return err
	}
	if host, _, err := net.SplitHostPort(*web); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return usagef("--http must be an address of this machine such as 127.0.0.1:8025: what is in these mails is nobody else's business")
	}
	log := slog.New(slog.NewTextHandler(c.errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	box, err := sim.NewMailbox(*smtp, *dir, log)
	if invalid(err) {
		return usagef("%s", devices.MessageOf(err))
	}
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *web)
	if err != nil {
		return errors.Join(fmt.Errorf("the page cannot be served on %s: %w", *web, err), box.Close())
	}
	server := &http.Server{Handler: box.Handler("/"), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	fmt.Fprintf(c.out, "Mail to %s is shown at http://%s/\n", box.Addr(), listener.Addr())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { // waited for below
		served <- server.Serve(listener)
		cancel()
	}()
	err = box.Run(ctx)
	within, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	err = errors.Join(err, server.Shutdown(within))
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
