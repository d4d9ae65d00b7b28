package anomaly

import "time"

// grid divides event time, counted from 1970 in UTC, into buckets, buckets
// into blocks and blocks into days. Bucket means are compared between devices,
// block medians carry the evidence, days the slow evidence.
type grid struct {
	width    int64 // of a bucket, nanoseconds
	perBlock int32 // buckets
	perDay   int32 // blocks
}

// Blocks of three hours are long enough to average out most of the
// autocorrelation of an ambient quantity, and short enough that eight of them
// show a fault on the day it begins.
const (
	blockLength   = 3 * time.Hour
	mostPerBlock  = 18 // at the narrowest bucket
	mostPerDay    = 8
	defaultPeriod = 10 * time.Minute
)

// newGrid returns the grid for devices that report once per interval. Every
// width divides a block or is a multiple of one.
func newGrid(interval time.Duration) grid {
	if interval <= 0 {
		interval = defaultPeriod
	}
	width := 24 * time.Hour
	for _, w := range []time.Duration{
		10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if interval <= w {
			width = w
			break
		}
	}
	g := grid{width: int64(width), perBlock: int32(max(1, blockLength/width))}
	g.perDay = int32(24 * time.Hour / (width * time.Duration(g.perBlock)))
	return g
}

func (g grid) bucket(t int64) int32     { return int32(t / g.width) }
func (g grid) start(b int32) int64      { return int64(b) * g.width }
func (g grid) block(b int32) int32      { return b / g.perBlock }
func (g grid) blockStart(k int32) int64 { return int64(k) * int64(g.perBlock) * g.width }
func (g grid) day(k int32) int32        { return k / g.perDay }
func (g grid) slot(k int32) int32       { return k % g.perDay }

// buckets returns how many buckets d is, at least one.
func (g grid) buckets(d time.Duration) int32 {
	return max(1, int32((int64(d)+g.width-1)/g.width))
}

// leastOfBlock is how many buckets make a block worth a median: a device that
// reports once an hour is enough for three hours.
func (g grid) leastOfBlock() int { return int(min(3, g.perBlock)) }

// slice is the length of one point of evidence.
func (g grid) slice() int64 { return max(g.width, int64(time.Hour)) }
