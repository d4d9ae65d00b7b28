package influx_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/influx"
)

// influx2 is as strict as an InfluxDB 2.x about the form of requests: it
// answers 404, 401 or 400 to all that is not exactly what its API asks for.
type influx2 struct {
	t      *testing.T
	body   atomic.Pointer[string]
	answer http.HandlerFunc // nil answers as a healthy server does
}

const csvAnswer = "#datatype,string,long,dateTime:RFC3339,double\r\n#group,false,false,false,false\r\n#default,_result,,,\r\n,result,table,_time,_value\r\n,,0,2026-03-04T12:00:00Z,21.5\r\n\r\n"

func (f *influx2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = z
	}
	b, _ := io.ReadAll(body)
	switch {
	case r.Header.Get("Authorization") != "Token s3cret==":
		w.WriteHeader(http.StatusUnauthorized)
	case !strings.HasPrefix(r.UserAgent(), "influxdb-client-go/") || r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.Path == "/api/v2/write":
		if len(q) != 3 || q.Get("org") != "my org" || q.Get("bucket") != "readings" || q.Get("precision") != "ns" {
			f.t.Errorf("write asks for %s", r.URL)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		s := string(b)
		f.body.Store(&s)
		if f.answer != nil {
			f.answer(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/api/v2/query":
		var ask struct {
			Query, Type string
			Dialect     struct{ Annotations []string }
		}
		if err := json.Unmarshal(b, &ask); err != nil || ask.Type != "flux" || len(q) != 1 || q.Get("org") != "my org" || r.Header.Get("Content-Type") != "application/json" {
			f.t.Errorf("query asks for %s with %s", r.URL, b)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.body.Store(&ask.Query)
		if f.answer != nil {
			f.answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = io.WriteString(w, csvAnswer)
	default:
		f.t.Errorf("nothing of ours is at %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
	}
}

func fake(t *testing.T, answer http.HandlerFunc) (*influx.DB, *influx2) {
	t.Helper()
	f := &influx2{t: t, answer: answer}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return external(t, "influx://"+strings.TrimPrefix(srv.URL, "http://")+"/my%20org/readings", "s3cret=="), f
}

func TestInflux2IsAskedInItsOwnForm(t *testing.T) {
	db, f := fake(t, nil)
	body := line("t", "d", "m", "v=1", noon) + line("t", "d", "m", "v=2", noon.Add(time.Second))
	write(t, db, body)
	if d := cmp.Diff(body, *f.body.Load()); d != "" {
		t.Errorf("the lines changed on their way: %s", d)
	}
	got, err := db.Series(t.Context(), devices.Key{Tenant: "t", Device: "d"}, "v", noon, noon.Add(time.Hour), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]influx.Point{{Time: noon, Value: 21.5}}, got); d != "" {
		t.Error(d)
	}
	if flux := *f.body.Load(); !strings.HasPrefix(flux, `from(bucket: "readings") |> range(start: 2026-03-04T12:00:00Z, stop: 2026-03-04T13:00:00Z)`) {
		t.Errorf("query %s", flux)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

func TestBucketNamesAreQuoted(t *testing.T) {
	var flux string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&ask)
		flux = ask.Query
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	db := external(t, "influx://"+strings.TrimPrefix(srv.URL, "http://")+"/o/a%22b%5C$%7Br%7D", "t")
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := `from(bucket: "a\"b\\\${r}") |>`; !strings.HasPrefix(flux, want) {
		t.Errorf("got %s, want it to begin with %s", flux, want)
	}
}

func TestAnswersAreClassified(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		header [2]string
		body   string
		want   ingest.WriteErrorKind
		after  time.Duration
	}{
		"400":                 {status: 400, body: `{"code":"invalid","message":"unable to parse"}`, want: ingest.BadLines},
		"422":                 {status: 422, body: `{"code":"unprocessable entity","message":"out of retention"}`, want: ingest.BadLines},
		"413":                 {status: 413, want: ingest.TooBig},
		"401":                 {status: 401, want: ingest.Refused},
		"403":                 {status: 403, want: ingest.Refused},
		"404":                 {status: 404, body: `{"code":"not found","message":"bucket not found"}`, want: ingest.Refused},
		"redirect":            {status: 307, header: [2]string{"Location", "http://127.0.0.1:1/"}, want: ingest.Refused},
		"429 with seconds":    {status: 429, header: [2]string{"Retry-After", "7"}, want: ingest.Busy, after: 7 * time.Second},
		"429 without":         {status: 429, want: ingest.Busy},
		"503 with date":       {status: 503, header: [2]string{"Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, want: ingest.Busy, after: time.Hour},
		"500":                 {status: 500, body: "timeout", want: ingest.Busy},
		"502":                 {status: 502, want: ingest.Busy},
		"408":                 {status: 408, want: ingest.Busy},
		"json that is broken": {status: 400, body: "{", want: ingest.BadLines},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if tt.header[0] != "" {
					w.Header().Set(tt.header[0], tt.header[1])
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			we := wantKind(t, db.Write(t.Context(), []byte(line("t", "d", "m", "v=1", noon))), tt.want)
			if off := tt.after - we.After; off < 0 || off > 2*time.Second {
				t.Errorf("wait %s, want %s", we.After, tt.after)
			}
			if strings.Contains(we.Error(), "s3cret") {
				t.Errorf("the error shows the token: %v", we)
			}
		})
	}
}

func TestAnswerThatBreaksOffIsBusy(t *testing.T) {
	db, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		panic(http.ErrAbortHandler)
	})
	wantKind(t, db.Write(t.Context(), []byte(line("t", "d", "m", "v=1", noon))), ingest.Busy)
	_, err := db.Count(t.Context(), "t", noon, noon.Add(time.Hour))
	wantCode(t, err, devices.Unavailable)
}

func TestQueryThatIsRefusedSaysWhy(t *testing.T) {
	db, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	err := db.Ready(t.Context())
	wantCode(t, err, devices.Unavailable)
	if msg := devices.MessageOf(err); !strings.Contains(msg, "permission") {
		t.Errorf("message %q", msg)
	}
}

func TestErrorInsideAnAnswerIsAnError(t *testing.T) {
	db, _ := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,the engine stumbled,897\r\n\r\n")
	})
	_, err := db.Count(t.Context(), "t", noon, noon.Add(time.Hour))
	wantCode(t, err, devices.Unavailable)
	if err == nil || !strings.Contains(err.Error(), "the engine stumbled") {
		t.Errorf("got %v", err)
	}
	if errors.Is(err, io.EOF) {
		t.Error("the cause got lost")
	}
}
