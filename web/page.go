package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The page is what a browser shows at the address of the server: static files, which call the API as any
// other client does. page/README.md is for whoever changes it.

// A Page says whether a [Handler] serves the page.
type Page int

// The values of Options.Page.
const (
	PageOn  Page = iota // at /, with its files below /page/
	PageOff             // the API only
)

//go:embed page/index.html page/manifest.webmanifest page/app page/style page/vendor/*.js page/icons
var pageFiles embed.FS

// pagePolicy is the Content-Security-Policy of the page: nothing from elsewhere, and no script or style but
// its files.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// An asset is a file of the page.
type asset struct {
	contentType string
	text        []byte
	zipped      []byte // nil if that is no shorter
	lasting     bool   // the path changes when the file does
}

// pageAssets returns the files of the page by their paths. Those below /page/ have the sum of all
// files in their path, so that a browser keeps them for as long as they are the same.
var pageAssets = sync.OnceValue(func() map[string]*asset {
	files := map[string][]byte{}
	err := fs.WalkDir(pageFiles, "page", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := pageFiles.ReadFile(name)
		if comment := comments[path.Ext(name)]; comment != nil {
			text = indentation.ReplaceAll(comment.ReplaceAll(text, nil), nil)
		}
		files[strings.TrimPrefix(name, "page/")] = text
		return err
	})
	if err != nil {
		panic(err) // the files are in the program
	}
	joinScripts(files)
	joinStyles(files)
	base := "page/" + sumOfFiles(files) + "/"
	assets := map[string]*asset{}
	for name, text := range files {
		if name == "index.html" {
			assets["/"] = newAsset(name, bytes.ReplaceAll(text, []byte("{page}/"), []byte(base)), false)
		} else {
			assets["/"+base+name] = newAsset(name, text, true)
		}
	}
	return assets
})

// comments are those that are not sent: in JavaScript lines of their own and, without quotes in them, ends of lines; in
// CSS all.
var comments = map[string]*regexp.Regexp{
	".js":  regexp.MustCompile(`(?m)^[ \t]*//.*$| +// [^'"\x60\n]*$`),
	".css": regexp.MustCompile(`(?s)/\*.*?\*/`),
}

// indentation is not sent either, nor are empty lines.
var indentation = regexp.MustCompile(`(?m)^\s+`)

// sumOfFiles returns the beginning of a sum of all names and texts.
func sumOfFiles(files map[string][]byte) string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		one := sha256.Sum256(files[name])
		sum.Write([]byte(name + "\x00"))
		sum.Write(one[:])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// contentTypes are those of the files of the page.
var contentTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
}

func newAsset(name string, text []byte, lasting bool) *asset {
	a := &asset{contentType: contentTypes[path.Ext(name)], text: text, lasting: lasting}
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(text)
	}
	if err == nil {
		err = z.Close()
	}
	if err == nil && zipped.Len() < len(text)*9/10 {
		a.zipped = zipped.Bytes()
	}
	return a
}

// pageAsset returns the file of the page at a path; nil if there is none.
func (s *server) pageAsset(escaped string) *asset {
	if s.opt.Page != PageOn || escaped != "/" && !strings.HasPrefix(escaped, "/page/") {
		return nil
	}
	return pageAssets()[escaped]
}

// servePage answers a request for a file of the page. The page has nothing of the store in it, so nobody needs a token
// for it.
func (s *server) servePage(w *response, r *http.Request, a *asset) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(r.Method, []string{http.MethodGet})
	}
	if _, err := s.guard(r, w.from, public); err != nil {
		return err
	}
	return w.sendAsset(r, a)
}

// sendAsset answers with a file of the page.
func (w *response) sendAsset(r *http.Request, a *asset) error {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	if a.lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	text := a.text
	if a.zipped != nil && takesGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		text = a.zipped
	}
	tag := tagOf(text)
	h.Set("ETag", tag)
	// A proxy that compresses makes the tag a weak one.
	if known, err := parseTags(r, "If-None-Match"); err == nil && known != nil && known.has(tag, true) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return w.send(http.StatusOK, a.contentType, text)
}
