package ingest

import "context"

// chores is the queue of one shard's events and dead letters, which are
// appended one by one in their order. They are apart from the lines so that a
// device that sends rubbish does not delay the others' readings.
type chores struct {
	room
	tasks []chore
}

// choreOverhead is what a queued event or dead letter takes besides its
// payload. Without it, seven bytes of rubbish would look like seven bytes.
const choreOverhead = 1 << 10

type chore struct {
	size int
	task func(context.Context) error
	done func(error)
}

// put queues a task, waiting for room; false means that the queue is closed.
func (q *chores) put(c chore) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.enter(c.size) {
		return false
	}
	q.tasks = append(q.tasks, c)
	return true
}

// run does what comes, until the queue is closed and empty.
func (q *chores) run(c *Committer) {
	var tasks []chore
	for {
		q.mu.Lock()
		for len(q.tasks) == 0 && !q.closed {
			q.filled.Wait()
		}
		if len(q.tasks) == 0 {
			q.mu.Unlock()
			return
		}
		tasks, q.tasks = q.tasks, tasks[:0]
		q.mu.Unlock()

		for _, t := range tasks {
			t.done(c.judge(t.do()))
			q.leave(t.size)
		}
		clear(tasks)
	}
}

func (c chore) do() error {
	// As with lines, what is queued is done also while stopping.
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	return c.task(ctx)
}
