package registrycli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/forecare/forecare/devices"
)

func (s *session) deviceAdd(ctx context.Context, args []string) error {
	f := newFlags("device add TENANT/ID --model MODEL --zone ZONE")
	var d devices.Device
	f.StringVar(&d.Model, "model", "", "id of its `model`")
	f.StringVar(&d.Site.Zone, "zone", "", "time `zone` of where it stands, such as Europe/Berlin")
	f.StringVar(&d.Firmware, "firmware", "", "`version` of its firmware")
	f.StringVar(&d.Site.ID, "site", "", "`id` of the site; devices of one site are visited together")
	f.StringVar(&d.Site.Name, "site-name", "", "`name` of the site")
	f.Float64Var(&d.Site.Lat, "lat", 0, "latitude of the site in `degrees`")
	f.Float64Var(&d.Site.Lon, "lon", 0, "longitude of the site in `degrees`")
	f.StringVar(&d.Owner, "owner", "", "`id` of the contact who owns it")
	f.StringVar(&d.Gateway, "gateway", "", "`id` of the device that publishes for it")
	broker := brokerFlag(f)
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err != nil {
		return err
	}
	if d.Key, err = f.key(rest); err != nil {
		return err
	}
	if d.Model == "" || d.Site.Zone == "" {
		return f.wrong("a device needs --model and --zone")
	}
	if err := d.Validate(); err != nil {
		return err
	}
	token := devices.NewToken()
	if err := s.store.AddDevice(ctx, d, devices.HashToken(token)); err != nil {
		return err
	}
	s.changed()
	return s.printToken(ctx, d.Key, token, *broker, *asJSON, "Added")
}

func brokerFlag(f *flagSet) *string {
	return f.String("broker", "127.0.0.1:1883", "`host:port` that the device connects to, for the example")
}

func (s *session) deviceList(ctx context.Context, args []string) error {
	f := newFlags("device list --tenant TENANT")
	var filter devices.DeviceFilter
	tenant := f.tenantFlag()
	f.StringVar(&filter.Model, "model", "", "only devices of this `model`")
	f.StringVar(&filter.Text, "text", "", "only devices with this `text` in id, model, site, owner or firmware")
	f.IntVar(&filter.Limit, "limit", 100, "at most so `many`; 0 for all")
	f.IntVar(&filter.Offset, "offset", 0, "leave out so `many` at the start")
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err == nil {
		err = f.none(rest)
	}
	if err == nil {
		err = f.tenant(*tenant)
	}
	if err != nil {
		return err
	}
	if filter.Limit < 0 || filter.Offset < 0 {
		return f.wrong("--limit and --offset cannot be negative")
	}
	filter.Tenant = *tenant
	list, total, err := s.store.ListDevices(ctx, filter)
	if err != nil {
		return err
	}
	if *asJSON {
		if list == nil {
			list = []devices.Device{}
		}
		return printJSON(s.out, struct {
			Devices []devices.Device `json:"devices"`
			Total   int              `json:"total"`
		}{list, total})
	}
	rows := make([][]string, len(list))
	for i, d := range list {
		state := "enabled"
		if d.Disabled {
			state = "disabled"
		}
		rows[i] = []string{d.Key.String(), d.Model, orDash(d.Firmware), orDash(d.Site.Name), d.Site.Zone, orDash(d.Owner), orDash(d.Gateway), state}
	}
	if err := printTable(s.out, "DEVICE MODEL FIRMWARE SITE ZONE OWNER GATEWAY STATE", rows); err != nil {
		return err
	}
	if len(list) < total {
		fmt.Fprintf(s.errs, "%d of %s; --limit and --offset show others\n", len(list), count(total, "device"))
	}
	return nil
}

func (s *session) deviceShow(ctx context.Context, args []string) error {
	f := newFlags("device show TENANT/ID")
	asJSON := f.jsonFlag()
	key, err := s.oneKey(f, args)
	if err != nil {
		return err
	}
	d, err := s.store.Device(ctx, key)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(s.out, d)
	}
	model := d.Model
	if _, err := s.store.Model(ctx, d.Tenant, d.Model); devices.CodeOf(err) == devices.NotFound {
		model += " (not imported: its readings are refused)"
	} else if err != nil {
		return err
	}
	return printPairs(s.out, [][2]string{
		{"device", d.Key.String()},
		{"model", model},
		{"firmware", orDash(d.Firmware)},
		{"site", orDash(d.Site.ID)},
		{"site name", orDash(d.Site.Name)},
		{"position", strconv.FormatFloat(d.Site.Lat, 'f', -1, 64) + ", " + strconv.FormatFloat(d.Site.Lon, 'f', -1, 64)},
		{"zone", d.Site.Zone},
		{"owner", orDash(d.Owner)},
		{"gateway", orDash(d.Gateway)},
		{"disabled", strconv.FormatBool(d.Disabled)},
		{"created", when(d.Created)},
		{"updated", when(d.Updated)},
	})
}

// oneKey parses a command that takes one device.
func (s *session) oneKey(f *flagSet, args []string) (devices.Key, error) {
	rest, err := f.parse(s, args)
	if err != nil {
		return devices.Key{}, err
	}
	return f.key(rest)
}

func (s *session) deviceDisable(ctx context.Context, args []string) error {
	return s.setDisabled(ctx, newFlags("device disable TENANT/ID"), args, true, "Disabled %s. Its connection is closed and its token refused until it is enabled again.\n")
}

func (s *session) deviceEnable(ctx context.Context, args []string) error {
	return s.setDisabled(ctx, newFlags("device enable TENANT/ID"), args, false, "Enabled %s. It may connect again with the token it has.\n")
}

func (s *session) setDisabled(ctx context.Context, f *flagSet, args []string, disabled bool, says string) error {
	asJSON := f.jsonFlag()
	key, err := s.oneKey(f, args)
	if err != nil {
		return err
	}
	if err := s.store.SetDeviceDisabled(ctx, key, disabled); err != nil {
		return err
	}
	s.changed()
	if *asJSON {
		d, err := s.store.Device(ctx, key)
		return errors.Join(err, printJSON(s.out, d))
	}
	fmt.Fprintf(s.out, says, key)
	return nil
}

func (s *session) deviceRotate(ctx context.Context, args []string) error {
	f := newFlags("device rotate TENANT/ID")
	keep := f.Bool("keep-old", false, "let the token it has now work as well, until the next rotation")
	broker := brokerFlag(f)
	asJSON := f.jsonFlag()
	key, err := s.oneKey(f, args)
	if err != nil {
		return err
	}
	token := devices.NewToken()
	if err := s.store.RotateCredential(ctx, key, devices.HashToken(token), *keep); err != nil {
		return err
	}
	s.changed()
	says := "Rotated; every older token of it has ended:"
	if *keep {
		says = "Rotated; the token it had works as well, until the next rotation:"
	}
	return s.printToken(ctx, key, token, *broker, *asJSON, says)
}
