package ingest

import "sync/atomic"

// pending is a message whose parts are being made durable. The last of them
// calls done. It is reused.
type pending struct {
	owner    *Acceptor
	done     func(Outcome)
	outcome  Outcome
	readings int
	left     atomic.Int32
	failure  atomic.Pointer[error]
	settled  func(error) // p.settle, bound once so that a message costs no closure
}

func newPending() any {
	p := &pending{}
	p.settled = p.settle
	return p
}

// begin returns a pending with that many parts.
func (a *Acceptor) begin(parts int, o Outcome, done func(Outcome)) *pending {
	p := a.pendings.Get().(*pending)
	p.owner, p.done, p.outcome = a, done, o
	p.left.Store(int32(parts))
	p.failure.Store(nil)
	return p
}

// settle is called for each part when it is durable or has failed. One failure
// makes the message fail: it is sent again as a whole.
func (p *pending) settle(err error) {
	if err != nil {
		failure := err // so that only a failure costs memory
		p.failure.Store(&failure)
	}
	if p.left.Add(-1) > 0 {
		return
	}
	a, done, o, readings := p.owner, p.done, p.outcome, p.readings
	if failure := p.failure.Load(); failure != nil {
		o = Outcome{Err: *failure}
	}
	p.owner, p.done, p.outcome, p.readings = nil, nil, Outcome{}, 0
	a.pendings.Put(p)
	a.answer(o, readings, done)
}
