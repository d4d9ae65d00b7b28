package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forecare/forecare/web/account"
)

// docsView is the API's description as a page: made from the same OpenAPI
// document that programs get, without a script or a style from elsewhere.
type docsView struct {
	Groups []docsGroup
	Base   string
	Roles  []account.Role
}

type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary string
	Need                      account.Permission
	Roles                     []account.Role
	Params                    []docsField
	Body                      []docsField
	Answer                    []docsField
	Status                    []string
	Example                   string // a body to send
}

type docsField struct {
	Name, Where, Type, Says string
	Required                bool
}

func (s *Server) docsPage(w http.ResponseWriter, r *http.Request) error {
	v := s.api.docs
	v.Base = "https://" + r.Host
	if s.o.PublicURL != nil {
		v.Base = strings.TrimSuffix(s.o.PublicURL.String(), "/")
	}
	if id, err := s.whois(r); err == nil {
		r = withIdentity(r, id)
	}
	return s.render(w, r, http.StatusOK, "docs", "API", v)
}

// describeEvents adds the event stream, which huma does not serve, to the
// document.
func (a *api) describeEvents() {
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "events", Method: "GET", Path: apiRoot + "/events", Tags: []string{"Live"},
		Summary:     "What changes, as server-sent events",
		Description: "Event names: case, finding, device, message, registry, stats; resync means: read everything anew. Data is {\"id\": …} of what changed. A beat comes every 15 seconds; a reader that is too slow is dropped and may connect again.",
		Security:    []map[string][]string{{"token": {}}, {"session": {}}},
		Metadata:    map[string]any{"need": account.SeeSelf},
		Responses: map[string]*huma.Response{
			"200": {Description: "An endless stream.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}},
		},
	})
}

// describe turns the document into the page's view.
func (a *api) describe() docsView {
	doc := a.huma.OpenAPI()
	groups := map[string]*docsGroup{}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			name := "Other"
			if len(op.Tags) > 0 {
				name = op.Tags[0]
			}
			if groups[name] == nil {
				groups[name] = &docsGroup{Name: name}
			}
			groups[name].Operations = append(groups[name].Operations, describeOperation(doc, path, op))
		}
	}
	v := docsView{Roles: account.Roles()}
	for _, g := range groups {
		slices.SortFunc(g.Operations, func(a, b docsOperation) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
		})
		v.Groups = append(v.Groups, *g)
	}
	slices.SortFunc(v.Groups, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	return v
}

func describeOperation(doc *huma.OpenAPI, path string, op *huma.Operation) docsOperation {
	out := docsOperation{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary}
	if op.Description != "" {
		out.Summary += ". " + op.Description
	}
	out.Need, _ = op.Metadata["need"].(account.Permission)
	for _, role := range account.Roles() {
		if role.May(out.Need) {
			out.Roles = append(out.Roles, role)
		}
	}
	for _, p := range op.Parameters {
		out.Params = append(out.Params, docsField{p.Name, p.In, typeWords(p.Schema), cmp.Or(p.Description, schemaWords(p.Schema)), p.Required})
	}
	if op.RequestBody != nil {
		if m := op.RequestBody.Content["application/json"]; m != nil {
			out.Body = fields(doc, m.Schema)
			out.Example = example(doc, m.Schema)
		}
	}
	for status, answer := range op.Responses {
		out.Status = append(out.Status, status)
		if m := answer.Content["application/json"]; m != nil && strings.HasPrefix(status, "2") {
			out.Answer = fields(doc, m.Schema)
		}
	}
	slices.Sort(out.Status)
	return out
}

func deref(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func fields(doc *huma.OpenAPI, s *huma.Schema) []docsField {
	s = deref(doc, s)
	if s == nil {
		return nil
	}
	var out []docsField
	for name, p := range s.Properties {
		out = append(out, docsField{Name: name, Type: typeWords(p), Says: cmp.Or(p.Description, schemaWords(p)), Required: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(out, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func schemaWords(s *huma.Schema) string {
	if s == nil || len(s.Enum) == 0 {
		return ""
	}
	var values []string
	for _, v := range s.Enum {
		b, _ := json.Marshal(v) // an enum came from a tag, it can be written
		values = append(values, strings.Trim(string(b), `"`))
	}
	return "One of " + strings.Join(values, ", ") + "."
}

func typeWords(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	if s.Ref != "" {
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	}
	switch {
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeWords(s.Items)
	case s.Format == "date-time":
		return "time"
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// example makes a body of the fields that must be given.
func example(doc *huma.OpenAPI, s *huma.Schema) string {
	b, err := json.Marshal(exampleValue(doc, s, 0))
	if err != nil {
		return ""
	}
	return string(b)
}

func exampleValue(doc *huma.OpenAPI, s *huma.Schema, depth int) any {
	s = deref(doc, s)
	switch {
	case s == nil || depth > 4:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case "object":
		out := map[string]any{}
		for _, name := range s.Required {
			out[name] = exampleValue(doc, s.Properties[name], depth+1)
		}
		return out
	case "array":
		return []any{}
	case "integer", "number":
		return 0
	case "boolean":
		return false
	}
	return "…"
}
