package anomaly

import (
	"cmp"
	"slices"
)

// This file lists, type by type, what is state. Whatever is not here must be
// recomputed or be without meaning between two Steps.

func sortCohorts(x []*cohort) {
	slices.SortFunc(x, func(a, b *cohort) int {
		return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.model, b.model))
	})
}

func (c *cohort) code(k *codec) {
	k.i64(&c.grid.width)
	k.i32(&c.grid.perBlock)
	k.i32(&c.grid.perDay)
	if k.reading {
		c.clock.init(c.grid, &c.settings)
	}
	k.i32(&c.clock.next)
	k.i32(&c.clock.first)
	k.u32(&c.clock.tick)
	k.flag(&c.clock.started)
	k.f32(&c.pause)
	list(k, &c.gauges, 64, func(p **gauge) {
		if k.reading {
			*p = &gauge{}
		}
		(*p).code(k)
	})
	list(k, &c.units, 32, func(p **unit) {
		if k.reading {
			*p = &unit{cohort: c}
		}
		(*p).code(k)
	})
}

func (g *gauge) code(k *codec) {
	k.text(&g.name)
	k.text(&g.unit)
	k.f64(&g.noticeable)
	k.f64(&g.tolerance)
	k.flag(&g.solo)
	k.i32(&g.few)
	k.f64(&g.spread)
	k.i32(&g.spreadN)
	for _, p := range []*float64{&g.sigma, &g.firstDay, &g.stray, &g.block, &g.day, &g.rho, &g.dayRho, &g.longest} {
		k.f64(p)
	}
	// A ring that is not full yet is mostly empty: only what is in use.
	size := len(g.closed)
	size = k.length(size, 0)
	used := make([]peer, 0)
	for _, p := range g.closed {
		if p.bucket != 0 {
			used = append(used, p)
		}
	}
	list(k, &used, 28, func(p *peer) {
		k.f64(&p.centre)
		k.f32(&p.lower)
		k.f32(&p.upper)
		k.f32(&p.spread)
		k.f32(&p.volatility)
		k.i32(&p.bucket)
		k.i32(&p.witnesses)
	})
	if !k.reading || size == 0 {
		return
	}
	g.closed = make([]peer, size)
	for _, p := range used {
		g.closed[p.bucket%int32(size)] = p
	}
}

// mostClosed is the length of the ring at the narrowest bucket.
const mostClosed = int(memory / defaultPeriod)

func (u *unit) code(k *codec) {
	k.text(&u.id)
	k.i64(&u.last)
	k.i32(&u.bucket)
	k.u32(&u.tick)
	k.f32(&u.gap)
	k.f32(&u.pause)
	k.u32(&u.suspect)
	optional(k, &u.silence, func(e *episode) { e.code(k) })
	list(k, &u.tracks, 1, func(p **track) {
		optional(k, p, func(s *track) { s.code(k) })
	})
}

func (e *episode) code(k *codec) {
	k.text(&e.id)
	k.u32(&e.revision)
	k.text((*string)(&e.kind))
	k.i64(&e.onset)
	k.i64(&e.detected)
	k.i64(&e.told)
	k.f64(&e.size)
	k.flag(&e.fromDays)
	k.u32(&e.inBand)
	k.f64(&e.sum)
	k.f64(&e.out)
	k.f64(&e.last)
	k.u32(&e.calm)
}

func (s *track) code(k *codec) {
	k.i64(&s.last)
	k.f64(&s.value)
	k.i32(&s.bucket)
	k.i32(&s.count)
	k.f64(&s.sum)
	list(k, &s.waiting, 12, func(m *mean) {
		k.i32(&m.bucket)
		k.f64(&m.value)
	})
	k.i32(&s.from)
	k.i64(&s.runFrom)
	k.u32(&s.run)
	k.u32(&s.changes)
	k.f32(&s.longest)
	k.f32(&s.quantum)
	k.f32(&s.jitter)
	k.f64(&s.offset)
	k.f64(&s.pivot)
	k.f32(&s.gain)
	k.f32(&s.gainXX)
	k.f32(&s.gainXY)
	k.f32(&s.gainYY)
	k.u16(&s.gainN)
	k.u16(&s.seasonN)
	k.f32(&s.weight)
	k.f32s(s.season[:])
	k.u32(&s.blocks)
	k.u16(&s.baseline)
	s.sigma.code(k)
	k.f32(&s.firstDay)
	s.stray.code(k)
	s.perBlock.code(k)
	s.perDay.code(k)
	k.f32s(s.recent[:])
	k.u8(&s.head)
	k.u8(&s.filled)
	k.u16(&s.inBlock)
	k.i32(&s.block)
	k.f64(&s.centres)
	k.f32(&s.unrest)
	k.f32(&s.ownMoves)
	k.f32(&s.refMoves)
	k.u16(&s.moves)
	k.f32(&s.previous)
	k.i32(&s.before)
	s.byBlock.code(k)
	s.byDay.code(k)
	s.fast.code(k)
	s.slow.code(k)
	s.noise.code(k)
	k.i32(&s.held)
	s.history.code(k)
	k.i64(&s.cleared)
	optional(k, &s.episode, func(e *episode) { e.code(k) })
	k.flag(&s.decision)
}

func (s *scale) code(k *codec) {
	k.f32(&s.abs)
	k.f32(&s.previous)
	k.f32(&s.square)
	k.f32(&s.product)
	k.u16(&s.n)
}

func (r *levels) code(k *codec) {
	k.i32(&r.last)
	k.i32(&r.n)
	for i := r.last - r.n + 1; i <= r.last; i++ {
		k.f32(&r.at[i%ringSize].diff)
		k.f32(&r.at[i%ringSize].centre)
	}
}

func (c *chart) code(k *codec) {
	k.f32(&c.up)
	k.f32(&c.down)
	k.i32(&c.upFrom)
	k.i32(&c.downFrom)
}

func (n *noise) code(k *codec) {
	k.f32(&n.sum)
	k.i32(&n.from)
	k.f32(&n.usual)
	k.f32(&n.square)
	k.u16(&n.n)
	k.f32(&n.now)
	k.f32(&n.size)
	k.f32(&n.was)
	k.f32(&n.peak)
}

func (h *history) code(k *codec) {
	list(k, &h.at, 4, k.f32)
	if k.reading && len(h.at) == 0 {
		h.at = nil
	}
	k.f64(&h.base)
	k.i32(&h.last)
	k.f64(&h.sum)
	k.i32(&h.n)
}
