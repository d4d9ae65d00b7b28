package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
	"golang.org/x/text/language"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/outreach"
)

// Owners is what the owner's page works on; *outreach.Desk is one. Open and
// OwnerView change nothing, so that a mail scanner may follow links; all else
// may be done twice.
type Owners interface {
	Open(ctx context.Context, token string) (outreach.Grant, error)
	OwnerView(ctx context.Context, g outreach.Grant) (*outreach.OwnerView, error)
	Book(ctx context.Context, g outreach.Grant, slotID string) (*outreach.Case, error)
	Unbook(ctx context.Context, g outreach.Grant) error
	Bothering(ctx context.Context, g outreach.Grant, text string) error
	OptOut(ctx context.Context, g outreach.Grant, channel string) error
	OptIn(ctx context.Context, g outreach.Grant, channel string) error
	Subscribe(ctx context.Context, g outreach.Grant, subscription []byte) error
	Calendar(ctx context.Context, g outreach.Grant) ([]byte, error)
}

// ownerRoutes are the owner's pages: no account, everything by a signed link.
// They are outside the cross-origin check, because a mail program's one-click
// unsubscribe (RFC 8058) comes from nowhere; the token in the path is what a
// forger would lack.
func (s *Server) ownerRoutes(r chi.Router) {
	s.public(r, "GET", "/o/push.js", s.ownerWorker)
	s.public(r, "GET", "/o/{token}", s.granted(s.ownerPage))
	s.public(r, "GET", "/o/{token}/appointment.ics", s.granted(s.ownerCalendar))
	s.public(r, "POST", "/o/{token}/book", s.granted(s.ownerBook))
	s.public(r, "POST", "/o/{token}/cancel", s.granted(s.ownerDoes("canceled", func(ctx context.Context, g outreach.Grant, _ *http.Request) error {
		return s.o.Owners.Unbook(ctx, g)
	})))
	s.public(r, "POST", "/o/{token}/bothering", s.granted(s.ownerDoes("heard", func(ctx context.Context, g outreach.Grant, r *http.Request) error {
		return s.o.Owners.Bothering(ctx, g, r.PostFormValue("text"))
	})))
	s.public(r, "POST", "/o/{token}/stop", s.granted(s.ownerDoes("stopped", func(ctx context.Context, g outreach.Grant, r *http.Request) error {
		return s.o.Owners.OptOut(ctx, g, r.PostFormValue("channel"))
	})))
	s.public(r, "POST", "/o/{token}/resume", s.granted(s.ownerDoes("resumed", func(ctx context.Context, g outreach.Grant, r *http.Request) error {
		return s.o.Owners.OptIn(ctx, g, r.PostFormValue("channel"))
	})))
	s.public(r, "POST", "/o/{token}/push", s.granted(s.ownerSubscribe))
	s.public(r, "GET", "/u/{token}", s.granted(s.unsubscribePage))
	s.public(r, "POST", "/u/{token}", s.granted(s.unsubscribe))
}

// withGrant is a handler that knows for whom it works.
type withGrant func(w http.ResponseWriter, r *http.Request, g outreach.Grant) error

// granted opens the token in the path. What goes wrong is told in the owner's
// own page and language, not in the agents'.
func (s *Server) granted(h withGrant) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.o.Owners == nil {
			return devices.Errorf(devices.NotFound, "There is no such page.")
		}
		g, err := s.o.Owners.Open(r.Context(), chi.URLParam(r, "token"))
		if err != nil {
			return s.ownerTrouble(w, r, err)
		}
		if err := h(w, r, g); err != nil {
			return s.ownerTrouble(w, r, err)
		}
		return nil
	}
}

// ownerDoes runs an action and shows the page again with a word of
// confirmation, so that a reload repeats nothing.
func (s *Server) ownerDoes(said string, do func(context.Context, outreach.Grant, *http.Request) error) withGrant {
	return func(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
		if err := do(r.Context(), g, r); err != nil {
			return err
		}
		back(w, r, said)
		return nil
	}
}

func back(w http.ResponseWriter, r *http.Request, said string) {
	http.Redirect(w, r, "/o/"+chi.URLParam(r, "token")+"?said="+said+"#said", http.StatusSeeOther)
}

// ownerBook books. Whoever comes second sees what is free now.
func (s *Server) ownerBook(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	_, err := s.o.Owners.Book(r.Context(), g, r.PostFormValue("slot"))
	if _, taken := errors.AsType[*outreach.TakenError](err); taken {
		back(w, r, "taken")
		return nil
	}
	if err != nil {
		return err
	}
	back(w, r, "booked")
	return nil
}

func (s *Server) ownerCalendar(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	file, err := s.o.Owners.Calendar(r.Context(), g)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="appointment.ics"`)
	w.Write(file) //nolint:errcheck // the reader has gone
	return nil
}

// maxSubscription bounds a push subscription; real ones have some 500 bytes.
const maxSubscription = 4 << 10

func (s *Server) ownerSubscribe(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSubscription+1))
	if err != nil || len(body) > maxSubscription {
		return devices.Errorf(devices.Invalid, "This is no push subscription.")
	}
	if err := s.o.Owners.Subscribe(r.Context(), g, body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ownerWorker is the service worker that shows a push message. It is served
// from the path that it works for.
func (s *Server) ownerWorker(w http.ResponseWriter, r *http.Request) error {
	body, err := staticFiles.ReadFile("static/push.js")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(body) //nolint:errcheck // the reader has gone
	return nil
}

func (s *Server) unsubscribePage(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	v, err := s.o.Owners.OwnerView(r.Context(), g)
	if err != nil {
		return err
	}
	return s.renderOwner(w, http.StatusOK, "unsubscribe", s.ownerSheet(r, v))
}

// unsubscribe answers a mail program's one click and the page's button alike.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	if err := s.o.Owners.OptOut(r.Context(), g, outreach.All); err != nil {
		return err
	}
	v, err := s.o.Owners.OwnerView(r.Context(), g)
	if err != nil {
		return err
	}
	sheet := s.ownerSheet(r, v)
	sheet.Said = "stopped"
	return s.renderOwner(w, http.StatusOK, "unsubscribe", sheet)
}

func (s *Server) ownerPage(w http.ResponseWriter, r *http.Request, g outreach.Grant) error {
	if g.Purpose != outreach.GrantOwner {
		return devices.Errorf(devices.Forbidden, "This link is only for ending messages.")
	}
	v, err := s.o.Owners.OwnerView(r.Context(), g)
	if err != nil {
		return err
	}
	return s.renderOwner(w, http.StatusOK, "owner", s.ownerSheet(r, v))
}

// ownerTrouble tells an owner what went wrong. Nothing of the case is known
// then, so the browser's language decides.
func (s *Server) ownerTrouble(w http.ResponseWriter, r *http.Request, err error) error {
	code := devices.CodeOf(err)
	s.note(r.Context(), r.Method+" "+routeOf(r), code, requestID(r.Context()), err)
	if r.Header.Get("Sec-Fetch-Mode") == "cors" {
		http.Error(w, devices.MessageOf(err), StatusOf(code))
		return nil
	}
	lang := languageOf(r)
	words := ownerWords(lang)
	sheet := ownerSheet{Lang: lang, Dir: direction(lang), T: words, Trouble: words.trouble(code), Brand: s.brand("")}
	return s.renderOwner(w, StatusOf(code), "ownertrouble", sheet)
}

// languageOf returns the language of the owner's pages that the browser likes
// best.
func languageOf(r *http.Request) string {
	likes, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return "en"
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.English, language.Arabic}).Match(likes...)
	return []string{"en", "ar"}[i]
}
