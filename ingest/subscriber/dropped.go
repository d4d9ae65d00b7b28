package subscriber

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// droppedTopic is where Mosquitto says how many messages it has dropped since
// its start, ours and other clients'. [TP-10.8]
const droppedTopic = "$SYS/broker/publish/messages/dropped"

// dropped follows the broker's own count of what it lost. A broker that drops
// has acknowledged to the device what we shall never see, and tells nobody.
type dropped struct {
	log     *slog.Logger
	metrics *metrics

	mu     sync.Mutex
	known  bool
	count  uint64
	hungUp int // how often in a row the broker hung up when it was asked
}

func (d *dropped) init(log *slog.Logger, m *metrics) { d.log, d.metrics = log, m }

// heard takes the broker's count.
func (d *dropped) heard(text string) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	more := n
	if d.known && n >= d.count {
		more = n - d.count
	}
	first := !d.known
	d.known, d.count = true, n
	switch {
	case more == 0:
	case first:
		d.log.Info("the MQTT broker has dropped messages since its start, before this process was connected; see docs/protocol.md section 10 for its limits", "dropped", n)
	default:
		d.metrics.dropped.Add(float64(more))
		d.log.Warn("the MQTT broker drops messages that it has acknowledged; raise its limits as docs/protocol.md section 10 says", "dropped", more)
	}
}

// mostHungUp is how often a broker is asked that hangs up instead of answering,
// as some do when they find a client too curious.
const mostHungUp = 3

// watchDropped asks for the count. The broker may refuse.
func (c *connection) watchDropped(ctx context.Context) error {
	d := &c.s.dropped
	d.mu.Lock()
	ask := d.hungUp < mostHungUp
	d.mu.Unlock()
	if !ask {
		return nil
	}
	err := c.wait(ctx, c.client.Subscribe(droppedTopic, 0, nil), c.s.limits.Connect)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.hungUp = 0
	case endingOf(err) == "network":
		d.hungUp++
	}
	return err
}
