package devices_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forecare/forecare/devices"
)

func TestReadDeviceCSVRefusesAFileAsAWhole(t *testing.T) {
	tests := []struct{ name, tenant, text, says string }{
		{"empty", "acme", "", "the file is empty; its first line must name the columns: id,model,zone"},
		{"bad tenant", "a/b", "id,model,zone\n", `the tenant is "a/b"`},
		{"unknown column", "acme", "id,model,zone,colour\n", `unknown column "colour"; the columns may be id, model, zone, firmware,`},
		{"column twice", "acme", "id,model,zone,ID\n", "the column id is there twice"},
		{"missing column", "acme", "id,model,lat\n", "the column zone is missing"},
		{"no header", "acme", "p-1,press,UTC\n", `unknown column "p-1"`},
		{"Latin-1", "acme", "id,model,zone,site_name\np-1,press,UTC,Caf\xe9\n", "not UTF-8"},
		{"unreadable header", "acme", "id,\"model,zone\n", "the first line cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := devices.ReadDeviceCSV(strings.NewReader(tt.text), tt.tenant)
			check(t, err, []string{tt.says})
		})
	}
}

// registered is what the store of these tests holds before an import.
func registered() devices.Snapshot {
	old := goodDevice()
	old.Device = "old"
	same := devices.Device{Key: key("acme", "same"), Model: "press", Site: devices.Site{Zone: "UTC"}}
	return devices.Snapshot{
		Devices: []devices.Device{old, same, {Key: key("other", "p-1"), Model: "x"}, {Key: key("acme", "gate"), Model: "press", Site: devices.Site{Zone: "UTC"}}},
		Models:  []devices.Model{{Tenant: "acme", ID: "press"}, {Tenant: "other", ID: "foreign"}},
	}
}

func TestPlanImport(t *testing.T) {
	const header = "id,model,zone\n"
	tests := []struct {
		name, text string
		want       []string // line device action: message
	}{
		{"add, in another tenant there is one of that id", header + "p-1,press,UTC\n", []string{"2 p-1 add: "}},
		{"unchanged", header + "same,press,UTC\n", []string{"2 same unchanged: "}},
		{"update", header + "same,press,Asia/Dubai\n", []string{"2 same update: "}},
		{"a column that is not there changes nothing", "zone,id,model\nEurope/Berlin,old,press\n", []string{"2 old unchanged: "}},
		{"an empty cell empties", "id,model,zone,owner\nold,press,Europe/Berlin,\n", []string{"2 old update: "}},
		{"mark, CRLF, blanks, empty lines", "\xef\xbb\xbf ID , Model,zone\r\n\r\n p-1 , press,UTC\r\n,,\r\np-2,press,UTC\r\n", []string{"3 p-1 add: ", "5 p-2 add: "}},
		{"semicolons", "id;model;zone;site_name\np-1;press;UTC;Berlin, Mitte\n", []string{"2 p-1 add: "}},
		{
			"quoted", "id,model,zone,site_name\np-1,press,UTC,\"Berlin,\n\"\"Mitte\"\"\"\np-2,press,UTC,x\n",
			[]string{"2 p-1 error: site_name holds a line break", "4 p-2 add: "},
		},
		{
			"bad rows between good ones", "id,model,zone,lat\np-1,press,UTC,52.5\np-2,press,Mars,0\n,press,UTC,0\np 4,press,UTC,0\np-5,press,UTC,\"52,5\"\np-6,press\np-7,,UTC,0\np-8,press,UTC,91\np-9,press,UTC,\n",
			[]string{
				"2 p-1 add: ", `3 p-2 error: zone is "Mars"`, "4  error: id is missing", `5 p 4 error: id is "p 4"`,
				`6 p-5 error: lat is "52,5"; write degrees with a point`, "7 p-6 error: the line has 2 cells, but the header has 4 columns",
				"8 p-7 error: model is missing", "9 p-8 error: lat is 91", "10 p-9 add: ",
			},
		},
		{
			"broken quotes", header + "p-1,pr\"ess,UTC\np-2,press,UTC\np-3,\"press,UTC\n",
			[]string{"2  error: the line cannot be read", "3 p-2 add: ", "4  error: the line cannot be read"},
		},
		{
			"twice in the file", header + "p-1,press,UTC\np-1,press,UTC\nold,press,Europe/Berlin\nold,press,UTC\n",
			[]string{"2 p-1 add: ", "3 p-1 error: the device is on line 2 already", "4 old unchanged: ", "5 old error: the device is on line 4 already"},
		},
		{"model not imported", header + "p-1,foreign,UTC\n", []string{`2 p-1 add: the model "foreign" is not imported`}},
		{
			"gateways", "id,model,zone,gateway\np-1,press,UTC,gate\np-2,press,UTC,p-3\np-3,press,UTC,\np-4,press,UTC,nobody\np-5,press,UTC,p-5\n",
			[]string{"2 p-1 add: ", "3 p-2 add: ", "4 p-3 add: ", `5 p-4 add: the gateway "nobody" is not registered`, "6 p-5 error: gateway is the device itself"},
		},
		{"header only", header, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := devices.ReadDeviceCSV(strings.NewReader(tt.text), "acme")
			if err != nil {
				t.Fatal(err)
			}
			steps := devices.PlanImport(rows, registered())
			if len(steps) != len(tt.want) {
				t.Fatalf("got %d results %+v, want %d", len(steps), steps, len(tt.want))
			}
			for i, s := range steps {
				got := fmt.Sprintf("%d %s %s: %s", s.Line, s.Device, s.Action, s.Message)
				start, message, _ := strings.Cut(tt.want[i], ": ")
				if !strings.HasPrefix(got, start+": ") || !strings.Contains(got, message) || message == "" && s.Message != "" {
					t.Errorf("got  %s\nwant %s", got, tt.want[i])
				}
				if s.Action != devices.ImportError && (s.Planned.Tenant != "acme" || s.Planned.Validate() != nil) {
					t.Errorf("planned %+v", s.Planned)
				}
			}
		})
	}
}

func TestPlanImportKeepsWhatTheFileDoesNotSay(t *testing.T) {
	rows, err := devices.ReadDeviceCSV(strings.NewReader("id,model,zone,firmware,site,site_name,lat,lon,owner,gateway\nold,press,UTC,2.0,rome,Roma,41.9,12.5,bob,\n"), "acme")
	if err != nil {
		t.Fatal(err)
	}
	before := registered()
	before.Devices[0].Disabled = true
	want := before.Devices[0]
	want.Firmware, want.Owner, want.Gateway = "2.0", "bob", ""
	want.Site = devices.Site{ID: "rome", Name: "Roma", Lat: 41.9, Lon: 12.5, Zone: "UTC"}
	if diff := cmp.Diff(want, devices.PlanImport(rows, before)[0].Planned); diff != "" {
		t.Error(diff)
	}
}

// shelf is an ImportStore in memory.
type shelf struct {
	added   []devices.Registration
	updated []devices.Device
	saves   int
	err     error
}

func (s *shelf) Snapshot(context.Context) (devices.Snapshot, error) { return registered(), nil }

func (s *shelf) SaveDevices(_ context.Context, added []devices.Registration, updated []devices.Device) error {
	s.added, s.updated, s.saves = added, updated, s.saves+1
	return s.err
}

const mixed = "id,model,zone\np-1,press,UTC\nsame,press,UTC\nold,press,UTC\nbad,press,\np-2,press,UTC\n"

func TestImportDevices(t *testing.T) {
	store := &shelf{}
	results, err := devices.ImportDevices(t.Context(), store, strings.NewReader(mixed), "acme", false)
	if err != nil {
		t.Fatal(err)
	}
	want := []devices.ImportResult{
		{Line: 2, Device: "p-1", Action: devices.ImportAdd},
		{Line: 3, Device: "same", Action: devices.ImportUnchanged},
		{Line: 4, Device: "old", Action: devices.ImportUpdate},
		{Line: 5, Device: "bad", Action: devices.ImportError},
		{Line: 6, Device: "p-2", Action: devices.ImportAdd},
	}
	if diff := cmp.Diff(want, results, cmpopts.IgnoreFields(devices.ImportResult{}, "Message", "Token")); diff != "" {
		t.Error(diff)
	}
	hashes := make(map[string]string)
	for _, r := range store.added {
		hashes[r.Device.Device] = r.TokenHash
	}
	for _, r := range results {
		if (r.Token != "") != (r.Action == devices.ImportAdd) {
			t.Errorf("%s (%s) has the token %q", r.Device, r.Action, r.Token)
		}
		if r.Token != "" && devices.HashToken(r.Token) != hashes[r.Device] {
			t.Errorf("the token of %s is not the one that was stored", r.Device)
		}
		if r.Token != "" && strings.Contains(slog.AnyValue(r).Resolve().String(), r.Token) {
			t.Error("a log would show the token")
		}
	}
	if len(store.added) != 2 || len(store.updated) != 1 || store.saves != 1 {
		t.Errorf("%d added and %d updated in %d saves, want 2 and 1 in 1", len(store.added), len(store.updated), store.saves)
	}
}

func TestDryRunStoresNothing(t *testing.T) {
	store := &shelf{}
	results, err := devices.ImportDevices(t.Context(), store, strings.NewReader(mixed), "acme", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Token != "" {
			t.Errorf("%s has a token", r.Device)
		}
	}
	if len(results) != 5 || results[0].Action != devices.ImportAdd || store.saves != 0 {
		t.Errorf("%d saves, results %+v", store.saves, results)
	}
}

func TestImportThatIsNotStoredHandsOutNoTokens(t *testing.T) {
	store := &shelf{err: errors.New("disk full")}
	results, err := devices.ImportDevices(t.Context(), store, strings.NewReader(mixed), "acme", false)
	if !errors.Is(err, store.err) || results != nil {
		t.Errorf("got %+v, %v", results, err)
	}
}

func FuzzReadDeviceCSV(f *testing.F) {
	f.Add(mixed)
	f.Add("id;model;zone\n\"a\";b;c\n")
	f.Add("id,model,zone\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := devices.ReadDeviceCSV(strings.NewReader(text), "acme")
		if err != nil {
			if devices.CodeOf(err) != devices.Invalid {
				t.Errorf("error is %v", err)
			}
			return
		}
		last := 1
		for _, s := range devices.PlanImport(rows, registered()) {
			if s.Line <= last {
				t.Errorf("line %d comes after line %d", s.Line, last)
			}
			last = s.Line
			if (s.Action == devices.ImportError) != (s.Planned.Device == "") {
				t.Errorf("action %s with the device %+v", s.Action, s.Planned)
			}
		}
	})
}
