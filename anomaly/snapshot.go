package anomaly

import (
	"bytes"
	"strings"

	"github.com/forecare/forecare/devices"
)

// partMagic begins every part of a checkpoint, stateVersion follows it. The
// version changes with any change of what is coded below, or of its meaning.
const (
	partMagic    = "FCA"
	stateVersion = 1
)

// Snapshot returns the engine's state. Each cohort is one part, named
// tenant/model. A part that has not changed since the Snapshot before is the
// same slice, so that a store may tell by its first byte's address; callers
// must not write to parts.
func (e *Engine) Snapshot() Checkpoint {
	out := Checkpoint{Sequence: e.sequence, Parts: make(map[string][]byte, len(e.cohorts))}
	for _, c := range e.cohorts {
		if c.part == nil {
			k := codec{buf: append(make([]byte, 0, len(partMagic)+1+c.sizeHint), partMagic...)}
			k.buf = append(k.buf, stateVersion)
			c.code(&k)
			c.part, c.sizeHint = k.buf, len(k.buf)+len(k.buf)/8
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
	if !ok || !bytes.HasPrefix(part, []byte(partMagic)) || len(part) <= len(partMagic) {
		return nil, devices.Errorf(devices.Invalid,
			"Part %q of the detection checkpoint is no state of the detector. Remove the checkpoint to begin anew from the log.", name)
	}
	if v := part[len(partMagic)]; v != stateVersion {
		return nil, devices.Errorf(devices.Invalid,
			"Part %q of the detection checkpoint has version %d, and this program reads version %d. "+
				"Start the program that wrote it, or remove the checkpoint to begin anew from the log.", name, v, stateVersion)
	}
	c := newCohort(tenant, model, e)
	k := codec{buf: part[len(partMagic)+1:], reading: true}
	c.code(&k)
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
