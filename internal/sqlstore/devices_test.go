package sqlstore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

func device(tenant, id string) devices.Device {
	return devices.Device{
		Key:   devices.Key{Tenant: tenant, Device: id},
		Model: "press", Firmware: "1.2.0", Owner: "ada", Gateway: "gate",
		Site: devices.Site{ID: "berlin", Name: "Café Größe", Lat: 52.52, Lon: 13.405, Zone: "Europe/Berlin"},
	}
}

var withoutTimes = cmpopts.IgnoreFields(devices.Device{}, "Created", "Updated")

func wantCode(t *testing.T, err error, code devices.Code) {
	t.Helper()
	if got := devices.CodeOf(err); got != code {
		t.Errorf("error is %v (%q), want %q", err, got, code)
	}
}

func TestDevice(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		d := device("acme", "a")
		hash := devices.HashToken("secret")
		before := time.Now().Truncate(time.Millisecond)
		if err := db.AddDevice(ctx, d, hash); err != nil {
			t.Fatal(err)
		}
		got, err := db.Device(ctx, d.Key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got, withoutTimes); diff != "" {
			t.Error(diff)
		}
		if got.Created.Before(before) || got.Created.After(time.Now()) || !got.Created.Equal(got.Updated) {
			t.Errorf("created %v, updated %v, want both now", got.Created, got.Updated)
		}

		wantCode(t, db.AddDevice(ctx, d, devices.HashToken("other")), devices.Conflict)
		wantCode(t, db.AddDevice(ctx, device("acme", "no/id"), hash), devices.Invalid)
		wantCode(t, db.AddDevice(ctx, device("acme", "b"), "no hash"), devices.Internal)
		wantCode(t, db.UpdateDevice(ctx, device("acme", "nobody")), devices.NotFound)
		wantCode(t, db.SetDeviceDisabled(ctx, devices.Key{Tenant: "other", Device: "a"}, true), devices.NotFound)
		_, err = db.Device(ctx, devices.Key{Tenant: "other", Device: "a"})
		wantCode(t, err, devices.NotFound)

		d.Model, d.Firmware, d.Owner, d.Gateway, d.Site = "grinder", "", "", "", devices.Site{Zone: "Asia/Dubai"}
		if err := db.SetDeviceDisabled(ctx, d.Key, true); err != nil {
			t.Fatal(err)
		}
		if err := db.UpdateDevice(ctx, d); err != nil { // with what was read before it was disabled
			t.Fatal(err)
		}
		d.Disabled = true
		changed, err := db.Device(ctx, d.Key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, changed, withoutTimes); diff != "" {
			t.Error(diff)
		}
		if !changed.Created.Equal(got.Created) {
			t.Errorf("an update changed the creation from %v to %v", got.Created, changed.Created)
		}
	})
}

func TestSaveDevicesIsAllOrNothing(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		hash := devices.HashToken("t")
		if err := db.AddDevice(ctx, device("acme", "old"), hash); err != nil {
			t.Fatal(err)
		}
		add := func(ids ...string) (out []devices.Registration) {
			for _, id := range ids {
				out = append(out, devices.Registration{Device: device("acme", id), TokenHash: hash})
			}
			return out
		}
		wantCode(t, db.SaveDevices(ctx, add("new1", "old"), nil), devices.Conflict)
		wantCode(t, db.SaveDevices(ctx, add("new2"), []devices.Device{device("acme", "nobody")}), devices.NotFound)
		wantCode(t, db.SaveDevices(ctx, add("new3", "not valid"), nil), devices.Invalid)
		list, total, err := db.ListDevices(ctx, sqlstore.DeviceFilter{Tenant: "acme"})
		if err != nil || total != 1 || len(list) != 1 || list[0].Device != "old" {
			t.Errorf("after failed saves there are %d devices %v, %v; want only the old one", total, list, err)
		}
	})
}

func TestListDevices(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		add := func(d devices.Device) {
			t.Helper()
			if err := db.AddDevice(ctx, d, devices.HashToken("t")); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 12 {
			d := device("acme", fmt.Sprintf("dev-%02d", i))
			d.Site.Name, d.Site.ID, d.Owner, d.Firmware = "", "", "", ""
			if i >= 10 {
				d.Model = "grinder"
			}
			add(d)
		}
		special := device("acme", "x_1")
		special.Site.Name, special.Owner, special.Firmware = "ÇA VA 100% \\ Größe", "", ""
		add(special)
		add(device("other", "dev-00"))

		tests := []struct {
			name   string
			filter sqlstore.DeviceFilter
			want   string
			total  int
		}{
			{"a page", sqlstore.DeviceFilter{Limit: 2, Offset: 3}, "dev-03 dev-04", 13},
			{"the last page", sqlstore.DeviceFilter{Limit: 5, Offset: 11}, "dev-11 x_1", 13},
			{"behind the last page", sqlstore.DeviceFilter{Limit: 5, Offset: 50}, "", 13},
			{"a model", sqlstore.DeviceFilter{Model: "grinder"}, "dev-10 dev-11", 2},
			{"no such model", sqlstore.DeviceFilter{Model: "Grinder"}, "", 0},
			{"text in the id", sqlstore.DeviceFilter{Text: " DEV-1 "}, "dev-10 dev-11", 2},
			{"text and model", sqlstore.DeviceFilter{Text: "dev-1", Model: "press"}, "", 0},
			{"letters beyond ASCII", sqlstore.DeviceFilter{Text: "ça VA"}, "x_1", 1},
			{"percent is no wildcard", sqlstore.DeviceFilter{Text: "100%"}, "x_1", 1},
			{"percent alone", sqlstore.DeviceFilter{Text: "%"}, "x_1", 1},
			{"underscore is no wildcard", sqlstore.DeviceFilter{Text: "x_"}, "x_1", 1},
			{"backslash", sqlstore.DeviceFilter{Text: `\`}, "x_1", 1},
			{"a quote", sqlstore.DeviceFilter{Text: `' OR '1'='1`}, "", 0},
			{"not across columns", sqlstore.DeviceFilter{Text: "x_1press"}, "", 0},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				tt.filter.Tenant = "acme"
				list, total, err := db.ListDevices(ctx, tt.filter)
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for _, d := range list {
					ids = append(ids, d.Device)
				}
				if got := strings.Join(ids, " "); got != tt.want || total != tt.total {
					t.Errorf("got %q of %d, want %q of %d", got, total, tt.want, tt.total)
				}
			})
		}
	})
}

func TestRotateCredential(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		d := device("acme", "a")
		if err := db.AddDevice(ctx, d, devices.HashToken("one")); err != nil {
			t.Fatal(err)
		}
		if err := db.AddDevice(ctx, device("acme", "b"), devices.HashToken("b")); err != nil {
			t.Fatal(err)
		}
		registry := devices.NewRegistry()
		valid := func(want string) {
			t.Helper()
			s, err := db.Snapshot(ctx)
			if err != nil {
				t.Fatal(err)
			}
			registry.Replace(s)
			var got []string
			for _, token := range []string{"one", "two", "three", "four"} {
				if registry.Authenticate(d.Key, token) {
					got = append(got, token)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("valid are %v, want %s", got, want)
			}
			if !registry.Authenticate(devices.Key{Tenant: "acme", Device: "b"}, "b") {
				t.Error("another device's token ended")
			}
		}
		rotate := func(token string, keep bool) {
			t.Helper()
			if err := db.RotateCredential(ctx, d.Key, devices.HashToken(token), keep); err != nil {
				t.Fatal(err)
			}
		}
		valid("one")
		rotate("two", true)
		valid("one two")
		rotate("three", true) // in the same millisecond or not, "two" is the newest
		valid("two three")
		rotate("four", false)
		valid("four")
		wantCode(t, db.RotateCredential(ctx, devices.Key{Tenant: "acme", Device: "nobody"}, devices.HashToken("x"), false), devices.NotFound)
		wantCode(t, db.RotateCredential(ctx, d.Key, "no hash", false), devices.Internal)
		valid("four")
	})
}

func TestManyAddDevicesAtOnce(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		const many = 24
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if err := db.AddDevice(t.Context(), device("acme", fmt.Sprint("d", i)), devices.HashToken("t")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := revision(t, db); got != 1+many {
			t.Errorf("revision is %d, want %d", got, 1+many)
		}
	})
}
