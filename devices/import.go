package devices

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// ImportAction says what an import does with a row.
type ImportAction string

// The actions. A row that is an error changes nothing.
const (
	ImportAdd       ImportAction = "add"
	ImportUpdate    ImportAction = "update"
	ImportUnchanged ImportAction = "unchanged"
	ImportError     ImportAction = "error"
)

// ImportResult is what became of one row. Message says why it is an error, or
// what else is to be done for the device. Token is the password of a device
// that was added; it is nowhere else and cannot be had again.
type ImportResult struct {
	Line    int          `json:"line"`
	Device  string       `json:"device"`
	Action  ImportAction `json:"action"`
	Message string       `json:"message,omitempty"`
	Token   string       `json:"token,omitempty"`
}

// LogValue leaves the token out.
func (r ImportResult) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("line", r.Line), slog.String("device", r.Device), slog.String("action", string(r.Action)))
}

// ImportStep is a planned ImportResult with the device as it will be stored
// for ImportAdd and ImportUpdate.
type ImportStep struct {
	ImportResult
	Planned Device
}

// PlanImport says for every row what importing it would do, in the order of
// the rows, and changes nothing. known is what is registered already.
func PlanImport(rows []CSVRow, known Snapshot) []ImportStep {
	registered := make(map[Key]Device, len(known.Devices))
	for _, d := range known.Devices {
		registered[d.Key] = d
	}
	models := make(map[modelKey]bool, len(known.Models))
	for i := range known.Models {
		models[modelKey{known.Models[i].Tenant, known.Models[i].ID}] = true
	}
	first := make(map[Key]int, len(rows)) // the line that names a device first
	for _, row := range rows {
		if _, twice := first[row.Key]; !twice && row.Key.Device != "" {
			first[row.Key] = row.Line
		}
	}
	steps := make([]ImportStep, len(rows))
	for i := range rows {
		steps[i] = planRow(&rows[i], registered, first)
		if d := steps[i].Planned; steps[i].Action != ImportError {
			switch {
			case !models[modelKey{d.Tenant, d.Model}]:
				steps[i].Message = "the model " + quoteShort(d.Model) + " is not imported; until it is, readings of this device are refused"
			case d.Gateway != "" && registered[Key{d.Tenant, d.Gateway}].Device == "" && first[Key{d.Tenant, d.Gateway}] == 0:
				steps[i].Message = "the gateway " + quoteShort(d.Gateway) + " is not registered; until it is, it cannot connect"
			}
		}
	}
	return steps
}

func planRow(row *CSVRow, registered map[Key]Device, first map[Key]int) ImportStep {
	step := ImportStep{ImportResult: ImportResult{Line: row.Line, Device: row.Key.Device, Action: ImportError}}
	if row.Err != nil {
		step.Message = MessageOf(row.Err)
		return step
	}
	if line := first[row.Key]; line != row.Line && row.Key.Device != "" {
		step.Message = Errorf(Invalid, "the device is on line %d already; leave one of the lines out", line).Error()
		return step
	}
	before, exists := registered[row.Key]
	after, wrong := row.apply(before)
	switch {
	case len(wrong) > 0:
		step.Message = strings.Join(wrong, "; ")
		return step
	case !exists:
		step.Action = ImportAdd
	case after == before:
		step.Action = ImportUnchanged
	default:
		step.Action = ImportUpdate
	}
	step.Planned = after
	return step
}

// Registration is a device with the HashToken of its first token.
type Registration struct {
	Device
	TokenHash string
}

// ImportStore is what ImportDevices needs of the registry's store.
type ImportStore interface {
	Snapshot(ctx context.Context) (Snapshot, error)
	// SaveDevices adds and updates all devices or, with an error, none.
	SaveDevices(ctx context.Context, added []Registration, updated []Device) error
}

// ImportDevices reads a list of devices (see ReadDeviceCSV), stores what is
// good in it and returns a result for every row. A bad row does not hinder the
// others. With dryRun it stores nothing and hands out no tokens. An error means
// that nothing was stored.
func ImportDevices(ctx context.Context, store ImportStore, r io.Reader, tenant string, dryRun bool) ([]ImportResult, error) {
	rows, err := ReadDeviceCSV(r, tenant)
	if err != nil {
		return nil, err
	}
	known, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	steps := PlanImport(rows, known)
	results := make([]ImportResult, len(steps))
	var added []Registration
	var updated []Device
	for i, step := range steps {
		results[i] = step.ImportResult
		switch {
		case dryRun:
		case step.Action == ImportAdd:
			results[i].Token = NewToken()
			added = append(added, Registration{Device: step.Planned, TokenHash: HashToken(results[i].Token)})
		case step.Action == ImportUpdate:
			updated = append(updated, step.Planned)
		}
	}
	if len(added) == 0 && len(updated) == 0 {
		return results, nil
	}
	if err := store.SaveDevices(ctx, added, updated); err != nil {
		return nil, err
	}
	return results, nil
}
