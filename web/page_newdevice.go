package web

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/devices"
)

type newDeviceView struct {
	Models   []devices.Model
	Contacts []devices.Contact
}

func (s *Server) newDevicePage(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	var v newDeviceView
	var err error
	if v.Models, err = s.o.Fleet.ListModels(r.Context(), id.Tenant); err != nil {
		return err
	}
	if v.Contacts, err = s.o.Fleet.ListContacts(r.Context(), id.Tenant); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "newdevice", "Add a device", v)
}

// addDevice registers what the form says and shows the device's page, with its
// credential, once.
func (s *Server) addDevice(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	d := devices.Device{
		Key:      devices.Key{Tenant: id.Tenant, Device: field("device")},
		Model:    field("model"),
		Firmware: field("firmware"),
		Owner:    field("owner"),
		Site:     devices.Site{ID: field("site"), Name: field("site_name"), Zone: field("zone")},
	}
	d, token, err := s.registerDevice(r.Context(), d)
	if err != nil {
		return err
	}
	chi.RouteContext(r.Context()).URLParams.Add("device", d.Key.Device)
	return s.showDevice(w, r, token)
}

func (s *Server) disableDevice(w http.ResponseWriter, r *http.Request) error {
	return s.switchAndShow(w, r, true)
}

func (s *Server) enableDevice(w http.ResponseWriter, r *http.Request) error {
	return s.switchAndShow(w, r, false)
}

func (s *Server) switchAndShow(w http.ResponseWriter, r *http.Request, disabled bool) error {
	id, _ := identityOf(r.Context())
	device := chi.URLParam(r, "device")
	if err := s.switchDevice(r.Context(), id.Tenant, device, disabled); err != nil {
		return err
	}
	http.Redirect(w, r, "/devices/"+pathEscape(device), http.StatusSeeOther)
	return nil
}

func (s *Server) rotateDevice(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	token, err := s.renewCredential(r.Context(), id.Tenant, chi.URLParam(r, "device"), r.PostFormValue("old") == "keep")
	if err != nil {
		return err
	}
	return s.showDevice(w, r, token)
}
