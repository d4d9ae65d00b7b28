package app

import (
	"context"
	"fmt"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/ingest"
	"github.com/forecare/forecare/internal/broker"
)

// wireIngest puts the door in front of the log: broker or subscriber, acceptor,
// group commit. The committer is added first, so that it outlives the door and every
// message that was let in is answered.
func (a *App) wireIngest(_ context.Context, _ Options) error {
	logger := a.log.With("component", "ingest")
	commit := ingest.NewCommitter(a.bus, ingest.CommitterOptions{Shards: a.bus.Shards(), Logger: logger, Registerer: a.metrics})
	acceptor := ingest.NewAcceptor(ingest.AcceptorOptions{
		Registry: a.registry, Commit: commit, Log: a.bus, Logger: logger, Registerer: a.metrics,
	})
	a.run("group commit", commit.Run)
	wire := a.wireBroker
	if b, external := a.cfg.ExternalBroker(); external {
		wire = func(accept acceptFunc) (sendFunc, error) { return a.wireSubscriber(b, accept) }
	}
	send, err := wire(acceptor.Accept)
	if err != nil {
		return err
	}
	a.run("commands", func(ctx context.Context) error {
		return a.bus.Commands(ctx, func(c devices.Command) {
			if err := send(c); err != nil {
				logger.Debug("command not delivered now, it will be repeated", "device", c.Key.String(), "command", c.ID, "error", err)
			}
		})
	})
	return nil
}

// A door takes messages with an acceptFunc and sends commands with a sendFunc.
type (
	acceptFunc = func(ingest.Message, func(ingest.Outcome))
	sendFunc   = func(devices.Command) error
)

// wireBroker makes the door that devices connect to.
func (a *App) wireBroker(accept acceptFunc) (sendFunc, error) {
	door, err := broker.New(broker.Options{
		Address: a.cfg.MQTT.Host(), Registry: a.registry, Accept: accept,
		Logger: a.log.With("component", "broker"), Registerer: a.metrics,
	})
	if err != nil {
		return nil, err
	}
	a.broker = door
	a.run("broker", door.Run)
	return door.SendCommand, nil
}

// wireWriter carries the log into the readings store.
func (a *App) wireWriter(_ context.Context, _ Options) error {
	w := ingest.NewWriter(a.readings, a.bus, ingest.WriterOptions{Logger: a.log.With("component", "writer"), Registerer: a.metrics})
	a.writer = w
	a.run("writer", func(ctx context.Context) error {
		if err := a.bus.ConsumeTelemetry(ctx, writerName, w.Handle); err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		return nil
	})
	return nil
}

// writerName is the writer's durable consumer on the log.
const writerName = "writer"
