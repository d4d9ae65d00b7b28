package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

// Rule says who may use a route. Need is "" for routes that are open to
// everybody.
type Rule struct {
	Method, Pattern string
	Need            account.Permission
}

// Rules returns the rule of every route, for tests and documentation.
func (s *Server) Rules() []Rule { return slices.Clone(s.rules) }

// answer is a handler that may fail.
type answer func(w http.ResponseWriter, r *http.Request) error

func (s *Server) routes() error {
	if err := checkPublicURL(s.o.PublicURL); err != nil {
		return err
	}
	r := chi.NewRouter()
	s.router = r
	origin := http.NewCrossOriginProtection()
	if s.o.PublicURL != nil {
		// Behind a proxy the Host header may not be what the browser calls us.
		if err := origin.AddTrustedOrigin(s.o.PublicURL.Scheme + "://" + s.o.PublicURL.Host); err != nil {
			return devices.Wrap(err, devices.Invalid, "The public URL %s is not one that a browser can reach.", s.o.PublicURL)
		}
	}
	origin.SetDenyHandler(s.open(func(http.ResponseWriter, *http.Request) error {
		return devices.Errorf(devices.Forbidden, "This request was sent from a page of another site, so it was not carried out.")
	}))
	r.Use(s.measure, s.protect, s.recoverer, middleware.GetHead)
	r.NotFound(s.open(func(http.ResponseWriter, *http.Request) error {
		return devices.Errorf(devices.NotFound, "There is no such page.")
	}))
	r.MethodNotAllowed(s.open(func(w http.ResponseWriter, r *http.Request) error {
		return newProblem(http.StatusMethodNotAllowed, devices.Invalid, r.Method+" is not possible here.", requestID(r.Context()))
	}))

	s.public(r, "GET", "/healthz", s.healthz)
	s.public(r, "GET", "/readyz", s.readyz)
	s.public(r, "GET", "/metrics", s.metricsPage)
	r.Get("/static/*", s.assets.ServeHTTP)
	s.rules = append(s.rules, Rule{"GET", "/static/*", ""})

	s.ownerRoutes(r)
	r.Group(func(r chi.Router) {
		r.Use(origin.Handler)
		s.pageRoutes(r)
	})
	r.Group(func(r chi.Router) {
		r.Use(origin.Handler, middleware.Compress(5, "application/json", "application/problem+json", "application/openapi+json", "application/openapi+yaml"))
		s.apiRoutes(r)
	})
	for prefix, h := range s.o.Extra {
		if !strings.HasPrefix(prefix, "/") || prefix == "/" {
			return devices.Errorf(devices.Invalid, "A further handler needs a path such as /mailbox; %q is none.", prefix)
		}
		r.Mount(strings.TrimSuffix(prefix, "/"), h)
	}
	return nil
}

func (s *Server) pageRoutes(r chi.Router) {
	s.public(r, "GET", "/signin", s.signInPage)
	s.public(r, "POST", "/signin", s.signInToken)
	s.public(r, "POST", "/signin/request", s.signInRequest)
	s.public(r, "GET", "/signin/{link}", s.signInLinkPage)
	s.public(r, "POST", "/signin/{link}", s.signInLink)
	s.page(r, "POST", "/signout", account.SeeSelf, s.signOut)

	s.page(r, "GET", "/", account.SeeSelf, s.home)
	s.page(r, "GET", "/fleet", account.SeeFleet, s.fleetPage)
	s.page(r, "POST", "/fleet", account.ChangeFleet, s.addDevice)
	s.page(r, "GET", "/fleet/new", account.ChangeFleet, s.newDevicePage)
	s.page(r, "GET", "/devices/{device}", account.SeeFleet, s.devicePage)
	s.page(r, "POST", "/devices/{device}/disable", account.ChangeFleet, s.disableDevice)
	s.page(r, "POST", "/devices/{device}/enable", account.ChangeFleet, s.enableDevice)
	s.page(r, "POST", "/devices/{device}/rotate", account.ChangeFleet, s.rotateDevice)
	s.page(r, "GET", "/cases", account.SeeCases, s.casesPage)
	s.page(r, "GET", "/cases/{case}", account.SeeCases, s.casePage)
	s.page(r, "POST", "/cases/{case}/note", account.WorkCases, s.noteCase)
	s.page(r, "POST", "/cases/{case}/dismiss", account.WorkCases, s.dismissCase)
	s.page(r, "POST", "/cases/{case}/start", account.DoRemedies, s.startCase)
	s.page(r, "POST", "/cases/{case}/finish", account.DoRemedies, s.finishCase)
	s.page(r, "GET", "/refused", account.SeeRefused, s.refusedPage)
	s.page(r, "GET", "/status", account.SeeStatus, s.statusPage)
	s.page(r, "GET", "/access", account.ManageAccess, s.accessPage)
	s.page(r, "POST", "/access/users", account.ManageAccess, s.inviteUser)
	s.page(r, "POST", "/access/users/disable", account.ManageAccess, s.disableUser)
	s.page(r, "POST", "/access/tokens", account.ManageAccess, s.newToken)
	s.page(r, "POST", "/access/tokens/revoke", account.ManageAccess, s.revokeToken)
	s.page(r, "GET", "/events", account.SeeSelf, s.events)
	s.page(r, "GET", apiRoot+"/events", account.SeeSelf, s.events)
	s.public(r, "GET", apiRoot+"/docs", s.docsPage)
}

// page serves a route to those who have the permission. Who is not signed in
// is asked to, and then sent where they wanted to go.
func (s *Server) page(r chi.Router, method, pattern string, need account.Permission, h answer) {
	s.rules = append(s.rules, Rule{method, pattern, need})
	r.MethodFunc(method, pattern, s.open(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		known, err := s.allow(r, need)
		if devices.CodeOf(err) == devices.Unauthorized {
			return s.askToSignIn(w, r, err)
		}
		if err != nil {
			return err
		}
		return h(w, known)
	}))
}

// public serves a route to everybody.
func (s *Server) public(r chi.Router, method, pattern string, h answer) {
	s.rules = append(s.rules, Rule{method, pattern, ""})
	r.MethodFunc(method, pattern, s.open(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		return h(w, r)
	}))
}

// open turns an error into an answer: a problem for programs, a page for
// people.
func (s *Server) open(h answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			s.writeProblem(w, s.problem(r.Context(), r.Method+" "+routeOf(r), err))
			return
		}
		s.errorPage(w, r, err)
	}
}

// recoverer makes a defect in one request an error of that request only.
func (s *Server) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.open(func(http.ResponseWriter, *http.Request) error {
				return devices.Wrap(panicError{v, stack()}, devices.Internal, "Something went wrong on our side. It has been logged.")
			})(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}
