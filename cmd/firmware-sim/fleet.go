package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
	sim "github.com/forecare/forecare/firmware-sim"
)

const aboutFleet = `Plans a fleet and writes into a folder:
  fleet.json         the plan, for firmware-sim run
  truth.json         what will really go wrong, and when it would be noticed
  model-*.json       for: forecare model import FILE --tenant TENANT
  contacts.json      for: forecare contact import FILE --tenant TENANT
  devices.csv        for: forecare device import FILE --tenant TENANT --tokens tokens.csv
  credentials.json   with --register only: the devices' passwords

The same seed and start plan the same fleet.`

// planFleet is the command fleet.
func planFleet(ctx context.Context, args []string, c console) error {
	f := flags(c, "fleet --out DIR [flags]", aboutFleet)
	out := f.String("out", "", "the `folder` to write into (required)")
	tenant := f.String("tenant", "demo", "the tenant")
	seed := f.Uint64("seed", 1, "what everything random follows from")
	count := f.Int("devices", 60, "how many devices")
	start := instant{time.Now().UTC().Add(-6 * 24 * time.Hour)}
	f.Var(&start, "start", "when the fleet's past begins: 6d (ago) or RFC 3339")
	interval := spanFlag(f, "interval", 0, "time between two readings in the past (0: the model's)")
	live := spanFlag(f, "live-interval", 30*time.Second, "the same once event time is the present")
	faults := f.String("faults", "all", "`kinds` of fault, one device each: all, none, or a list of "+kinds())
	release := f.String("release", "", "`model` whose devices all get a bad firmware release in the middle of the past")
	api := f.String("api", "http://127.0.0.1:8080", "Forecare's `address`, for --register")
	registered := f.Bool("register", false, "register models and devices (without owners) through the API")
	token := newTokenFlag(f)
	if err := noWords(parse(f, args)); err != nil {
		return err
	}
	if *out == "" {
		return usagef("--out DIR is missing")
	}
	p, err := sim.NewPlan(sim.PlanOptions{
		Tenant: *tenant, Seed: *seed, Start: start.Time, Devices: *count, Interval: interval.Duration, Live: live.Duration,
	})
	if err == nil {
		err = spoil(&p, *faults, *release)
	}
	if invalid(err) {
		return usagef("%s", devices.MessageOf(err))
	}
	if err != nil {
		return err
	}
	names, err := writePlan(p, *out)
	if err != nil {
		return err
	}
	if *registered {
		name, err := register(ctx, p.Registration(), *api, token, *out)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	fmt.Fprintf(c.out, "%d devices, %d owners, %s to %s.\n", len(p.Devices), len(p.Contacts), start.Format(time.DateTime), time.Now().UTC().Format(time.DateTime))
	for _, name := range names {
		fmt.Fprintln(c.out, "  "+name)
	}
	return nil
}

func kinds() string {
	var names []string
	for _, k := range sim.FaultKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ",")
}

// spoil adds faults, their onsets spread over the past.
func spoil(p *sim.Plan, faults, release string) error {
	var wanted []string
	switch faults {
	case "all":
		wanted = words(kinds())
	case "none":
	default:
		wanted = words(faults)
	}
	past := time.Since(p.Start)
	for i, kind := range wanted {
		if !slices.Contains(sim.FaultKinds(), sim.FaultKind(kind)) {
			return devices.Errorf(devices.Invalid, "there is no fault of kind %q; choose out of %s", kind, kinds())
		}
		onset := p.Start.Add(time.Duration(float64(past) * (0.25 + 0.5*float64(i)/float64(len(wanted)))))
		if _, err := p.Spoil(sim.FaultKind(kind), "", "", onset); err != nil {
			if devices.CodeOf(err) == devices.NotFound {
				return devices.Errorf(devices.Invalid, "%s; plan more devices or fewer faults", devices.MessageOf(err))
			}
			return err
		}
	}
	if release != "" {
		if _, err := p.Release("2.0.0", release, "", p.Start.Add(past/2)); err != nil {
			return devices.Errorf(devices.Invalid, "%s", devices.MessageOf(err))
		}
	}
	return nil
}

func writePlan(p sim.Plan, dir string) ([]string, error) {
	if err := sim.MakeFolder(dir); err != nil {
		return nil, err
	}
	plan, truth := filepath.Join(dir, "fleet.json"), filepath.Join(dir, "truth.json")
	if err := sim.WritePlan(plan, p); err != nil {
		return nil, err
	}
	truths, err := p.Truths()
	if err != nil {
		return nil, err
	}
	if err := sim.WriteTruth(truth, truths); err != nil {
		return nil, err
	}
	names, err := p.Registration().WriteFiles(dir)
	return append([]string{plan, truth}, names...), err
}

// register registers through the API and keeps the credentials in the folder.
func register(ctx context.Context, r sim.Registration, address string, token tokenFlag, dir string) (string, error) {
	a, err := openAPI(address, token)
	if err != nil {
		return "", err
	}
	credentials, err := r.Register(ctx, a)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "credentials.json")
	return name, sim.WriteCredentials(name, credentials)
}

func openAPI(address string, token tokenFlag) (*sim.API, error) {
	secret, err := token.value()
	if err != nil {
		return nil, usagef("the token cannot be read: %v", err)
	}
	if secret == "" {
		return nil, usagef("the API needs a token; make one with `forecare token` and give it in FORECARE_TOKEN or with --token-file")
	}
	a, err := sim.NewAPI(address, secret)
	if err != nil {
		return nil, usagef("%s", devices.MessageOf(err))
	}
	return a, nil
}
