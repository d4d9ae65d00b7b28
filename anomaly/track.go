package anomaly

import "math"

// track is one series, a metric of a device: what came in and is not yet
// judged, what its healthy self is, and the evidence against it. Everything
// that stays is float32 unless cancellation forbids.
type track struct {
	// Input. Readings up to last have been seen; a repetition changes nothing.
	last    int64
	value   float64
	bucket  int32 // being filled
	count   int32
	sum     float64
	waiting []mean // complete buckets that are not judged yet, oldest first
	from    int32  // buckets before it are not judged: they hold a cured fault

	// Repetition and resolution.
	runFrom int64   // since when the value has been the same
	run     uint32  // for how many readings
	changes uint32  // how often it was not
	longest float32 // longest natural repetition, seconds
	quantum float32 // smallest change seen, 0 before the first
	jitter  float32 // smoothed |change| between readings of one bucket

	// The healthy self: difference to the centre = offset + season + gain.
	offset   float64
	pivot    float64 // the centre about which the gain turns
	gain     float32 // share of the centre's movement that the device adds
	gainXX   float32
	gainXY   float32
	gainYY   float32
	gainN    uint16
	seasonN  uint16  // blocks behind the season
	weight   float32 // how far the season is believed
	season   [mostPerDay]float32
	blocks   uint32  // blocks seen
	baseline uint16  // days behind the offset, at most baselineDays
	sigma    scale   // of bucket residuals
	firstDay float32 // standard deviation of the first blocks
	stray    scale   // of block residuals
	perBlock scale   // of block medians against the day before
	perDay   scale   // of day medians

	// The block being filled.
	recent   [mostPerBlock]float32 // newest differences to the centre, circular
	head     uint8
	filled   uint8
	inBlock  uint16
	block    int32
	centres  float64 // sum of the centres of its buckets
	unrest   float32 // sum of the cohort's unrest
	ownMoves float32 // sum of |change of the difference|, and the cohort's
	refMoves float32
	moves    uint16
	previous float32 // difference in previousAt
	before   int32   // the bucket of previous

	// Evidence.
	byBlock  levels
	byDay    levels
	fast     chart // of blocks
	slow     chart // of days
	noise    noise
	held     int32 // block in which a finding was held back as common
	history  history
	cleared  int64 // when the newest finding ended
	episode  *episode
	decision bool // a block has ended and waits for a decision
}

// mean is the mean of a series over one bucket.
type mean struct {
	bucket int32
	value  float64
}

func newTrack() *track { return &track{held: -ringSize} }

// learnBlocks are the blocks before which a series is only compared with
// itself, one day of them; baselineDays the days that its offset is refined.
const (
	learnBlocks  = 8
	baselineDays = 7
)

// add takes in a reading that is newer than any before. It returns whether a
// bucket is complete.
func (s *track) add(g grid, t int64, v float64) (complete bool) {
	b := g.bucket(t)
	if b != s.bucket || s.count == 0 {
		if s.count > 0 {
			s.waiting = append(s.waiting, mean{s.bucket, s.sum / float64(s.count)})
			complete = true
		}
		s.bucket, s.sum, s.count = b, 0, 0
	}
	s.sum += v
	s.count++
	s.observe(t, v)
	s.last, s.value = t, v
	return complete
}

// observe keeps account of repetition, resolution and jitter.
func (s *track) observe(t int64, v float64) {
	step := float32(math.Abs(v - s.value))
	switch {
	case s.run == 0:
		s.run, s.runFrom = 1, t
		return
	case step == 0:
		s.run++
	default:
		if s.changes < math.MaxUint32 {
			s.changes++
		}
		if s.quantum == 0 || step < s.quantum {
			s.quantum = step
		}
		if lasted := float32(float64(s.last-s.runFrom) / 1e9); lasted > s.longest && s.episode == nil {
			s.longest = lasted
		}
		s.run, s.runFrom = 1, t
	}
	if s.count > 1 && s.episode == nil {
		s.jitter += (step - s.jitter) / 64
	}
}

// mean returns the mean of bucket b, complete or not.
func (s *track) mean(b int32) (float64, bool) {
	if b < s.from {
		return 0, false
	}
	if s.count > 0 && s.bucket == b {
		return s.sum / float64(s.count), true
	}
	for i := range s.waiting {
		if s.waiting[i].bucket == b {
			return s.waiting[i].value, true
		}
		if s.waiting[i].bucket > b {
			break
		}
	}
	return 0, false
}

// take removes and returns the oldest complete bucket if it is at most b.
func (s *track) take(b int32) (mean, bool) {
	if len(s.waiting) == 0 || s.waiting[0].bucket > b {
		return mean{}, false
	}
	m := s.waiting[0]
	s.waiting = s.waiting[:copy(s.waiting, s.waiting[1:])]
	return m, true
}

// restart forgets everything that a fault has touched, and keeps what the
// series is when healthy. Readings up to t, and the bucket that holds t, are
// over. The offset may be refined again: a calibrated device is not exactly
// what it was.
func (s *track) restart(g grid, t int64) {
	s.from = g.bucket(t) + 1
	s.cleared = t
	s.waiting, s.count, s.sum = s.waiting[:0], 0, 0
	s.run, s.runFrom = 0, 0
	s.emptyBlock()
	s.filled, s.head, s.before = 0, 0, 0
	s.byBlock.n, s.byDay.n = 0, 0
	s.fast, s.slow = chart{}, chart{}
	s.noise.sum = 0
	s.baseline = min(s.baseline, 2)
	s.episode = nil
	s.decision = false
}

func (s *track) emptyBlock() {
	s.inBlock, s.centres, s.unrest = 0, 0, 0
	s.ownMoves, s.refMoves, s.moves = 0, 0, 0
}
