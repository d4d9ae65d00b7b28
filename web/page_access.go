package web

import (
	"net/http"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

type accessView struct {
	Users  []account.User
	Tokens []account.Token
	Roles  []account.Role
	Link   string // a new sign-in link, shown once
	For    string // whom it is for
	Secret string // a new API token, shown once
	Name   string // of the new API token
}

func (s *Server) accessPage(w http.ResponseWriter, r *http.Request) error {
	return s.showAccess(w, r, accessView{})
}

func (s *Server) showAccess(w http.ResponseWriter, r *http.Request, v accessView) error {
	id, _ := identityOf(r.Context())
	var err error
	if v.Users, err = s.o.Accounts.Users(r.Context(), id.Tenant); err != nil {
		return err
	}
	if v.Tokens, err = s.o.Accounts.Tokens(r.Context(), id.Tenant); err != nil {
		return err
	}
	v.Roles = account.Roles()
	return s.render(w, r, http.StatusOK, "access", "Access", v)
}

func (s *Server) inviteUser(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	role, err := account.ParseRole(r.PostFormValue("role"))
	if err != nil {
		return err
	}
	email := r.PostFormValue("email")
	link, err := s.o.Accounts.NewLink(r.Context(), id.Tenant, email, role)
	if err != nil {
		return err
	}
	return s.showAccess(w, r, accessView{Link: link, For: email})
}

func (s *Server) disableUser(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	email := r.PostFormValue("email")
	if email == id.Email {
		return devices.Errorf(devices.Invalid, "You cannot shut yourself out; another admin can.")
	}
	if err := s.o.Accounts.Disable(r.Context(), id.Tenant, email); err != nil {
		return err
	}
	http.Redirect(w, r, "/access", http.StatusSeeOther)
	return nil
}

func (s *Server) newToken(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	role, err := account.ParseRole(r.PostFormValue("role"))
	if err != nil {
		return err
	}
	secret, t, err := s.o.Accounts.NewToken(r.Context(), id.Tenant, r.PostFormValue("name"), role, id.Actor())
	if err != nil {
		return err
	}
	return s.showAccess(w, r, accessView{Secret: secret, Name: t.Name})
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	id, _ := identityOf(r.Context())
	if err := s.o.Accounts.Revoke(r.Context(), id.Tenant, r.PostFormValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/access", http.StatusSeeOther)
	return nil
}
