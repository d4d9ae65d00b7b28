package registrycli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/forecare/forecare/devices"
)

func (s *session) deviceImport(ctx context.Context, args []string) error {
	f := newFlags("device import FILE --tenant TENANT")
	tenant := f.tenantFlag()
	dryRun := f.Bool("dry-run", false, "only say what would be done")
	tokens := f.String("tokens", "", "write the new tokens to this new `file` (CSV: id,user,token) and do not print them")
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return f.wrong("name one CSV file, or - for standard input; there are %d arguments", len(rest))
	}
	if err := f.tenant(*tenant); err != nil {
		return err
	}
	in, err := s.open(rest[0])
	if err != nil {
		return err
	}
	defer in.Close()

	results, err := s.importInto(ctx, in, *tenant, *dryRun, *tokens)
	if err != nil {
		return err
	}
	if *asJSON {
		err = printJSON(s.out, struct {
			DryRun bool                   `json:"dry_run"`
			Rows   []devices.ImportResult `json:"rows"`
		}{*dryRun, results})
	} else {
		err = s.printResults(results)
	}
	if err != nil {
		return err
	}
	return s.summarize(results, *dryRun)
}

// importInto imports and, if a tokens file is wanted, moves the tokens from the
// results to it. The file is made first: tokens that cannot be kept must not be
// made.
func (s *session) importInto(ctx context.Context, in io.Reader, tenant string, dryRun bool, tokens string) ([]devices.ImportResult, error) {
	var file *os.File
	if tokens != "" && !dryRun {
		var err error
		if file, err = os.OpenFile(tokens, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			if errors.Is(err, fs.ErrExist) {
				return nil, usagef("%s exists already; name a file that does not, so that no older tokens are lost", tokens)
			}
			return nil, usagef("the tokens cannot be written: %v", err)
		}
		defer file.Close()
	}
	results, err := devices.ImportDevices(ctx, s.store, in, tenant, dryRun)
	if err != nil {
		if file != nil {
			os.Remove(tokens)
		}
		return nil, err
	}
	if !dryRun && countOf(results, devices.ImportAdd)+countOf(results, devices.ImportUpdate) > 0 {
		s.changed()
	}
	switch {
	case file == nil:
	case countOf(results, devices.ImportAdd) == 0:
		os.Remove(tokens)
	default:
		if err := writeTokens(file, tenant, results); err != nil {
			return nil, fmt.Errorf("the devices are imported, but their tokens could not be written to %s (%w); give them new ones with: forecare device rotate", tokens, err)
		}
	}
	return results, nil
}

// writeTokens writes the tokens and takes them out of results.
func writeTokens(file *os.File, tenant string, results []devices.ImportResult) error {
	w := csv.NewWriter(file)
	w.Write([]string{"id", "user", "token"})
	for i := range results {
		if r := &results[i]; r.Token != "" {
			w.Write([]string{r.Device, devices.Key{Tenant: tenant, Device: r.Device}.String(), r.Token})
			r.Token = ""
		}
	}
	w.Flush()
	return errors.Join(w.Error(), file.Sync(), file.Close())
}

func (s *session) printResults(results []devices.ImportResult) error {
	rows := make([][]string, len(results))
	for i, r := range results {
		rows[i] = []string{strconv.Itoa(r.Line), orDash(r.Device), string(r.Action), orDash(r.Token), r.Message}
	}
	return printTable(s.out, "LINE DEVICE ACTION TOKEN MESSAGE", rows)
}

func (s *session) summarize(results []devices.ImportResult, dryRun bool) error {
	says, then := "Done", "the others are in place"
	if dryRun {
		says, then = "Dry run, nothing was changed", "the others would be imported"
	}
	bad := countOf(results, devices.ImportError)
	fmt.Fprintf(s.errs, "%s: %d to add, %d to update, %d unchanged, %d with errors.\n", says,
		countOf(results, devices.ImportAdd), countOf(results, devices.ImportUpdate), countOf(results, devices.ImportUnchanged), bad)
	if bad > 0 {
		return devices.Errorf(devices.Invalid, "%s not imported (%s). Mend them and import the file again; rows that are in place stay unchanged.", wasOrWere(bad), then)
	}
	return nil
}

func wasOrWere(n int) string {
	if n == 1 {
		return "1 row was"
	}
	return fmt.Sprintf("%d rows were", n)
}

func countOf(results []devices.ImportResult, action devices.ImportAction) (n int) {
	for _, r := range results {
		if r.Action == action {
			n++
		}
	}
	return n
}

// open returns the file, or standard input for "-".
func (s *session) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(s.in), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, usagef("the file cannot be opened: %v", err)
	}
	return file, nil
}
