package web

import (
	"bytes"
	"compress/gzip"
	_ "embed" // openapi.yaml.gz
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/internal/zone"
)

var serverRoutes = []route{
	{http.MethodGet, "/healthz", public, noBody, (*call).getHealth},
	{http.MethodGet, "/readyz", public, noBody, (*call).getReady},
	{http.MethodGet, "/v1/openapi.yaml", public, noBody, (*call).getOpenAPI},
	{http.MethodGet, "/v1/server", needsRead, noBody, (*call).getServer},
	{http.MethodPost, "/v1/login", public, tinyBody, (*call).login},
	{http.MethodPost, "/v1/logout", public, noBody, (*call).logout},
}

// openAPIFile is openapi.yaml, compressed because the program has to carry it. apitest/apidoc makes it.
//
//go:embed openapi.yaml.gz
var openAPIFile []byte

// openAPI returns the description of the API.
var openAPI = sync.OnceValues(func() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(openAPIFile))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
})

// getHealth says that the server answers.
func (c *call) getHealth() error { return c.ok(c.nothing()) }

// getReady says that the store can be read and written.
func (c *call) getReady() error {
	err := c.nothing()
	if err == nil {
		err = c.server.ready(c.r)
	}
	return c.ok(err)
}

// ok answers "ok", or returns err.
func (c *call) ok(err error) error {
	if err != nil {
		return err
	}
	return c.w.send(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// ready returns a problem if the store should not get requests. Anybody can see it, so it says no more
// than its kind; Stats has the rest.
func (s *server) ready(r *http.Request) error {
	select {
	case <-s.draining:
		return wire.BadRequest(http.StatusServiceUnavailable, "the server is stopping")
	default:
	}
	stats, err := s.st.Stats(r.Context())
	switch {
	case err != nil: // which may name files
	case stats.Damage != nil:
		err = doorlog.ErrCorrupt
	case stats.Moved:
		err = doorlog.ErrMoved
	case stats.Stopped != nil:
		err = doorlog.ErrFailed
	default:
		return nil
	}
	p := wire.ProblemOf(err)
	return &wire.Problem{Type: p.Type, Title: p.Title, Status: http.StatusServiceUnavailable, Detail: p.Title, Codes: p.Codes}
}

// getOpenAPI returns the description of the API.
func (c *call) getOpenAPI() error {
	if err := c.nothing(); err != nil {
		return err
	}
	text, err := openAPI()
	if err != nil {
		return err
	}
	return c.w.send(http.StatusOK, "application/yaml", c.w.compressed(c.r, text))
}

// A serverInfo says who answers, and what the caller may do.
type serverInfo struct {
	Name    string     `json:"name"`
	Version string     `json:"version"`
	StoreID doorlog.ID `json:"store_id"`
	API     int        `json:"api"`
	Grant   Grant      `json:"grant"`
	Now     time.Time  `json:"now"`
	Zone    string     `json:"zone"`

	// Thumbnails is the path of the thumbnail folder. Only those who are on this machine are told.
	Thumbnails string `json:"thumbnails,omitempty"`
}

func (c *call) getServer() error {
	err := c.nothing()
	if err == nil {
		err = c.may(needsRead, "see which store this is")
	}
	if err != nil {
		return err
	}
	id, err := c.server.id(c.ctx())
	here, _ := zone.Name(time.Local) // empty if it has none
	info := serverInfo{Name: "doorlog", Version: c.server.opt.Version, StoreID: id, API: wire.APIVersion, Grant: c.grant, Now: time.Now().UTC(), Zone: here}
	if c.w.from.socket && !c.w.from.proxied {
		info.Thumbnails = c.server.st.ThumbnailDir()
	}
	return answer(c, info, err)
}

// cookieAge is how long a browser stays logged in, in seconds: 30 days. The token can be revoked before.
const cookieAge = 30 * 24 * 60 * 60

// login gives a browser a token as a cookie, which its scripts cannot read.
func (c *call) login() error {
	var in struct {
		Token string `json:"token"`
	}
	err := c.decode(&in)
	if err == nil && in.Token == "" {
		err = invalid("token", "is empty")
	}
	if err == nil {
		_, err = c.server.admit(c.r, in.Token)
	}
	if err != nil {
		return err
	}
	return c.setCookie(in.Token, cookieAge)
}

func (c *call) logout() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return c.setCookie("", -1)
}

// setCookie answers with the cookie of this store.
func (c *call) setCookie(value string, age int) error {
	name, err := c.server.cookieName(c.ctx())
	if err != nil {
		return err
	}
	http.SetCookie(c.w, &http.Cookie{ //nolint:gosec // it is Secure with TLS; on loopback there is none
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: c.r.TLS != nil || strings.EqualFold(c.r.Header.Get("X-Forwarded-Proto"), "https"),
	})
	return c.done(nil)
}
