package sqlstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

func model(tenant, id string) devices.Model {
	low := -10.5
	return devices.Model{
		Tenant: tenant, ID: id, Name: "Press " + id, Words: devices.Words{"en": "press", "ar": "مكبس"}, Interval: 90 * time.Second,
		Metrics:  []devices.Metric{{Name: "temp", Unit: "°C", Min: &low, Noticeable: 3}, {Name: "load", Unit: "1", Tolerance: 0.25}},
		Remedies: []devices.Remedy{{ID: "calibrate", Metrics: []string{"temp"}, Duration: 15 * time.Minute, Command: "calibrate", Remote: true}},
	}
}

func TestModels(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		b, a, other := model("acme", "b"), model("acme", "a"), model("other", "a")
		for _, m := range []devices.Model{b, a, other} {
			if err := db.PutModel(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		a.Interval, a.Remedies = time.Hour, nil
		if err := db.PutModel(ctx, a); err != nil {
			t.Fatal(err)
		}
		got, err := db.Model(ctx, "acme", "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Error(diff)
		}
		list, err := db.ListModels(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]devices.Model{a, b}, list); diff != "" {
			t.Error(diff)
		}
		_, err = db.Model(ctx, "acme", "c")
		wantCode(t, err, devices.NotFound)
		a.Metrics = nil
		wantCode(t, db.PutModel(ctx, a), devices.Invalid)
	})
}

func TestSnapshotIsAllThatTheRegistryNeeds(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		empty, err := db.Snapshot(ctx)
		if err != nil || len(empty.Devices)+len(empty.Models)+len(empty.Credentials) != 0 {
			t.Fatalf("a new database has %+v, %v", empty, err)
		}
		a, b, foreign := device("acme", "a"), device("acme", "b"), device("other", "a")
		b.Disabled = true
		for _, d := range []devices.Device{a, b, foreign} {
			if err := db.AddDevice(ctx, d, devices.HashToken(d.String())); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.PutModel(ctx, model("acme", "press")); err != nil {
			t.Fatal(err)
		}
		s, err := db.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r := devices.NewRegistry()
		r.Replace(s)
		got, m, ok := r.Lookup(a.Key)
		if !ok || m == nil || !r.Authenticate(a.Key, a.String()) {
			t.Fatalf("device a: found %v, model %v, or its token is refused", ok, m)
		}
		if diff := cmp.Diff(a, *got, withoutTimes); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(model("acme", "press"), *m); diff != "" {
			t.Error(diff)
		}
		if r.Authenticate(b.Key, b.String()) {
			t.Error("a disabled device is let in")
		}
		if _, m, ok := r.Lookup(foreign.Key); !ok || m != nil {
			t.Errorf("the other tenant's device: found %v, model %v; want found, without a model", ok, m)
		}
	})
}

func TestEveryChangeOfTheRegistryCountsItsRevisionUp(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		d := device("acme", "a")
		steps := []struct {
			name string
			do   func() error
			want int64 // how much further
		}{
			{"add", func() error { return db.AddDevice(ctx, d, devices.HashToken("t")) }, 1},
			{"update", func() error { return db.UpdateDevice(ctx, d) }, 1},
			{"disable", func() error { return db.SetDeviceDisabled(ctx, d.Key, true) }, 1},
			{"rotate", func() error { return db.RotateCredential(ctx, d.Key, devices.HashToken("u"), false) }, 1},
			{"model", func() error { return db.PutModel(ctx, model("acme", "press")) }, 1},
			{"contact, which no registry holds", func() error { return db.PutContact(ctx, contact("acme", "ada")) }, 0},
		}
		last := revision(t, db)
		for _, s := range steps {
			if err := s.do(); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			if now := revision(t, db); now != last+s.want {
				t.Errorf("%s moved the revision from %d to %d", s.name, last, now)
			}
			last = revision(t, db)
		}
		wantCode(t, db.AddDevice(ctx, d, devices.HashToken("t")), devices.Conflict)
		if s, err := db.Snapshot(ctx); err != nil || s.Revision != last {
			t.Errorf("the snapshot has revision %d, %v; want %d as before the failed change", s.Revision, err, last)
		}
	})
}

// BenchmarkSnapshotReplace measures what a change of one device among ten
// thousand costs a running process.
func BenchmarkSnapshotReplace(b *testing.B) {
	db := sqlstoretest.Open(b)
	var all []devices.Registration
	for i := range 10_000 {
		all = append(all, devices.Registration{Device: device("acme", fmt.Sprintf("device-%05d", i)), TokenHash: devices.HashToken(fmt.Sprint(i))})
	}
	start := time.Now()
	if err := db.SaveDevices(b.Context(), all, nil); err != nil {
		b.Fatal(err)
	}
	adding := time.Since(start)
	if err := db.PutModel(b.Context(), model("acme", "press")); err != nil {
		b.Fatal(err)
	}
	r := devices.NewRegistry()
	var replacing []time.Duration
	for b.Loop() {
		s, err := db.Snapshot(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		r.Replace(s)
		replacing = append(replacing, time.Since(start))
	}
	slices.Sort(replacing)
	b.ReportMetric(float64(adding.Milliseconds()), "ms/adding-all")
	b.ReportMetric(float64(replacing[len(replacing)/2].Microseconds())/1000, "ms/replace")
	if len(r.Devices("acme")) != 10_000 {
		b.Error("devices are missing")
	}
}

// BenchmarkCommit is the price of one small change, with its fsync.
func BenchmarkCommit(b *testing.B) {
	db := sqlstoretest.Open(b)
	d := device("acme", "a")
	if err := db.AddDevice(b.Context(), d, devices.HashToken("t")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := db.UpdateDevice(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}
}
