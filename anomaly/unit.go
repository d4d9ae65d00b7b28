package anomaly

// unit is what a cohort knows about one of its devices.
type unit struct {
	id     string
	cohort *cohort
	tracks []*track // by gauge; nil where the device has never reported it

	last   int64   // newest event time
	bucket int32   // of last
	tick   uint32  // the cohort's tick when it was heard last
	gap    float32 // usual time between readings, seconds
	pause  float32 // longest pause of late, seconds

	suspect uint32 // tick at which its silence was first noted, 0 while heard
	silence *episode
}

// track returns the unit's series of gauge i, nil if there is none.
func (u *unit) track(i int) *track {
	if i < len(u.tracks) {
		return u.tracks[i]
	}
	return nil
}

// open returns the unit's series of gauge i and makes it if need be.
func (u *unit) open(i int) *track {
	for len(u.tracks) <= i {
		u.tracks = append(u.tracks, nil)
	}
	if u.tracks[i] == nil {
		u.tracks[i] = newTrack()
	}
	return u.tracks[i]
}
