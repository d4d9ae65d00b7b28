package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/internal/sqlstore"
	"github.com/forecare/forecare/internal/sqlstore/sqlstoretest"
)

func TestCheckpointsAreEmptyAtFirst(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		got, err := db.Checkpoints("anomaly").Load(t.Context())
		if err != nil || got.Sequence != 0 || got.Parts != nil {
			t.Errorf("got %+v, %v; want a zero Checkpoint", got, err)
		}
	})
}

func TestCheckpointsReplaceEachOther(t *testing.T) {
	sqlstoretest.ForEachURL(t, func(t *testing.T, url string) {
		db := sqlstoretest.OpenURL(t, url)
		big := make([]byte, 3<<20)
		for i := range big {
			big[i] = byte(i * i >> 3)
		}
		saves := []anomaly.Checkpoint{
			{Sequence: 1},
			{Sequence: 2, Parts: map[string][]byte{"a": {0, 1, 255}, "b": []byte("b"), "ü/ 'x'": []byte("x")}},
			{Sequence: 3, Parts: map[string][]byte{"a": {0, 1, 255}, "b": []byte("b2"), "c": {}, "d": nil}},
			{Sequence: math.MaxInt64, Parts: map[string][]byte{"big": big}},
			{Sequence: 4, Parts: map[string][]byte{}},
			{Sequence: 5, Parts: map[string][]byte{"a": []byte("again")}},
		}
		other := anomaly.Checkpoint{Sequence: 99, Parts: map[string][]byte{"a": []byte("other")}}
		if err := db.Checkpoints("other").Save(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		for _, want := range saves {
			if err := db.Checkpoints("anomaly").Save(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			// Another handle, as after a restart.
			got, err := sqlstoretest.OpenURL(t, url).Checkpoints("anomaly").Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.Sequence != want.Sequence || !maps.EqualFunc(want.Parts, got.Parts, bytes.Equal) {
				t.Errorf("after saving sequence %d with %d parts, it is %d with %d parts, or they differ",
					want.Sequence, len(want.Parts), got.Sequence, len(got.Parts))
			}
		}
		got, err := db.Checkpoints("other").Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(other, got); diff != "" {
			t.Errorf("another name's checkpoint changed: %s", diff)
		}
	})
}

// A part that did not change is not written: its row is marked behind the
// store's back, and the mark must survive.
func TestUnchangedPartsAreNotWritten(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		ctx := t.Context()
		c := db.Checkpoints("anomaly")
		p := anomaly.Checkpoint{Sequence: 1, Parts: map[string][]byte{"same": []byte("s"), "changes": []byte("1")}}
		if err := c.Save(ctx, p); err != nil {
			t.Fatal(err)
		}
		err := db.WithTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE checkpoint_parts SET data = $1`, []byte("mark"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Sequence, p.Parts["changes"] = 2, []byte("2")
		if err := c.Save(ctx, p); err != nil {
			t.Fatal(err)
		}
		got, err := c.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := anomaly.Checkpoint{Sequence: 2, Parts: map[string][]byte{"same": []byte("mark"), "changes": []byte("2")}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSaveThatIsInterruptedChangesNothing(t *testing.T) {
	sqlstoretest.ForEach(t, func(t *testing.T, db *sqlstore.DB) {
		c := db.Checkpoints("anomaly")
		want := anomaly.Checkpoint{Sequence: 1, Parts: map[string][]byte{"a": []byte("1")}}
		if err := c.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Save(ctx, anomaly.Checkpoint{Sequence: 2, Parts: map[string][]byte{"a": []byte("2"), "b": []byte("2")}}); err == nil {
			t.Error("saved although the context had ended")
		}
		got, err := c.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnySequenceOfSavesLoadsTheLast(t *testing.T) {
	c := sqlstoretest.Open(t).Checkpoints("anomaly")
	rapid.Check(t, func(rt *rapid.T) {
		p := anomaly.Checkpoint{
			Sequence: rapid.Uint64().Draw(rt, "sequence"),
			Parts:    rapid.MapOfN(rapid.StringMatching(`[a-d]`), rapid.SliceOfN(rapid.Byte(), 0, 3), 0, 4).Draw(rt, "parts"),
		}
		if err := c.Save(t.Context(), anomaly.Checkpoint{Sequence: p.Sequence, Parts: maps.Clone(p.Parts)}); err != nil {
			rt.Fatal(err)
		}
		got, err := c.Load(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(p, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Error(diff)
		}
	})
}

// BenchmarkCheckpointSave has the shape of a fleet of ten thousand devices, of
// which one in ten has changed since the last save.
func BenchmarkCheckpointSave(b *testing.B) {
	c := sqlstoretest.Open(b).Checkpoints("anomaly")
	p := anomaly.Checkpoint{Parts: make(map[string][]byte)}
	for i := range 10_000 {
		p.Parts[fmt.Sprint("device-", i)] = make([]byte, 2048)
	}
	for b.Loop() {
		p.Sequence++
		for i := range 1000 {
			p.Parts[fmt.Sprint("device-", (int(p.Sequence)*1000+i)%10_000)][0]++
		}
		if err := c.Save(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}
