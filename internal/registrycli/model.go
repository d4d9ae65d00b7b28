package registrycli

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/forecare/forecare/devices"
)

func (s *session) modelImport(ctx context.Context, args []string) error {
	f := newFlags("model import FILE...")
	tenant := f.String("tenant", "", "the `tenant` it is for, if the file does not say")
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return f.wrong("name at least one JSON file, or - for standard input")
	}
	// All are read before the first is stored, so that a mistake in one changes nothing.
	models := make([]devices.Model, len(rest))
	for i, name := range rest {
		if models[i], err = s.readModel(name, *tenant); err != nil {
			return inFile(name, err)
		}
	}
	var rows [][]string
	for _, m := range models {
		_, err := s.store.Model(ctx, m.Tenant, m.ID)
		action := "replaced"
		if devices.CodeOf(err) == devices.NotFound {
			action, err = "added", nil
		}
		if err == nil {
			err = s.store.PutModel(ctx, m)
		}
		if err != nil {
			return err
		}
		s.changed()
		rows = append(rows, []string{m.Tenant + "/" + m.ID, action, count(len(m.Metrics), "metric"), m.Name})
	}
	if *asJSON {
		return printJSON(s.out, struct {
			Models []devices.Model `json:"models"`
		}{models})
	}
	return printTable(s.out, "MODEL ACTION METRICS NAME", rows)
}

// inFile says which file the error is about.
func inFile(name string, err error) error {
	if errors.Is(err, ErrUsage) {
		return usagef("%s: %v", name, err)
	}
	return devices.Errorf(devices.CodeOf(err), "%s: %v", name, plain(err))
}

func (s *session) readModel(name, tenant string) (devices.Model, error) {
	in, err := s.open(name)
	if err != nil {
		return devices.Model{}, err
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		return devices.Model{}, err
	}
	m, err := devices.ParseModel(text)
	if err != nil {
		return m, err
	}
	if m.Tenant, err = oneTenant(m.Tenant, tenant); err != nil {
		return m, err
	}
	return m, m.Validate()
}

// oneTenant returns the tenant that the file or the flag names; they may not
// contradict each other.
func oneTenant(file, flag string) (string, error) {
	switch {
	case file == "" && flag == "":
		return "", usagef("the file names no tenant; add \"tenant\" to it, or --tenant to the call")
	case file == "":
		return flag, nil
	case flag != "" && file != flag:
		return "", usagef("the file is of tenant %q, but --tenant says %q; leave one out", file, flag)
	}
	return file, nil
}

func (s *session) modelList(ctx context.Context, args []string) error {
	f := newFlags("model list --tenant TENANT")
	tenant := f.tenantFlag()
	asJSON := f.jsonFlag()
	rest, err := f.parse(s, args)
	if err == nil {
		err = f.none(rest)
	}
	if err == nil {
		err = f.tenant(*tenant)
	}
	if err != nil {
		return err
	}
	list, err := s.store.ListModels(ctx, *tenant)
	if err != nil {
		return err
	}
	if *asJSON {
		if list == nil {
			list = []devices.Model{}
		}
		return printJSON(s.out, struct {
			Models []devices.Model `json:"models"`
		}{list})
	}
	rows := make([][]string, len(list))
	for i, m := range list {
		var metrics []string
		for _, q := range m.Metrics {
			metrics = append(metrics, q.Name)
		}
		rows[i] = []string{m.ID, m.Name, devices.FormatDuration(m.Interval), strings.Join(metrics, ","), strconv.Itoa(len(m.Remedies))}
	}
	return printTable(s.out, "MODEL NAME INTERVAL METRICS REMEDIES", rows)
}

func (s *session) modelShow(ctx context.Context, args []string) error {
	f := newFlags("model show TENANT/ID")
	f.jsonFlag() // it is JSON anyway; the flag is there because every command has it
	key, err := s.oneKey(f, args)
	if err != nil {
		return err
	}
	m, err := s.store.Model(ctx, key.Tenant, key.Device)
	if err != nil {
		return err
	}
	return printJSON(s.out, m)
}
