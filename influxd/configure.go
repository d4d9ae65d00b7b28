package main

import (
	"path/filepath"

	"github.com/influxdata/influxdb/cmd/influxd/run"
	"go.uber.org/zap/zapcore"
)

// configure sets what differs from InfluxDB's own defaults.
func configure(dir, addr string) *run.Config {
	c := run.NewConfig()
	c.ReportingDisabled = true
	c.BindAddress = "127.0.0.1:0"
	c.Meta.Dir = filepath.Join(dir, "meta")

	d := &c.Data
	d.Dir = filepath.Join(dir, "data")
	d.WALDir = filepath.Join(dir, "wal")
	d.Index = "tsi1"
	d.MaxValuesPerTag = 0 // every device is a value of the tag "device"
	d.QueryLogEnabled = false
	// A write is answered when its part of the write-ahead log is written and
	// synced, whatever the delay; the delay only lets more writers share a sync.
	// We have few writers with large bodies, so waiting would cost time and save
	// nothing. What was answered therefore survives kill -9, and power loss too.
	d.WALFsyncDelay = 0
	// The cache is what a crash replays and the heap holds, per shard. Full,
	// writes fail with 500 until a snapshot is done, and the writer waits.
	d.CacheSnapshotMemorySize = 16 << 20
	d.CacheMaxMemorySize = 256 << 20
	d.MaxConcurrentCompactions = 1 // leaves the second core to ingest

	h := &c.HTTPD
	h.BindAddress = addr
	h.AuthEnabled = true
	h.FluxEnabled = true
	h.LogEnabled = false
	h.PprofEnabled = false

	c.Logging.Format = "logfmt"
	c.Logging.Level = zapcore.WarnLevel
	c.Monitor.StoreEnabled = false
	c.Subscriber.Enabled = false
	c.ContinuousQuery.Enabled = false
	return c
}
