package bus

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/forecare/forecare/devices"
)

// embedded is a nats-server in this process.
type embedded struct {
	server *server.Server
	lock   *os.File
}

// startServer opens the log in the directory, which is made if need be and is
// then ours alone.
func startServer(o Options, where place) (*embedded, error) {
	if err := os.MkdirAll(where.directory, 0o700); err != nil {
		return nil, devices.Wrap(err, devices.Invalid, "The log's directory %s cannot be made.", where.directory)
	}
	lock, err := lockFile(filepath.Join(where.directory, "lock"))
	if err != nil {
		return nil, devices.Wrap(err, devices.Conflict, "The log in %s is in use by another process. Stop that one first.", where.directory)
	}
	e := &embedded{lock: lock}
	logger := &serverLogger{logger: o.Logger}
	options := &server.Options{
		ServerName: "forecare",
		StoreDir:   where.directory,
		JetStream:  true,
		SyncAlways: o.Durability == DurabilityFsync,
		// The streams bound themselves. Left out, the bound would be what is
		// free on the disk now, and a log that has filled it would not open again.
		JetStreamMaxStore:      1 << 50,
		JetStreamMaxMemory:     64 << 20,
		DisableJetStreamBanner: true,
		DontListen:             where.listen == "",
		NoSigs:                 true,
	}
	if where.listen != "" {
		host, port, _ := net.SplitHostPort(where.listen)
		options.Host = host
		if options.Port, err = strconv.Atoi(port); err != nil {
			return nil, errors.Join(devices.Errorf(devices.Invalid, "The port in listen=%s is no number.", where.listen), e.stop(context.Background()))
		}
		if options.Port == 0 {
			options.Port = server.RANDOM_PORT
		}
	}
	if e.server, err = server.NewServer(options); err != nil {
		return nil, errors.Join(devices.Wrap(err, devices.Internal, "The log cannot be started."), e.stop(context.Background()))
	}
	e.server.SetLoggerV2(logger, false, false, false)
	e.server.Start()
	if !e.server.ReadyForConnections(30*time.Second) || !e.server.JetStreamEnabled() {
		err := devices.Wrap(logger.fatal(), devices.Internal, "The log in %s cannot be opened.", where.directory)
		return nil, errors.Join(err, e.stop(context.Background()))
	}
	return e, nil
}

// stop ends the server and gives the directory free.
func (e *embedded) stop(ctx context.Context) error {
	if e.server != nil {
		e.server.Shutdown()
		stopped := make(chan struct{})
		go func() { // ends with the server; stop waits for it unless ctx ends first
			e.server.WaitForShutdown()
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-ctx.Done():
			// The lock stays until the process ends: the server may still write.
			return devices.Wrap(ctx.Err(), devices.Unavailable, "The log took too long to stop.")
		}
	}
	return e.lock.Close()
}
