package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

type identityKey struct{}

// identityOf returns who makes the request, if anybody.
func identityOf(ctx context.Context) (account.Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(account.Identity)
	return id, ok
}

// whois asks who makes the request: a program by its token, or a person by
// their session. devices.Unauthorized if it is nobody.
func (s *Server) whois(r *http.Request) (account.Identity, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return account.Identity{}, devices.Errorf(devices.Unauthorized, "Use the header Authorization: Bearer followed by an API token.")
		}
		return s.o.Accounts.Bearer(r.Context(), token)
	}
	session := s.session(r)
	if session == "" {
		return account.Identity{}, devices.Errorf(devices.Unauthorized, "Please sign in.")
	}
	return s.o.Accounts.Resume(r.Context(), session)
}

// allow lets the request through to next if its maker has the permission, and
// returns the error otherwise. Writes with a session's cookie also need the
// form token, because the browser sends cookies by itself.
func (s *Server) allow(r *http.Request, need account.Permission) (*http.Request, error) {
	id, err := s.whois(r)
	if err != nil {
		return nil, err
	}
	if !id.Role.May(need) {
		return nil, devices.Errorf(devices.Forbidden, "%s", forbidden(id.Role, need))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get("Authorization") == "" {
		if !account.CheckForm(s.session(r), formToken(r)) {
			return nil, devices.Errorf(devices.Forbidden, "This form is out of date, or was not sent from a page of Forecare. Load the page again and repeat.")
		}
	}
	return withIdentity(r, id), nil
}

func withIdentity(r *http.Request, id account.Identity) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), identityKey{}, id))
}

// formToken is a form's hidden field, or a script's header.
func formToken(r *http.Request) string {
	if t := r.Header.Get("X-Form-Token"); t != "" {
		return t
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return r.PostFormValue("form_token")
	}
	return ""
}

func (s *Server) session(r *http.Request) string {
	c, err := r.Cookie(s.cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Server) setSession(w http.ResponseWriter, session string) {
	c := &http.Cookie{
		Name: s.cookie, Value: session, Path: "/", HttpOnly: true, Secure: s.secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(account.SessionLife.Seconds()),
	}
	if session == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// forbidden says what is missing, and who can help.
func forbidden(role account.Role, need account.Permission) string {
	what := map[account.Permission]string{
		account.ChangeFleet:  "change devices and models",
		account.WorkCases:    "note on or dismiss cases",
		account.DoRemedies:   "start or finish remedies",
		account.SeeContacts:  "see owners and their addresses",
		account.SeeRefused:   "see refused messages",
		account.SeeStatus:    "see the state of the parts",
		account.ManageAccess: "decide who may sign in",
	}[need]
	if what == "" {
		what = "do this"
	}
	article := "a "
	if role == account.Admin || role == account.Agent {
		article = "an "
	}
	return "As " + article + string(role) + " you may not " + what + ". An admin can give you another role."
}

// next returns a path of ours to go to after signing in, and never one of
// somebody else's.
func nextPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(raw, "//") || strings.Contains(raw, `\`) ||
		strings.HasPrefix(u.Path, "/signin") {
		return "/"
	}
	return u.RequestURI()
}
