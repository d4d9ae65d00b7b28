package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

type signInView struct {
	Next    string
	CanSend bool
	Sent    string // the address that was asked for
	Failed  string
	Link    string // a valid one, as its path
	Email   string // whom it signs in
	Minutes int
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	next := nextPath(r.URL.Query().Get("next"))
	if _, err := s.whois(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.render(w, r, http.StatusOK, "signin", "Sign in", signInView{Next: next, CanSend: s.o.Accounts.CanSend()})
}

// signInRequest sends a link, or does not: the answer is the same.
func (s *Server) signInRequest(w http.ResponseWriter, r *http.Request) error {
	email := strings.TrimSpace(r.PostFormValue("email"))
	if err := s.attempt(r, "mail "+strings.ToLower(email)); err != nil {
		return err
	}
	if err := s.o.Accounts.Request(r.Context(), email); err != nil {
		return s.signInFailed(w, r, err)
	}
	return s.render(w, r, http.StatusOK, "signin", "Look into your mail", signInView{
		Next: "/", CanSend: true, Sent: email, Minutes: int(account.LinkLife.Minutes()),
	})
}

// signInToken signs a browser in with an API token.
func (s *Server) signInToken(w http.ResponseWriter, r *http.Request) error {
	if err := s.attempt(r, ""); err != nil {
		return err
	}
	session, err := s.o.Accounts.SignInWithToken(r.Context(), r.PostFormValue("token"))
	return s.signedIn(w, r, session, err)
}

// signInLinkPage shows whom a link signs in. It changes nothing, however often
// a mail scanner looks.
func (s *Server) signInLinkPage(w http.ResponseWriter, r *http.Request) error {
	link := chi.URLParam(r, "link")
	u, err := s.o.Accounts.Peek(r.Context(), link)
	if err != nil {
		if tooMany := s.attempt(r, ""); tooMany != nil {
			return tooMany
		}
		return s.signInFailed(w, r, err)
	}
	return s.render(w, r, http.StatusOK, "signin", "Sign in", signInView{Next: "/", Link: link, Email: u.Email})
}

func (s *Server) signInLink(w http.ResponseWriter, r *http.Request) error {
	if err := s.attempt(r, ""); err != nil {
		return err
	}
	session, err := s.o.Accounts.SignIn(r.Context(), chi.URLParam(r, "link"))
	return s.signedIn(w, r, session, err)
}

func (s *Server) signedIn(w http.ResponseWriter, r *http.Request, session string, err error) error {
	if err != nil {
		return s.signInFailed(w, r, err)
	}
	s.metrics.signIns.WithLabelValues("ok").Inc()
	s.setSession(w, session)
	http.Redirect(w, r, nextPath(r.PostFormValue("next")), http.StatusSeeOther)
	return nil
}

// signInFailed shows the sign-in page with what is wrong, if that is the
// caller's to mend.
func (s *Server) signInFailed(w http.ResponseWriter, r *http.Request, err error) error {
	code := devices.CodeOf(err)
	if code != devices.Unauthorized && code != devices.Invalid && code != devices.Forbidden {
		return err
	}
	s.metrics.signIns.WithLabelValues("refused").Inc()
	return s.render(w, r, StatusOf(code), "signin", "Sign in", signInView{
		Next: "/", CanSend: s.o.Accounts.CanSend(), Failed: devices.MessageOf(err),
	})
}

// attempt bounds how often somebody may try, by where they come from and, if
// given, by whom they ask for.
func (s *Server) attempt(r *http.Request, more string) error {
	ok, wait := s.attempts.Allow("from " + client(r))
	if ok && more != "" {
		ok, wait = s.attempts.Allow(more)
	}
	if ok {
		return nil
	}
	s.metrics.signIns.WithLabelValues("limited").Inc()
	return devices.Errorf(devices.Unavailable, "Too many attempts to sign in. Wait %s and try again.", span(max(wait, time.Minute)))
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Accounts.SignOut(r.Context(), s.session(r)); err != nil {
		return err
	}
	s.setSession(w, "")
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

// askToSignIn sends people to the sign-in page and back afterwards.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request, err error) error {
	if r.Method != http.MethodGet || r.URL.Path == "/events" {
		return err
	}
	to := "/signin"
	if r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	if r.Header.Get("Hx-Request") != "" {
		w.Header().Set("Hx-Redirect", to)
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// home is where each role works.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	to := "/cases"
	if id.Role == account.Admin {
		to = "/fleet"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
