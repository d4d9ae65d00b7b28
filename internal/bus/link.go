package bus

import (
	"context"
	"sync"
)

// link tells whoever waits for an answer that the connection is lost, and the
// answer with it. Otherwise they would notice only by its silence.
type link struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// current returns a context that ends with the connection as it is now.
func (l *link) current() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
	}
	return l.ctx
}

// broken ends what current has returned.
func (l *link) broken() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
	l.ctx, l.cancel = nil, nil
}
