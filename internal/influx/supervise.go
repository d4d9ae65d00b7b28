package influx

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstDelay = 500 * time.Millisecond
	maxDelay   = 30 * time.Second
	// A child that has served this long has recovered: the next failure is a
	// new one, and the delay begins anew.
	recovered = time.Minute
	// pollEvery is how often a child that has said its address is asked.
	pollEvery = 50 * time.Millisecond
)

// supervise keeps an influxd running until ctx ends.
func (db *DB) supervise(ctx context.Context) {
	delay := firstDelay
	for ctx.Err() == nil {
		served, err := db.serveOnce(ctx)
		if ctx.Err() != nil {
			if err != nil {
				db.log.Warn("influxd did not end well", "error", err)
			}
			break
		}
		if served > recovered {
			delay = firstDelay
		}
		db.close("InfluxDB ended and is being restarted; readings wait in the log meanwhile.")
		db.log.Warn("influxd ended and will be restarted", "error", err, "served", served.Round(time.Second), "after", delay)
		db.metrics.restarts.Inc()
		wait := time.NewTimer(delay)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		delay = min(2*delay, maxDelay)
	}
	db.close("InfluxDB has been stopped.")
}

// serveOnce starts one influxd and returns when it has ended, with the time for
// which it served. After ctx's end the error says only how the end went.
func (db *DB) serveOnce(ctx context.Context) (served time.Duration, err error) {
	secret, err := password(db.where.dir)
	if err != nil {
		return 0, err
	}
	db.close("InfluxDB is opening; readings wait in the log meanwhile.")
	begin := time.Now()
	c, err := startChild(db.binary, db.where.dir, embeddedUser, secret, func(line string) {
		db.log.Warn("influxd says", "line", line)
	})
	if err != nil {
		return 0, err
	}
	s, err := db.await(ctx, c, embeddedUser+":"+secret)
	if err != nil {
		return 0, errors.Join(err, c.stop())
	}
	if s == nil { // told to stop while it was opening
		return 0, c.stop()
	}
	db.open(s.base, s.token)
	db.log.Info("InfluxDB is open", "url", s.base, "pid", c.cmd.Process.Pid, "took", time.Since(begin).Round(time.Millisecond))
	open := time.Now()
	select {
	case <-c.ended:
		return time.Since(open), ended(c)
	case <-ctx.Done():
		db.close("InfluxDB is stopping.")
		return time.Since(open), c.stop()
	}
}

// await returns the child's server once it answers and has the database; nil
// if ctx ends first. It has no limit of its own: opening a large folder after a
// crash takes its time.
func (db *DB) await(ctx context.Context, c *child, token string) (*server, error) {
	var s *server
	select {
	case addr := <-c.addr:
		s = newServer(db.http, "http://"+addr, db.where.org, db.where.bucket, token)
	case <-c.ended:
		return nil, ended(c)
	case <-ctx.Done():
		return nil, nil
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for tries := 0; ; tries++ {
		err := s.prepare(ctx)
		if err == nil {
			return s, nil
		}
		if tries > 100 {
			return nil, fmt.Errorf("influxd opened but is of no use: %w", err)
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return nil, ended(c)
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// prepare checks that the server answers and knows us, and makes the database
// if it is not there. A month per shard instead of the usual week keeps the
// number of open files small for fleets that upload years.
func (s *server) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.ping(ctx); err != nil {
		return err
	}
	return s.influxQL(ctx, fmt.Sprintf("CREATE DATABASE %q WITH DURATION INF REPLICATION 1 SHARD DURATION 30d NAME %q", embeddedDatabase, embeddedPolicy))
}

func ended(c *child) error {
	if c.err == nil {
		return errors.New("influxd ended by itself")
	}
	return fmt.Errorf("influxd ended: %w", c.err)
}
