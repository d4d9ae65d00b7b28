package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

const aboutReplay = `Sends recorded telemetry with its own timestamps through MQTT, each unit on a connection of its own, all units
at the same time of their world. Files may be compressed (.gz).

Formats:
  csv     a header, then a row per reading. Time is RFC 3339, "2006-01-02 15:04:05" or Unix time; with --step it
          counts steps. Without a unit column the file's name is the unit.
  cmapss  NASA's turbofan files: 26 numbers a line; a cycle is --step (1h), units start --stagger cycles apart, so
          that new and old ones run together, as in a fleet that has been growing for years.

First the units have to be registered, either
  --register           at once, through the API at --api, with a token that may change devices and models, or
  --emit DIR           by files for forecare model import and forecare device import, and then
  --credentials FILE   with the tokens that the import wrote.

With --report it then waits until detection is quiet, and prints when each unit was flagged.`

// replayFlags are what replay was asked for.
type replayFlags struct {
	broker, format, tenant, model   string
	api, credentials, emit          string
	register, report                bool
	timeColumn, unitColumn, metrics string
	step, lasts, quiet              *span
	end                             instant
	stagger, factor                 float64
	keepConstant                    bool
	units                           int
	token                           tokenFlag
}

// replay is the command replay.
func replay(ctx context.Context, args []string, c console) error {
	var o replayFlags
	f := flags(c, "replay [flags] FILE...", aboutReplay)
	f.StringVar(&o.broker, "broker", "tcp://127.0.0.1:1883", "the broker's `address`, tcp:// or ssl://")
	f.StringVar(&o.format, "format", "csv", "csv or cmapss")
	f.StringVar(&o.tenant, "tenant", "demo", "the tenant")
	f.StringVar(&o.model, "model", "", "`id` of the model that the units are registered as (default: turbofan, or the first file's name)")
	f.StringVar(&o.credentials, "credentials", "", "the units' credentials, a `file` of forecare device import --tokens")
	f.StringVar(&o.api, "api", "http://127.0.0.1:8080", "Forecare's `address`, for --register and --report")
	f.BoolVar(&o.register, "register", false, "register model and units through the API before")
	f.StringVar(&o.emit, "emit", "", "write the files to register model and units with into this `folder`, and stop")
	f.BoolVar(&o.report, "report", false, "wait until detection is quiet, and print when each unit was flagged")
	f.StringVar(&o.timeColumn, "time-column", "", "csv: the column of the time (default: one of the usual names)")
	f.StringVar(&o.unitColumn, "unit-column", "", "csv: the column of the unit (default: one of the usual names, else the file)")
	f.StringVar(&o.metrics, "metrics", "", "csv: the `columns` to send, separated by commas (default: all that hold numbers)")
	o.step = spanFlag(f, "step", 0, "how long a step is, where the time counts steps (cmapss: 1h)")
	f.Float64Var(&o.stagger, "stagger", 10, "by how many steps each unit starts after the one before, where the time counts steps")
	f.Var(&o.end, "end", "move the recording so that it ends then: now, 2d (ago) or RFC 3339 (default: its own time; where the time counts steps, now)")
	f.IntVar(&o.units, "units", 0, "send only the first so many units (0: all)")
	f.BoolVar(&o.keepConstant, "keep-constant", false, "also send metrics that never change")
	f.Float64Var(&o.factor, "factor", 0, "how many times as fast as recorded (default: so that it lasts --lasts)")
	o.lasts = spanFlag(f, "lasts", time.Minute, "how long the replay takes, without --factor")
	o.quiet = spanFlag(f, "quiet", 15*time.Second, "report: how long no finding may change before it is taken as final")
	o.token = newTokenFlag(f)
	files, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := o.check(files); err != nil {
		return err
	}
	r, err := o.read(files)
	if invalid(err) || devices.CodeOf(err) == devices.NotFound {
		return usagef("%s", devices.MessageOf(err))
	}
	if err != nil {
		return err
	}
	from, until := r.Span()
	fmt.Fprintf(c.out, "%d units, %d readings of %d metrics, %s to %s.\n", len(r.Units), r.Readings(), len(r.Metrics), from.Format(time.DateTime), until.Format(time.DateTime))
	for _, note := range r.Notes {
		fmt.Fprintln(c.out, "  "+note)
	}
	if from.Before(oldest()) {
		fmt.Fprintln(c.out, "  Forecare refuses readings that are this old; move the recording with --end now")
	}
	if o.emit != "" {
		return o.write(r, c)
	}
	if err := o.send(ctx, r, c); err != nil || !o.report || ctx.Err() != nil {
		return err
	}
	return o.tell(ctx, r, c)
}

// oldest is the event time below which Forecare takes a clock for wrong.
// [TP-5.12]
func oldest() time.Time {
	tenYears := time.Now().AddDate(-10, 0, 0)
	if y2015 := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC); tenYears.Before(y2015) {
		return y2015
	}
	return tenYears
}

func (o *replayFlags) check(files []string) error {
	ways := 0
	for _, chosen := range []bool{o.credentials != "", o.register, o.emit != ""} {
		if chosen {
			ways++
		}
	}
	switch {
	case len(files) == 0:
		return usagef("name the files to send")
	case o.format != "csv" && o.format != "cmapss":
		return usagef("the format %q is neither csv nor cmapss", o.format)
	case o.format == "cmapss" && o.timeColumn+o.unitColumn+o.metrics != "":
		return usagef("--time-column, --unit-column and --metrics are for --format csv; cmapss files have no header")
	case ways != 1:
		return usagef("give one of --register, --credentials FILE and --emit DIR")
	case o.factor < 0 || o.lasts.Duration <= 0:
		return usagef("--factor and --lasts must be positive")
	}
	if o.model == "" {
		o.model = "turbofan"
		if o.format == "csv" {
			o.model, _, _ = strings.Cut(filepath.Base(files[0]), ".")
		}
	}
	if !devices.ValidID(o.model) {
		return usagef("the model %q is no identifier; name it with --model", o.model)
	}
	return nil
}

// read reads the files and gives the recording its times.
func (o *replayFlags) read(files []string) (*sim.Recording, error) {
	var r *sim.Recording
	var err error
	if o.format == "cmapss" {
		r, err = sim.ReadCMAPSS(files...)
		if o.step.Duration == 0 {
			o.step.Duration = time.Hour
		}
	} else {
		r, err = sim.ReadCSV(sim.CSVOptions{
			Time: o.timeColumn, Unit: o.unitColumn, Metrics: words(o.metrics), Indexed: o.step.Duration > 0,
		}, files...)
	}
	if err != nil {
		return nil, err
	}
	if o.units > 0 && o.units < len(r.Units) {
		r.Units = r.Units[:o.units]
	}
	if !o.keepConstant {
		r.DropConstant()
	}
	if r.Indexed && o.end.IsZero() {
		o.end.Time = time.Now().UTC()
	}
	return r, r.Place(sim.Placing{Step: o.step.Duration, Stagger: o.stagger, Until: o.end.Time})
}

// write writes what to register by hand.
func (o *replayFlags) write(r *sim.Recording, c console) error {
	if err := sim.MakeFolder(o.emit); err != nil {
		return err
	}
	names, err := r.Registration(o.tenant, o.model).WriteFiles(o.emit)
	for _, name := range names {
		fmt.Fprintln(c.out, "  "+name)
	}
	return err
}

func (o *replayFlags) send(ctx context.Context, r *sim.Recording, c console) error {
	credentials, err := o.passwords(ctx, r)
	if err != nil {
		return err
	}
	if o.factor == 0 {
		from, until := r.Span()
		o.factor = max(1, until.Sub(from).Seconds()/o.lasts.Seconds())
	}
	p, err := sim.NewReplay(r, sim.ReplayOptions{
		Broker: o.broker, Tenant: o.tenant, Credentials: credentials, Factor: o.factor,
		Logger: slog.New(slog.NewTextHandler(c.errs, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if invalid(err) {
		return usagef("%s", devices.MessageOf(err))
	}
	if err != nil {
		return err
	}
	total := r.Readings()
	watch, done := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() { // waited for below
		defer close(finished)
		progress(watch, c, p.Status, func(s sim.Status) string {
			return fmt.Sprintf("%d of %d readings acknowledged, %d units connected", s.Delivered, total, s.Connected)
		})
	}()
	began := time.Now()
	err = p.Run(ctx)
	done()
	<-finished
	if err != nil {
		return err
	}
	s := p.Status()
	fmt.Fprintf(c.out, "%d of %d readings acknowledged in %s, %.0f a second.\n", s.Delivered, total, time.Since(began).Round(time.Second), float64(s.Delivered)/time.Since(began).Seconds())
	return nil
}

func (o *replayFlags) passwords(ctx context.Context, r *sim.Recording) (sim.Credentials, error) {
	if o.credentials != "" {
		return sim.ReadCredentials(o.credentials)
	}
	a, err := openAPI(o.api, o.token)
	if err != nil {
		return nil, err
	}
	return r.Registration(o.tenant, o.model).Register(ctx, a)
}

// tell prints the report.
func (o *replayFlags) tell(ctx context.Context, r *sim.Recording, c console) error {
	a, err := openAPI(o.api, o.token)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Waiting until no finding has changed for %s.\n", o.quiet)
	found, err := r.Drain(ctx, a, o.quiet.Duration)
	if err != nil {
		return err
	}
	step := "reading"
	if o.format == "cmapss" {
		step = "cycle"
	}
	fmt.Fprintln(c.out)
	return sim.WriteReport(c.out, r.Judge(found), step)
}
