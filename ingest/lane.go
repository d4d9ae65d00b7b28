package ingest

import (
	"bytes"
	"context"
	"time"
)

// lane is the queue of one shard's lines. While one append is in flight,
// everything that arrives joins the next.
type lane struct {
	room
	shard   int
	body    []byte
	entries []entry
}

// entry is one message's part of a lane's body, which ends before end.
type entry struct {
	end  int
	done func(error)
}

// put queues lines, waiting for room; false means that the lane is closed.
func (l *lane) put(lines []byte, done func(error)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.enter(len(lines)) {
		return false
	}
	l.body = append(l.body, lines...)
	l.entries = append(l.entries, entry{end: len(l.body), done: done})
	return true
}

// run appends what comes, until the lane is closed and empty.
func (l *lane) run(c *Committer) {
	var body []byte
	var entries []entry
	for {
		l.mu.Lock()
		for len(l.entries) == 0 && !l.closed {
			l.filled.Wait()
		}
		if len(l.entries) == 0 {
			l.mu.Unlock()
			return
		}
		body, l.body = l.body, body[:0]
		entries, l.entries = l.entries, entries[:0]
		l.mu.Unlock()

		l.commit(c, body, entries)
		clear(entries) // done holds on to messages
		if cap(body) > 2*c.options.MaxBytes {
			body = nil // one huge message must not be paid for ever after
		}
	}
}

// commit appends body in pieces of at most MaxBody and tells every entry. An
// entry is durable with the piece that holds its last byte; what is left of an
// entry that failed is not appended.
func (l *lane) commit(c *Committer, body []byte, entries []entry) {
	start := 0
	for start < len(body) {
		end := start + pieceLength(body[start:], c.options.MaxBody)
		n := 0
		for n < len(entries) && entries[n].end <= end {
			n++
		}
		err := c.append(l.shard, body[start:end], n)
		if err != nil && n < len(entries) && (n == 0 || entries[n-1].end < end) {
			end = entries[n].end // it began in this piece or before
			n++
		}
		for _, e := range entries[:n] {
			e.done(err)
		}
		entries = entries[n:]
		l.leave(end - start)
		start = end
	}
}

// pieceLength returns the length of the longest run of whole lines of at most
// most bytes, at least one line.
func pieceLength(body []byte, most int) int {
	if len(body) <= most {
		return len(body)
	}
	if n := bytes.LastIndexByte(body[:most], '\n'); n >= 0 {
		return n + 1
	}
	return bytes.IndexByte(body, '\n') + 1
}

// append makes one log message out of lines, which are n messages' or less.
func (c *Committer) append(shard int, lines []byte, n int) error {
	// What is queued is appended also while stopping, so ctx is not Run's.
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	began := time.Now()
	err := c.log.AppendTelemetry(ctx, shard, lines)
	c.metrics.appended(n, len(lines), time.Since(began), err)
	return c.judge(err)
}
