package influx_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/internal/influx"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, tt := range map[string]struct {
		o    influx.Options
		says string
	}{
		"no URL":           {influx.Options{}, "must look like"},
		"another engine":   {influx.Options{URL: "postgres://h/db", Token: "t"}, "must look like"},
		"no folder":        {influx.Options{URL: "embedded://", Binary: influxd}, "names no folder"},
		"no binary":        {influx.Options{URL: "embedded:///d", Binary: "/nowhere/influxd"}, "make build"},
		"binary not named": {influx.Options{URL: "embedded:///d"}, "make build"},
		"binary is folder": {influx.Options{URL: "embedded:///d", Binary: filepath.Dir(influxd)}, "no program"},
		"no bucket":        {influx.Options{URL: "influx://h:8086/org", Token: "t"}, "organization and bucket"},
		"no host":          {influx.Options{URL: "influx:///org/bucket", Token: "t"}, "host"},
		"no token":         {influx.Options{URL: "influx://h:8086/org/bucket"}, "needs a token"},
		"password in URL":  {influx.Options{URL: "influx://u:canary@h:8086/org/bucket", Token: "t"}, "readings_token_file"},
		"unknown option":   {influx.Options{URL: "influx://h:8086/org/bucket?ssl=1", Token: "t"}, "?tls=true"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := influx.New(tt.o)
			wantCode(t, err, devices.Invalid)
			if msg := devices.MessageOf(err); !strings.Contains(msg, tt.says) {
				t.Errorf("message %q does not say %q", msg, tt.says)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestEmbeddedIsNotReadyBeforeRun(t *testing.T) {
	db, err := influx.New(influx.Options{URL: "embedded://" + t.TempDir(), Binary: influxd})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, db.Ready(t.Context()), devices.Unavailable)
}
