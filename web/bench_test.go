package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// BenchmarkPages measures what a first byte costs. "stale" pages come right
// after a change, when the whole fleet has to be looked at anew.
func BenchmarkPages(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		w := newWorld(b, size)
		session := w.as(b, "acme", account.Admin).Jar
		for _, page := range []struct {
			name, path string
			stale      bool
		}{
			{"fleet", "/fleet", false},
			{"fleet-stale", "/fleet", true},
			{"fleet-search", "/fleet?q=berlin", false},
			{"device", "/devices/" + drifter, false},
			{"cases", "/cases", false},
			{"case", "/cases/case-" + drifter, false},
		} {
			b.Run(fmt.Sprintf("%s/%d", page.name, size), func(b *testing.B) {
				req := httptest.NewRequest(http.MethodGet, w.http.URL+page.path, nil)
				for _, c := range session.Cookies(req.URL) {
					req.AddCookie(c)
				}
				for b.Loop() {
					if page.stale {
						w.server.Noticed(web.Notice{Kind: "finding", Tenant: "acme"})
					}
					rec := httptest.NewRecorder()
					w.server.Handler().ServeHTTP(rec, req)
					if rec.Code != http.StatusOK {
						b.Fatal(rec.Code)
					}
				}
			})
		}
	}
}
