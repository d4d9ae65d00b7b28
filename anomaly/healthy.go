package anomaly

import "math"

// healthy returns the difference to the centre that the series has when
// nothing is wrong with it, in block k while the centre is at centre.
func (s *track) healthy(g grid, k int32, centre float64) float64 {
	return s.offset + s.seasonal(g.slot(k)) + float64(s.gain)*(centre-s.pivot)
}

// seasonal returns the part of the daily shape that is the device's own, as
// far as it is believed.
func (s *track) seasonal(slot int32) float64 {
	return float64(s.season[slot]) * float64(s.weight)
}

// residual returns how far the series was from healthy in block k.
func (s *track) residual(g grid, k int32) (float64, bool) {
	v, ok := s.byBlock.get(k)
	if !ok {
		return 0, false
	}
	return float64(v.diff) - s.healthy(g, k, float64(v.centre)), true
}

// dayResidual is residual for a day. The season of a day is zero on average.
func (s *track) dayResidual(day int32) (float64, bool) {
	v, ok := s.byDay.get(day)
	if !ok {
		return 0, false
	}
	return float64(v.diff) - s.offset - float64(s.gain)*(float64(v.centre)-s.pivot), true
}

// known reports whether the series has a reference to be judged by.
func (s *track) known() bool { return s.blocks >= learnBlocks && s.baseline > 0 }

// learn takes the first blocks for the reference: their median, which a few
// bad hours do not move.
func (s *track) learn(x []float64) []float64 {
	x = x[:0]
	pivot := 0.0
	for k := s.byBlock.first(); k <= s.byBlock.last; k++ {
		if v, ok := s.byBlock.get(k); ok {
			x = append(x, float64(v.diff))
			pivot += float64(v.centre)
		}
	}
	s.offset, s.pivot = median(x), pivot/float64(len(x))
	if s.blocks == learnBlocks {
		// Eight blocks about their own median look 15 % calmer than they are.
		s.firstDay = float32(1.15 * sigmaOfMAD * deviationOf(x, s.offset))
		s.baseline = 1
	}
	return x
}

// refine moves the reference towards a quiet day's level, within the first
// week only. A cumulative mean absorbs little of a drift, and a day that is
// unlike the days before moves it by no more than their usual spread. A device
// without peers has its reference follow the season for ever.
func (s *track) refine(residual, centre, usual float64, solo bool) {
	if s.baseline >= baselineDays && !solo {
		return
	}
	s.baseline = min(s.baseline+1, baselineDays)
	w := 1 / float64(s.baseline)
	s.offset += w * clip(residual, usual)
	s.pivot += w * (centre - s.pivot)
}

// enoughOfDay reports whether n blocks stand for a whole day.
func enoughOfDay(n int, perDay int32) bool { return 4*n >= 3*int(perDay) }

// seasonBlocks is after how many blocks the season follows at a constant,
// slow pace.
const seasonBlocks = 20 * mostPerDay

// shape learns the device's own daily shape from quiet block k, about the
// median of the day that ends with it. The shape's median is kept at zero, so
// that a drift, which lifts all slots alike, cannot hide in it. It is believed
// as far as it stands out of the noise that it was learned from (James and
// Stein); usual is that noise in one block.
func (s *track) shape(g grid, k int32, usual float64, x []float64) {
	if g.perDay < 2 {
		return
	}
	x = x[:0]
	for i := k; i > k-g.perDay; i-- {
		if v, ok := s.byBlock.get(i); ok {
			x = append(x, float64(v.diff)-float64(s.gain)*float64(v.centre))
		}
	}
	v, ok := s.byBlock.get(k)
	if !ok || !enoughOfDay(len(x), g.perDay) {
		return
	}
	own := float64(v.diff) - float64(s.gain)*float64(v.centre) - median(x)
	slot := &s.season[g.slot(k)]
	own = float64(*slot) + clip(own-float64(*slot), 4*usual) // a jump is not a habit
	s.seasonN = min(s.seasonN+1, seasonBlocks)
	days := math.Ceil(float64(s.seasonN) / float64(g.perDay))
	*slot += float32((own - float64(*slot)) / days)

	x = x[:0]
	square := 0.0
	for i := range g.perDay {
		x = append(x, float64(s.season[i]))
	}
	middle := median(x)
	for i := range g.perDay {
		s.season[i] -= float32(middle)
		square += float64(s.season[i]) * float64(s.season[i])
	}
	s.weight = 0
	if noise := usual * usual / days; square > 0 && s.seasonN >= uint16(g.perDay) {
		s.weight = float32(math.Max(0, 1-noise*float64(g.perDay)/square))
	}
}

// scatter learns how much block k strays from the same hours of the day
// before, beyond what the whole day has moved: neither the daily shape nor a
// drift is in that. The square root of two, because two blocks stray; seven
// percent, because the day's median is estimated from the same few.
func (s *track) scatter(g grid, k int32, x []float64) {
	x = x[:0]
	newest := math.NaN()
	for i := k; i > k-g.perDay; i-- {
		now, ok := s.byBlock.get(i)
		then, okThen := s.byBlock.get(i - g.perDay)
		if !ok || !okThen {
			if i == k {
				return
			}
			continue
		}
		d := float64(now.diff) - float64(then.diff) - float64(s.gain)*(float64(now.centre)-float64(then.centre))
		if i == k {
			newest = d
		}
		x = append(x, d)
	}
	if 2*len(x) < int(g.perDay) {
		return
	}
	if g.perDay == 1 {
		x[0] = 0 // a day has no median of its own
	}
	s.perBlock.add(1.07*(newest-median(x))/math.Sqrt2, scaleBlocks)
}

// The gain is learned for three weeks, from how the difference to the centre
// changes against the same hours of the day before. Such changes hold neither
// the offset nor the daily shape, and a slow drift adds to them all alike.
const (
	gainBlocks = 21 * mostPerDay
	// Devices of one make differ by about this share in how they follow what
	// moves them all.
	priorGain = 0.15
	// Neighbouring blocks are not independent: a day of them counts as one.
	gainRepeats = mostPerDay
)

// follow learns the gain from block k.
func (s *track) follow(g grid, k int32, usual float64) {
	if s.gainN >= gainBlocks {
		return
	}
	now, ok := s.byBlock.get(k)
	then, okThen := s.byBlock.get(k - g.perDay)
	if !ok || !okThen {
		return
	}
	x := float64(now.centre) - float64(then.centre)
	y := float64(now.diff) - float64(then.diff)
	y = float64(s.gain)*x + clip(y-float64(s.gain)*x, 6*usual)
	s.gainN++
	s.gainXX += float32(x * x)
	s.gainXY += float32(x * y)
	s.gainYY += float32(y * y)
	ridge := float64(s.gainYY) / float64(s.gainN) * gainRepeats / (priorGain * priorGain)
	if d := float64(s.gainXX) + ridge; d > 0 {
		s.gain = float32(float64(s.gainXY) / d)
	}
}
