package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/forecare/forecare/devices"
)

//go:embed all:static
var staticFiles embed.FS

// needed are the files that npm brings; without them pages would be lame.
var needed = []string{"vendor/htmx.min.js", "vendor/uplot.min.js", "vendor/uplot.min.css"}

// assets are the files under static, each under a name that changes with its
// content, so that browsers keep them for good.
type assets struct {
	byURL map[string]*asset // "app.1a2b3c4d.css"
	urls  map[string]string // "app.css" -> "/static/app.1a2b3c4d.css"
}

type asset struct {
	body, zipped []byte
	mime, etag   string
}

// loadAssets reads and packs the embedded files.
func loadAssets(files fs.FS) (*assets, error) {
	a := &assets{byURL: map[string]*asset{}, urls: map[string]string{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		if err != nil || d.IsDir() || strings.HasPrefix(base, ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:5])
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + hash + ext
		f := &asset{body: body, mime: mime.TypeByExtension(ext), etag: `"` + hash + `"`}
		if ext == ".js" || ext == ".mjs" {
			f.mime = "text/javascript; charset=utf-8" // not left to the machine's own table
		}
		if len(body) > 512 && ext != ".png" {
			f.zipped = zip(body, gzip.BestCompression)
		}
		a.byURL[hashed] = f
		a.urls[name] = "/static/" + hashed
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range needed {
		if a.urls[name] == "" {
			return nil, devices.Errorf(devices.Invalid, "web/static/%s is not in this binary: run `make build`, which fetches the browser libraries (npm ci, node web/assets.mjs) before it compiles.", name)
		}
	}
	return a, nil
}

func zip(body []byte, level int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, level) // the level is a valid one
	z.Write(body)                          //nolint:errcheck // a buffer takes everything
	z.Close()                              //nolint:errcheck // as above
	return b.Bytes()
}

// url returns where the named file is served; the template that names a file
// which is not there fails.
func (a *assets) url(name string) (string, error) {
	if u, ok := a.urls[name]; ok {
		return u, nil
	}
	return "", devices.Errorf(devices.Internal, "there is no static file %s", name)
}

// ServeHTTP serves /static/.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byURL[strings.TrimPrefix(r.URL.Path, "/static/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.mime)
	h.Set("Vary", "Accept-Encoding")
	body := f.body
	h.Set("Etag", f.etag)
	if f.zipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		h.Set("Etag", strings.TrimSuffix(f.etag, `"`)+`-gz"`)
		body = f.zipped
	}
	if r.Header.Get("If-None-Match") == h.Get("Etag") {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body) //nolint:errcheck // the reader has gone
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}
