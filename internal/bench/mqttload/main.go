// Command mqttload measures the whole way of a reading, from MQTT at QoS 1 to
// InfluxDB, on the real forecare binary with every role on: it starts one on a
// fresh data folder for each round, publishes from many connections, and
// compares what was acknowledged with what is stored. Linux only.
//
//	mqttload -forecare bin/forecare [-connections 50,1000] [-messages 400000] [-rounds 3] [-window 20] [-rate 0] [-report]
//
// It ends with code 1 if a single acknowledged reading is not stored.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// options is one kind of load.
type options struct {
	forecare    string
	influxd     string
	connections int
	messages    int // of a round, over all connections
	window      int // unacknowledged messages per connection
	rate        int // messages per second over all connections; 0 is as fast as they are acknowledged
}

// paced is the rate of the paced load that -report adds.
const paced = 10_000

// roundWithin bounds one round.
const roundWithin = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "mqttload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("mqttload", flag.ContinueOnError)
	fs.SetOutput(errs)
	var o options
	fs.StringVar(&o.forecare, "forecare", "bin/forecare", "`path` of the binary")
	fs.StringVar(&o.influxd, "influxd", "", "`path` of influxd, if it is not beside the binary")
	connections := fs.String("connections", "50,1000", "`numbers` of connections, each measured apart; a connection is a device")
	fs.IntVar(&o.messages, "messages", 400_000, "messages of a round, over all connections")
	fs.IntVar(&o.window, "window", 20, "unacknowledged messages per connection")
	fs.IntVar(&o.rate, "rate", 0, "messages per second over all connections; 0 is as fast as they are acknowledged")
	rounds := fs.Int("rounds", 3, "rounds, of which the medians are told")
	report := fs.Bool("report", false, "print a Markdown table, and add a load of 10,000 messages a second if no -rate is given")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.messages < 1 || *rounds < 1 || o.rate < 0 {
		return errors.New("-messages and -rounds must be positive")
	}
	loads, err := loadsOf(o, *connections, *report)
	if err != nil {
		return err
	}
	measured := make([][]result, len(loads))
	// Rounds are interleaved, so that a machine that is busy for a while harms
	// all loads alike.
	for round := range *rounds {
		for i, load := range loads {
			r, err := measure(ctx, load)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", load, round+1, err)
			}
			measured[i] = append(measured[i], r)
			fmt.Fprintf(errs, "%s, round %d: %s\n", load, round+1, r)
		}
	}
	if *report {
		printTable(out, loads, measured)
	}
	for i := range measured {
		for _, r := range measured[i] {
			if r.missing() != 0 {
				return fmt.Errorf("%s: %d acknowledged readings are not stored", loads[i], r.missing())
			}
		}
	}
	return nil
}

// loadsOf returns the loads to measure.
func loadsOf(o options, connections string, report bool) ([]options, error) {
	var loads []options
	most := 0
	for word := range strings.SplitSeq(connections, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || n > o.messages {
			return nil, fmt.Errorf("-connections: %q is no number of connections from 1 to -messages", word)
		}
		o.connections = n
		loads = append(loads, o)
		most = max(most, n)
	}
	if report && o.rate == 0 {
		o.connections, o.rate = most, paced
		loads = append(loads, o)
	}
	return loads, nil
}

func (o options) String() string {
	if o.rate > 0 {
		return fmt.Sprintf("%d connections, %d a second", o.connections, o.rate)
	}
	return fmt.Sprintf("%d connections, as fast as acknowledged", o.connections)
}
