package forecare_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/forecare/forecare/"

// rooms is the direction in which code may look: folder -> folders of ours
// that it may import, and module path prefixes of third parties. Data walks
// devices <- ingest, devices <- anomaly <- outreach <- web; adapters under
// internal never import each other. A new folder has to be listed here.
var rooms = map[string]struct{ ours, theirs []string }{
	"devices":  {},
	"ingest":   {ours: []string{"devices"}, theirs: []string{"github.com/prometheus/client_golang"}},
	"anomaly":  {ours: []string{"devices"}, theirs: []string{"gonum.org/v1/gonum", "github.com/prometheus/client_golang"}},
	"outreach": {ours: []string{"anomaly", "devices"}, theirs: []string{"github.com/prometheus/client_golang"}},

	"ingest/formats":     {ours: []string{"devices"}, theirs: []string{"google.golang.org/protobuf/encoding/protowire"}},
	"ingest/mqtt":        {ours: []string{"ingest", "devices", "ingest/mqtt/packet"}, theirs: []string{"github.com/prometheus/client_golang"}},
	"ingest/mqtt/packet": {},
	"ingest/subscriber":  {ours: []string{"ingest", "devices"}, theirs: []string{"github.com/eclipse/paho.mqtt.golang", "github.com/prometheus/client_golang"}},

	"anomaly/picture":  {ours: []string{"anomaly", "devices"}, theirs: []string{"gonum.org/v1/plot", "gonum.org/v1/gonum", "golang.org/x/image"}},
	"outreach/compose": {ours: []string{"outreach", "anomaly", "devices"}, theirs: []string{"golang.org/x/text"}},
	"outreach/egress":  {},
	"outreach/email":   {ours: []string{"outreach"}, theirs: []string{"github.com/wneessen/go-mail"}},
	"outreach/webhook": {ours: []string{"outreach", "outreach/egress"}},
	"outreach/webpush": {ours: []string{"outreach", "outreach/egress"}, theirs: []string{"github.com/SherClockHolmes/webpush-go"}},

	"web/account": {ours: []string{"devices"}},
	"web/chart":   {ours: []string{"anomaly"}},
	"web": {
		ours:   []string{"web/account", "outreach", "anomaly", "anomaly/picture", "ingest", "devices", "web/chart"},
		theirs: []string{"github.com/go-chi/chi/v5", "github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang", "golang.org/x/text", "golang.org/x/time"},
	},

	"firmware-sim": {ours: []string{"devices"}, theirs: []string{
		"github.com/eclipse/paho.mqtt.golang", "github.com/emersion", "gonum.org/v1/gonum", "golang.org/x/net",
	}},

	"internal/bus": {
		ours:   []string{"devices", "ingest", "anomaly"},
		theirs: []string{"github.com/nats-io", "github.com/prometheus/client_golang"},
	},
	"internal/broker": {
		ours:   []string{"devices", "ingest"},
		theirs: []string{"github.com/mochi-mqtt/server/v2", "github.com/prometheus/client_golang"},
	},
	"internal/influx": {
		ours:   []string{"devices", "ingest"},
		theirs: []string{"github.com/influxdata/influxdb-client-go/v2", "github.com/prometheus/client_golang", "golang.org/x/sys"},
	},
	"internal/sqlstore": {
		ours:   []string{"devices", "anomaly", "outreach", "web/account"},
		theirs: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"},
	},
	"internal/sqlstore/sqlstoretest": {ours: []string{"internal/sqlstore"}},
	"internal/registrycli":           {ours: []string{"devices"}},
	"internal/config":                {ours: []string{"outreach"}, theirs: []string{"go.yaml.in/yaml/v3"}},
	"internal/obs":                   {theirs: []string{"github.com/prometheus/client_golang"}},
	"internal/demo":                  {ours: []string{"firmware-sim", "devices", "outreach", "anomaly"}},

	"internal/app":            {ours: []string{"*"}, theirs: []string{"*"}},
	"internal/bench/mqttload": {ours: []string{"*"}, theirs: []string{"*"}},
	"cmd/forecare":            {ours: []string{"internal/*", "ingest/formats"}, theirs: []string{"go.yaml.in/yaml/v3"}},
	"internal/loadgen":        {},
	"internal/proving":        {ours: []string{"*"}, theirs: []string{"*"}},
	"cmd/firmware-sim":        {ours: []string{"firmware-sim", "devices"}},
}

func TestImportsFollowTheTable(t *testing.T) {
	packages := read(t)
	for folder, p := range packages {
		allowed, listed := rooms[folder]
		if !listed {
			t.Errorf("folder %s is not in the table of rooms: say there what it may import", folder)
			continue
		}
		for _, path := range p.imports {
			local, ours := strings.CutPrefix(path, module)
			switch {
			case ours && !permits(allowed.ours, local):
				t.Errorf("%s imports %s, which the table of rooms does not allow", folder, local)
			case !ours && strings.Contains(strings.Split(path, "/")[0], ".") && !permits(allowed.theirs, path):
				t.Errorf("%s imports %s, which the table of rooms does not allow", folder, path)
			}
		}
	}
	for folder := range rooms {
		if _, exists := packages[folder]; !exists {
			t.Errorf("the table of rooms lists %s, which holds no Go code", folder)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for folder, p := range read(t) {
		if p.comments != 1 {
			t.Errorf("%s has %d package comments, want one", folder, p.comments)
		}
	}
}

func permits(allowed []string, path string) bool {
	for _, a := range allowed {
		prefix, wild := strings.CutSuffix(a, "*")
		if wild && strings.HasPrefix(path, prefix) || path == a || (strings.Contains(a, ".") && strings.HasPrefix(path, a+"/")) {
			return true
		}
	}
	return false
}

type pkg struct {
	imports  []string
	comments int
}

// read parses every non-test Go file of the module. It reads the files itself
// and does not ask the go command, whose answer the test cache would keep.
func read(t *testing.T) map[string]pkg {
	t.Helper()
	found := map[string]pkg{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "bin", "data", "influxd", "tools"}, d.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		p := found[folder]
		for _, i := range f.Imports {
			p.imports = append(p.imports, strings.Trim(i.Path.Value, `"`))
		}
		if f.Doc != nil {
			p.comments++
		}
		found[folder] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("found only %v", slices.Collect(maps.Keys(found)))
	}
	return found
}
