package influx_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/influx"
)

func wantKind(t *testing.T, err error, want ingest.WriteErrorKind) *ingest.WriteError {
	t.Helper()
	we, ok := errors.AsType[*ingest.WriteError](err)
	if !ok {
		t.Fatalf("got %v, want a WriteError", err)
	}
	if we.Kind != want {
		t.Fatalf("got kind %d (%v), want %d", we.Kind, err, want)
	}
	return we
}

func TestWriteOfNothingIsDone(t *testing.T) {
	for _, body := range []string{"", "\n", " \n\n"} {
		if err := shared(t).Write(t.Context(), []byte(body)); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestBadLinesAreToldApartAndGoodOnesStored(t *testing.T) {
	db := shared(t)
	write(t, db, line("conflict", "d", "m", "conflicted=1", noon))
	for name, bad := range map[string]string{
		"type conflict": line("conflict", "d", "m", `conflicted="warm"`, noon.Add(time.Second)),
		"no line":       "this is no line protocol\n",
	} {
		t.Run(name, func(t *testing.T) {
			tenant := strings.ReplaceAll(name, " ", "-")
			body := line(tenant, "good", "m", "conflicted=2", noon) + bad
			we := wantKind(t, db.Write(t.Context(), []byte(body)), ingest.BadLines)
			if !strings.Contains(we.Error(), "partial write") {
				t.Errorf("the cause is missing: %v", we)
			}
			n, err := db.Count(t.Context(), tenant, noon, noon.Add(time.Hour))
			if err != nil || n["good"] != 1 {
				t.Errorf("the good line: %v, %v", n, err)
			}
		})
	}
}

func TestTooManyLinesAreTooBig(t *testing.T) {
	one := line("big", "d", "m", "v=1", noon)
	body := strings.Repeat(one, 26_000_000/len(one))
	wantKind(t, shared(t).Write(t.Context(), []byte(body)), ingest.TooBig)
}

// The embedded InfluxDB is real, so it can also play the external one.
func external(t *testing.T, url, token string) *influx.DB {
	t.Helper()
	db, err := influx.New(influx.Options{URL: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(begin(db).stop)
	return db
}

func TestWrongTokenAndMissingBucketAreRefused(t *testing.T) {
	shared(t)
	addr, _ := sharedDB.log.last(t)
	token := "forecare:" + secret(t, sharedDB.dir)
	for name, tt := range map[string]struct{ url, token, says string }{
		"wrong token":    {"influx://" + addr + "/o/forecare/autogen", "forecare:wrong", "token"},
		"missing bucket": {"influx://" + addr + "/o/nowhere/autogen", token, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			db := external(t, tt.url, tt.token)
			we := wantKind(t, db.Write(t.Context(), []byte(line("refused", "d", "m", "v=1", noon))), ingest.Refused)
			if says := devices.MessageOf(we); !strings.Contains(says, tt.says) {
				t.Errorf("message %q does not mention %s", says, tt.says)
			}
			wantCode(t, db.Ready(t.Context()), devices.Unavailable)
		})
	}
	db := external(t, "influx://"+addr+"/o/forecare/autogen", token)
	write(t, db, line("external", "d", "m", "v=1", noon))
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if n, err := db.Count(t.Context(), "external", noon, noon.Add(time.Hour)); err != nil || n["d"] != 1 {
		t.Errorf("Count: %v, %v", n, err)
	}
}

func TestNobodyThereIsBusy(t *testing.T) {
	db := external(t, "influx://127.0.0.1:1/org/bucket", "token")
	wantKind(t, db.Write(t.Context(), []byte(line("t", "d", "m", "v=1", noon))), ingest.Busy)
	wantCode(t, db.Ready(t.Context()), devices.Unavailable)
}
