package subscriber

import "sync/atomic"

// budget bounds bytes. One goroutine takes and one gives.
type budget struct {
	max   int64
	used  *atomic.Int64
	freed chan struct{}
}

func newBudget(most int) budget {
	return budget{max: int64(most), used: new(atomic.Int64), freed: make(chan struct{}, 1)}
}

// take waits until there is room for n bytes; whatever n is, there is if
// nothing else is taken. It is false if ended was closed first.
func (b *budget) take(n int, ended <-chan struct{}) bool {
	for used := b.used.Load(); used > 0 && used+int64(n) > b.max; used = b.used.Load() {
		select {
		case <-b.freed:
		case <-ended:
			return false
		}
	}
	b.used.Add(int64(n))
	return true
}

// give returns n bytes.
func (b *budget) give(n int) {
	b.used.Add(int64(-n))
	select {
	case b.freed <- struct{}{}:
	default:
	}
}
