package web

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/account"
)

const apiRoot = "/api/v1"

// api is the REST API and its description.
type api struct {
	huma huma.API
	s    *Server
	docs docsView
}

func (s *Server) apiRoutes(r chi.Router) {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	// What these types are in JSON is not what they are in Go.
	registry.RegisterTypeAlias(reflect.TypeFor[devices.Model](), reflect.TypeFor[Model]())
	registry.RegisterTypeAlias(reflect.TypeFor[anomaly.Series](), reflect.TypeFor[[]*float64]())
	registry.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[map[string]any]())
	s.api = &api{s: s, huma: humachi.New(r, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Forecare", Version: "1",
				Description: "Devices, cases and readings of one tenant: the one that your token or session belongs to. " +
					"Errors are problems (RFC 9457) with a code. Only the code unavailable is worth trying again unchanged.",
			},
			Servers: []*huma.Server{{URL: "/"}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "An API token, made on the page Access or with the command line."},
					"session": {Type: "apiKey", In: "cookie", Name: s.cookie, Description: "The cookie of a signed-in browser. Writes also need the header X-Form-Token."},
				},
			},
		},
		OpenAPIPath:                  apiRoot + "/openapi",
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		Transformers:                 []huma.Transformer{problems},
		RejectUnknownQueryParameters: true,
	})}
	s.rules = append(s.rules,
		Rule{"GET", apiRoot + "/openapi.json", ""}, Rule{"GET", apiRoot + "/openapi.yaml", ""},
		Rule{"GET", apiRoot + "/openapi-3.0.json", ""}, Rule{"GET", apiRoot + "/openapi-3.0.yaml", ""})
	a := s.api
	a.self()
	a.fleet()
	a.cases()
	a.readings()
	a.access()
	a.describeEvents()
	a.docs = a.describe()
}

// operation adds one operation to the API: op.Method and op.Path say where it
// is, need who may.
func operation[I, O any](a *api, need account.Permission, op huma.Operation, do func(ctx context.Context, id account.Identity, in *I) (*O, error)) {
	op.Path = apiRoot + op.Path
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	op.Errors = append(op.Errors, 401, 403, 422, 500, 503)
	op.Metadata = map[string]any{"need": need}
	where := op.Method + " " + op.Path
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		w.Header().Set("Cache-Control", "no-store")
		known, err := a.s.allow(r, need)
		if err != nil {
			a.s.writeProblem(w, a.s.problem(r.Context(), where, err))
			return
		}
		next(huma.WithContext(ctx, known.Context()))
	}}
	a.s.rules = append(a.s.rules, Rule{op.Method, op.Path, need})
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		id, _ := identityOf(ctx)
		out, err := do(ctx, id, in)
		if err != nil {
			return nil, a.s.problem(ctx, where, err)
		}
		return out, nil
	})
}

// body is an answer whose body is T.
type body[T any] struct{ Body T }

// list is a page of something.
type list[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total" doc:"How many there are in all, on every page."`
}

func listOf[T any](items []T, total int) *body[list[T]] {
	if items == nil {
		items = []T{}
	}
	return &body[list[T]]{Body: list[T]{Items: items, Total: total}}
}

// Paging is what lists are asked with.
type Paging struct {
	Limit  int `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"Most items in the answer."`
	Offset int `query:"offset" default:"0" minimum:"0" maximum:"10000000" doc:"Items to skip."`
}
