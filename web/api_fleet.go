package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/web/account"
)

// Device is a device in the API. Condition and what follows are what Forecare
// has found out.
type Device struct {
	ID        string     `json:"id"`
	Model     string     `json:"model"`
	Firmware  string     `json:"firmware"`
	Site      Site       `json:"site"`
	Owner     string     `json:"owner,omitempty" doc:"Id of a contact."`
	Gateway   string     `json:"gateway,omitempty" doc:"Id of the device that may publish for this one."`
	Disabled  bool       `json:"disabled"`
	Created   time.Time  `json:"created"`
	Updated   time.Time  `json:"updated"`
	Condition string     `json:"condition" enum:"noticeable,drifting,silent,well,disabled"`
	Findings  int        `json:"open_findings"`
	NoticedAt *time.Time `json:"noticed_from,omitempty" doc:"When its owner may notice, with probability 0.1 (P10)."`
}

// Site is where a device stands.
type Site struct {
	ID   string  `json:"id,omitempty"`
	Name string  `json:"name,omitempty"`
	Lat  float64 `json:"lat,omitempty" minimum:"-90" maximum:"90"`
	Lon  float64 `json:"lon,omitempty" minimum:"-180" maximum:"180"`
	Zone string  `json:"zone" doc:"IANA name, such as Europe/Berlin." example:"Europe/Berlin"`
}

// Model is devices.Model as JSON has it, for the description only.
type Model struct {
	Tenant   string           `json:"tenant,omitempty"`
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Words    devices.Words    `json:"words,omitempty" doc:"What an owner calls it, by language."`
	Interval string           `json:"interval" doc:"Usual time between readings." example:"10m"`
	Metrics  []devices.Metric `json:"metrics"`
	Remedies []Remedy         `json:"remedies,omitempty"`
}

// Remedy is devices.Remedy as JSON has it, for the description only.
type Remedy struct {
	ID       string        `json:"id"`
	Words    devices.Words `json:"words,omitempty"`
	Metrics  []string      `json:"metrics,omitempty" doc:"That it cures; all, if none is named."`
	Duration string        `json:"duration" example:"45m"`
	Skill    string        `json:"skill,omitempty"`
	Command  string        `json:"command,omitempty" doc:"Sent to the device; without one it is done by hand."`
	Remote   bool          `json:"remote,omitempty" doc:"No visit is needed."`
}

// NewDevice is what it takes to register a device.
type NewDevice struct {
	ID       string `json:"id" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9:._-]+$" patternDescription:"letters, digits and : . _ -"`
	Model    string `json:"model" minLength:"1" maxLength:"64"`
	Firmware string `json:"firmware,omitempty" maxLength:"64"`
	Site     Site   `json:"site"`
	Owner    string `json:"owner,omitempty" maxLength:"64"`
	Gateway  string `json:"gateway,omitempty" maxLength:"64"`
}

// Credential is a device's secret, shown once.
type Credential struct {
	Username string `json:"username" doc:"The MQTT user name: tenant/device."`
	Token    string `json:"token" doc:"The MQTT password. Forecare keeps only its hash."`
}

type registered struct {
	Device     Device     `json:"device"`
	Credential Credential `json:"credential"`
}

// DeviceInput names the device in the path.
type DeviceInput struct {
	ID string `path:"device" maxLength:"64" doc:"The device's id."`
}

func (a *api) fleet() {
	s := a.s
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "list-devices", Method: "GET", Path: "/devices", Summary: "List devices, worst first", Tags: []string{"Devices"},
	}, func(ctx context.Context, id account.Identity, in *struct {
		Paging
		Text  string `query:"q" maxLength:"200" doc:"Part of the id, model, firmware, site or owner."`
		Model string `query:"model" maxLength:"64"`
		Site  string `query:"site" maxLength:"64"`
		State string `query:"condition" enum:"noticeable,drifting,silent,well,disabled,attention" doc:"attention is any of the first three."`
	},
	) (*body[list[Device]], error) {
		o, err := s.overview.get(ctx, id.Tenant)
		if err != nil {
			return nil, err
		}
		rows, total := o.find(fleetQuery{Text: in.Text, Model: in.Model, Site: in.Site, State: in.State, Limit: in.Limit, Offset: in.Offset})
		out := make([]Device, 0, len(rows))
		for i := range rows {
			out = append(out, deviceOf(&rows[i]))
		}
		return listOf(out, total), nil
	})
	operation(a, account.ChangeFleet, huma.Operation{
		OperationID: "add-device", Method: "POST", Path: "/devices", Summary: "Register a device and get its credential, once", Tags: []string{"Devices"},
		DefaultStatus: http.StatusCreated, Errors: []int{409},
	}, func(ctx context.Context, id account.Identity, in *struct{ Body NewDevice }) (*body[registered], error) {
		b := in.Body
		d, token, err := s.registerDevice(ctx, devices.Device{
			Key: devices.Key{Tenant: id.Tenant, Device: b.ID}, Model: b.Model, Firmware: b.Firmware, Owner: b.Owner, Gateway: b.Gateway,
			Site: devices.Site(b.Site),
		})
		if err != nil {
			return nil, err
		}
		row := fleetRow{Device: &d, State: well}
		return &body[registered]{Body: registered{deviceOf(&row), Credential{d.Key.String(), token}}}, nil
	})
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "get-device", Method: "GET", Path: "/devices/{device}", Summary: "One device", Tags: []string{"Devices"}, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *DeviceInput) (*body[Device], error) {
		return a.oneDevice(ctx, id.Tenant, in.ID)
	})
	for _, to := range []struct {
		name, path, summary string
		disabled            bool
	}{
		{"disable-device", "/devices/{device}/disable", "Let a device in no more", true},
		{"enable-device", "/devices/{device}/enable", "Let a disabled device in again", false},
	} {
		operation(a, account.ChangeFleet, huma.Operation{
			OperationID: to.name, Method: "POST", Path: to.path, Summary: to.summary, Tags: []string{"Devices"}, Errors: []int{404}, DefaultStatus: http.StatusOK,
		}, func(ctx context.Context, id account.Identity, in *DeviceInput) (*body[Device], error) {
			if err := s.switchDevice(ctx, id.Tenant, in.ID, to.disabled); err != nil {
				return nil, err
			}
			return a.oneDevice(ctx, id.Tenant, in.ID)
		})
	}
	operation(a, account.ChangeFleet, huma.Operation{
		OperationID: "rotate-device", Method: "POST", Path: "/devices/{device}/rotate", Summary: "Give a device a new credential", Tags: []string{"Devices"}, Errors: []int{404},
	}, func(ctx context.Context, id account.Identity, in *struct {
		DeviceInput
		Body *struct {
			KeepOld bool `json:"keep_old,omitempty" doc:"The old credential works on beside the new one, until the next rotation."`
		}
	},
	) (*body[Credential], error) {
		token, err := s.renewCredential(ctx, id.Tenant, in.ID, in.Body != nil && in.Body.KeepOld)
		if err != nil {
			return nil, err
		}
		return &body[Credential]{Body: Credential{devices.Key{Tenant: id.Tenant, Device: in.ID}.String(), token}}, nil
	})
	a.models()
}

func (a *api) models() {
	s := a.s
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "list-models", Method: "GET", Path: "/models", Summary: "List models", Tags: []string{"Models"},
	}, func(ctx context.Context, id account.Identity, _ *struct{}) (*body[list[devices.Model]], error) {
		models, err := s.o.Fleet.ListModels(ctx, id.Tenant)
		if err != nil {
			return nil, err
		}
		return listOf(models, len(models)), nil
	})
	operation(a, account.SeeFleet, huma.Operation{
		OperationID: "get-model", Method: "GET", Path: "/models/{model}", Summary: "One model", Tags: []string{"Models"}, Errors: []int{404},
	}, func(_ context.Context, id account.Identity, in *struct {
		ID string `path:"model" maxLength:"64"`
	},
	) (*body[devices.Model], error) {
		m := s.o.Registry.Model(id.Tenant, in.ID)
		if m == nil {
			return nil, devices.Errorf(devices.NotFound, "There is no model %q.", in.ID)
		}
		return &body[devices.Model]{Body: *m}, nil
	})
	operation(a, account.ChangeFleet, huma.Operation{
		OperationID: "put-model", Method: "PUT", Path: "/models/{model}", Summary: "Import a model, or replace it", Tags: []string{"Models"},
		SkipValidateBody: true, // ParseModel is stricter and says it better
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {
			Schema: a.huma.OpenAPI().Components.Schemas.Schema(modelType, true, ""),
		}}},
	}, func(ctx context.Context, id account.Identity, in *struct {
		ID      string `path:"model" maxLength:"64"`
		RawBody []byte
	},
	) (*body[devices.Model], error) {
		m, err := devices.ParseModel(in.RawBody)
		if err != nil {
			return nil, err
		}
		if m.Tenant != "" && m.Tenant != id.Tenant {
			return nil, devices.Errorf(devices.Forbidden, "The model is of tenant %q; leave tenant out, it is yours.", m.Tenant)
		}
		if m.ID != "" && m.ID != in.ID {
			return nil, devices.Errorf(devices.Invalid, "The model calls itself %q, the address %q; make them the same.", m.ID, in.ID)
		}
		m.Tenant, m.ID = id.Tenant, in.ID
		if err := m.Validate(); err != nil {
			return nil, err
		}
		if err := s.o.Fleet.PutModel(ctx, m); err != nil {
			return nil, err
		}
		s.changed(ctx, id.Tenant)
		return &body[devices.Model]{Body: m}, nil
	})
}

// oneDevice answers with the device as it is right now.
func (a *api) oneDevice(ctx context.Context, tenant, id string) (*body[Device], error) {
	d, m, err := a.s.device(tenant, id)
	if err != nil {
		return nil, err
	}
	found, err := a.s.o.Care.Findings(ctx, outreach.FindingFilter{Tenant: tenant, Device: id, Open: true, Limit: 100})
	if err != nil {
		return nil, err
	}
	var open []*anomaly.Finding
	for i := range found {
		open = append(open, &found[i])
	}
	row := judge(d, m, open)
	return &body[Device]{Body: deviceOf(&row)}, nil
}

func deviceOf(r *fleetRow) Device {
	d := r.Device
	out := Device{
		ID: d.Key.Device, Model: d.Model, Firmware: d.Firmware, Site: Site(d.Site), Owner: d.Owner, Gateway: d.Gateway,
		Disabled: d.Disabled, Created: d.Created, Updated: d.Updated, Condition: r.State.String(), Findings: r.Findings,
	}
	if at, ok := noticedFrom(r.Finding); ok {
		out.NoticedAt = &at
	}
	return out
}
