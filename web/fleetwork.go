package web

import (
	"context"
	"fmt"
	"time"

	"github.com/forecare/forecare/devices"
)

// registerDevice adds a device and returns its credential, which is kept
// nowhere. Pages and API both come here.
func (s *Server) registerDevice(ctx context.Context, d devices.Device) (devices.Device, string, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	d.Created, d.Updated = now, now
	if err := d.Validate(); err != nil {
		return d, "", err
	}
	if s.o.Registry.Model(d.Key.Tenant, d.Model) == nil {
		return d, "", devices.Errorf(devices.Invalid, "There is no model %q. Import it first; GET /api/v1/models lists those there are.", d.Model)
	}
	if d.Owner != "" {
		if _, err := s.o.Fleet.Contact(ctx, d.Key.Tenant, d.Owner); err != nil {
			if devices.CodeOf(err) == devices.NotFound {
				return d, "", devices.Errorf(devices.Invalid, "There is no contact %q to own the device.", d.Owner)
			}
			return d, "", err
		}
	}
	token := devices.NewToken()
	if err := s.o.Fleet.AddDevice(ctx, d, devices.HashToken(token)); err != nil {
		return d, "", err
	}
	s.changed(ctx, d.Key.Tenant)
	return d, token, nil
}

func (s *Server) switchDevice(ctx context.Context, tenant, id string, disabled bool) error {
	d, _, err := s.device(tenant, id)
	if err != nil {
		return err
	}
	if err := s.o.Fleet.SetDeviceDisabled(ctx, d.Key, disabled); err != nil {
		return err
	}
	s.changed(ctx, tenant)
	return nil
}

// renewCredential gives the device a new credential. The old one goes on
// working beside it if keepOld is set, until the next renewal without it.
func (s *Server) renewCredential(ctx context.Context, tenant, id string, keepOld bool) (string, error) {
	d, _, err := s.device(tenant, id)
	if err != nil {
		return "", err
	}
	token := devices.NewToken()
	if err := s.o.Fleet.RotateCredential(ctx, d.Key, devices.HashToken(token), keepOld); err != nil {
		return "", err
	}
	s.changed(ctx, tenant)
	return token, nil
}

// changed makes what was written visible. The write itself has been done, so
// its result is not lost because of an error here.
func (s *Server) changed(ctx context.Context, tenant string) {
	defer s.overview.forget(Notice{Kind: "registry", Tenant: tenant})
	if s.o.Changed == nil {
		return
	}
	if err := s.o.Changed(ctx); err != nil {
		s.log.Warn("the registry was changed but could not be read again; it follows by itself", "error", fmt.Errorf("reloading the registry: %w", err))
	}
}
