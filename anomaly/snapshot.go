package anomaly

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/forecare/forecare/devices"
)

// partMagic begins every part of a checkpoint, stateVersion follows it, and a
// checksum of both and the state ends it. The version changes with any change
// of what state.go codes, or of its meaning.
const (
	partMagic    = "FCA"
	stateVersion = 1
	headSize     = len(partMagic) + 1
	checksumSize = 4
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Snapshot returns the engine's state. Each cohort is one part, named
// tenant/model. A part that has not changed since the Snapshot before is the
// same slice, so that a store may tell by its first byte's address; callers
// must not write to parts.
func (e *Engine) Snapshot() Checkpoint {
	out := Checkpoint{Sequence: e.sequence, Parts: make(map[string][]byte, len(e.cohorts))}
	for _, c := range e.cohorts {
		if c.part == nil {
			k := codec{buf: append(make([]byte, 0, c.sizeHint), partMagic...)}
			k.buf = append(k.buf, stateVersion)
			c.code(&k)
			c.part = binary.LittleEndian.AppendUint32(k.buf, checksum(k.buf))
			c.sizeHint = len(c.part) + len(c.part)/8
		}
		out.Parts[c.tenant+"/"+c.model] = c.part
	}
	return out
}

// Restore replaces the engine's state by that of a Snapshot; a zero Checkpoint
// makes it new. After an error the engine is new and must be given the log
// from its beginning, or another checkpoint.
func (e *Engine) Restore(from Checkpoint) error {
	e.reset()
	var units int
	for name, part := range from.Parts {
		c, err := e.restorePart(name, part)
		if err != nil {
			e.reset()
			return err
		}
		e.cohorts = append(e.cohorts, c)
		units += len(c.units)
	}
	// Parts come in no order; the order of cohorts has no meaning but must
	// not differ from run to run.
	sortCohorts(e.cohorts)
	for _, c := range e.cohorts {
		e.byModel[cohortName{c.tenant, c.model}] = c
		for _, u := range c.units {
			e.units[c.tenant+"/"+u.id] = u
		}
		c.clock.count(c.units)
		c.news = true
		e.touched = append(e.touched, c)
	}
	e.sequence = from.Sequence
	e.summarize()
	e.touched = e.touched[:0]
	e.logger.Info("state restored", "sequence", e.sequence, "cohorts", len(e.cohorts), "devices", units)
	return nil
}

func (e *Engine) restorePart(name string, part []byte) (*cohort, error) {
	tenant, model, ok := strings.Cut(name, "/")
	if !ok || !bytes.HasPrefix(part, []byte(partMagic)) || len(part) < headSize {
		return nil, devices.Errorf(devices.Invalid,
			"Part %q of the detection checkpoint is no state of the detector. Remove the checkpoint to begin anew from the log.", name)
	}
	if v := part[len(partMagic)]; v != stateVersion {
		return nil, devices.Errorf(devices.Invalid,
			"Part %q of the detection checkpoint has version %d, and this program reads version %d. "+
				"Start the program that wrote it, or remove the checkpoint to begin anew from the log.", name, v, stateVersion)
	}
	c := newCohort(tenant, model, e)
	k := codec{reading: true}
	if end := len(part) - checksumSize; end < headSize {
		k.err = errTruncated
	} else if checksum(part[:end]) != binary.LittleEndian.Uint32(part[end:]) {
		k.err = errChecksum
	} else {
		k.buf = part[headSize:end]
		c.code(&k)
	}
	if k.err == nil && len(k.buf) > 0 {
		k.err = errTrailing
	}
	if k.err != nil {
		return nil, devices.Wrap(k.err, devices.Invalid,
			"Part %q of the detection checkpoint is damaged. Remove the checkpoint to begin anew from the log.", name)
	}
	c.part = part
	return c, nil
}
