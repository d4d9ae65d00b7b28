package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/forecare/forecare/devices"
)

// API is Forecare's public REST API, as an outsider with a token uses it.
type API struct {
	base   *url.URL
	token  string
	client *http.Client
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// NewAPI prepares the API at an address such as http://127.0.0.1:8080.
func NewAPI(address, token string) (*API, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, devices.Errorf(devices.Invalid, "the API's address %q is no web address; use http://host:8080", address)
	}
	if token == "" {
		return nil, devices.Errorf(devices.Invalid, "the API needs a token")
	}
	return &API{base: u, token: token, client: &http.Client{Timeout: 30 * time.Second}}, nil
}

// LogValue leaves the token out.
func (a *API) LogValue() slog.Value { return slog.StringValue(a.base.Redacted()) }

// Call makes one request below /api/v1. A nil in sends no body, a nil out
// ignores the answer. A refusal is a *devices.Error with the API's own code
// and words.
func (a *API) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	u := strings.TrimSuffix(a.base.String(), "/") + "/api/v1" + path
	r, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return devices.Wrap(err, devices.Unavailable, "Forecare does not answer at %s", a.base.Redacted())
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return devices.Wrap(err, devices.Unavailable, "Forecare broke off its answer")
	}
	if answer.StatusCode >= 400 {
		return refusalOf(answer.StatusCode, got)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(got, out); err != nil {
		return devices.Wrap(err, devices.Internal, "%s %s: the answer is not what the API describes", method, path)
	}
	return nil
}

// refusalOf reads a problem (RFC 9457), or makes one of the status alone.
func refusalOf(status int, body []byte) error {
	var p struct {
		Code   devices.Code `json:"code"`
		Detail string       `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &p) != nil || p.Code == "" {
		p.Code = devices.Internal
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusBadGateway {
			p.Code = devices.Unavailable
		}
	}
	if p.Detail == "" {
		p.Detail = http.StatusText(status)
	}
	for _, e := range p.Errors {
		p.Detail += "; " + strings.TrimSpace(e.Location+" "+e.Message)
	}
	return devices.Errorf(p.Code, "%s", p.Detail)
}

// PutModel imports a model or replaces it.
func (a *API) PutModel(ctx context.Context, m devices.Model) error {
	m.Tenant = "" // the token's
	return a.Call(ctx, http.MethodPut, "/models/"+url.PathEscape(m.ID), m, nil)
}

// Register registers a device and returns its credential. One that is
// registered already gets a new credential and keeps the rest.
func (a *API) Register(ctx context.Context, d devices.Device) (token string, err error) {
	var made struct {
		Credential struct {
			Token string `json:"token"`
		} `json:"credential"`
	}
	type site struct {
		ID   string  `json:"id,omitempty"`
		Name string  `json:"name,omitempty"`
		Lat  float64 `json:"lat,omitempty"`
		Lon  float64 `json:"lon,omitempty"`
		Zone string  `json:"zone"`
	}
	err = a.Call(ctx, http.MethodPost, "/devices", struct {
		ID       string `json:"id"`
		Model    string `json:"model"`
		Firmware string `json:"firmware,omitempty"`
		Site     site   `json:"site"`
		Owner    string `json:"owner,omitempty"`
		Gateway  string `json:"gateway,omitempty"`
	}{d.Device, d.Model, d.Firmware, site(d.Site), d.Owner, d.Gateway}, &made)
	if err == nil {
		return made.Credential.Token, nil
	}
	if e, ok := errors.AsType[*devices.Error](err); !ok || e.Code != devices.Conflict {
		return "", err
	}
	var renewed struct {
		Token string `json:"token"`
	}
	err = a.Call(ctx, http.MethodPost, "/devices/"+url.PathEscape(d.Device)+"/rotate", struct{}{}, &renewed)
	return renewed.Token, err
}
