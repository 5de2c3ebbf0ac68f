package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A server is what all requests share.
type server struct {
	st       *doorlog.Store
	opt      Options
	limits   limits
	hosts    []string // Options.Hosts as hostName returns them
	tokens   *Tokens
	failures failures
	bodies   share
	pictures [64]sync.Mutex // putThumbnail has that of its event
	origins  http.CrossOriginProtection
	feed     *feed
	extra    map[string]http.Handler // ServeOptions.Extra

	// draining is closed when the server stops: streams end then. It is nil for a Handler.
	draining chan struct{}

	storeID atomic.Pointer[doorlog.ID]
	logged  atomic.Pointer[string] // the last error of logOnce
}

func newServer(st *doorlog.Store, options *Options) *server {
	s := &server{st: st, limits: defaultLimits()}
	if options != nil {
		s.opt = *options
	}
	if s.opt.MaxBody <= 0 {
		s.opt.MaxBody = largeBytes
	}
	s.bodies.most = bodiesAtOnce * s.opt.MaxBody
	s.opt.Heartbeat = cmp.Or(max(0, s.opt.Heartbeat), 15*time.Second)
	s.opt.MaxStreams = cmp.Or(max(0, s.opt.MaxStreams), 10_000)
	if s.opt.Logger == nil {
		s.opt.Logger = slog.New(slog.DiscardHandler)
	}
	for _, host := range s.opt.Hosts {
		if name, ok := hostName(host); ok {
			s.hosts = append(s.hosts, name)
		}
	}
	s.tokens = OpenTokens(TokensPath(st.Path()))
	s.feed = newFeed(st, &s.opt)
	return s
}

func (s *server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	began := time.Now()
	w := newResponse(rw, r, &s.limits)
	r = w.timeBody(r)
	defer w.body.release()
	pattern := ""
	if s.opt.Observe != nil {
		defer func() { s.opt.Observe(pattern, r.Method, w.status, time.Since(began)) }()
	}
	err := s.handle(w, r, &pattern)
	if err != nil && (!w.isHead || !errors.Is(err, errHead)) {
		s.fail(w, r, pattern, err)
	}
	w.end()
}

// catch turns a panic of a goroutine that a handler has started into an error of that handler, and a line
// in the log. net/http recovers from those of the handler alone.
func (s *server) catch(doing string, err *error) {
	if p := recover(); p != nil {
		s.opt.Logger.Error("doorlog: a panic", "in", doing, "panic", p, "stack", string(debug.Stack()))
		*err = errPanicked
	}
}

// handle serves a request. It sets pattern when it has found the route.
func (s *server) handle(w *response, r *http.Request, pattern *string) (err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint,err113 // so net/http compares it
			panic(p)
		} else if p != nil {
			s.opt.Logger.Error("doorlog: a request made its handler panic", "method", r.Method, "route", *pattern, "panic", p, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	if err := s.checkHost(r, w.from); err != nil {
		return err
	}
	path := r.URL.EscapedPath()
	if extra := s.extra[path]; extra != nil {
		*pattern = path
		if _, err := s.guard(r, w.from, needsRead); err != nil {
			return err
		}
		if err := s.limitBody(w, r, largeBody); err != nil {
			return err
		}
		extra.ServeHTTP(w, r)
		return nil
	}
	if a := s.pageAsset(path); a != nil {
		*pattern = "/"
		return s.servePage(w, r, a)
	}
	rt, params, err := find(r.Method, path)
	if err != nil {
		return err
	}
	*pattern = rt.pattern
	access, err := s.guard(r, w.from, rt.needs)
	if err != nil {
		return err
	}
	return s.answer(w, r, rt, params, access)
}

// answer answers a request that has been let in.
func (s *server) answer(w *response, r *http.Request, rt route, p params, access *access) error {
	if err := s.limitBody(w, r, rt.body); err != nil {
		return err
	}
	r = w.warnings.listen(r)
	ctx, end := lasting(r.Context())
	defer end()
	return rt.serve(&call{access: access, w: w, r: r, params: p, server: s, lasting: ctx})
}

// errPanicked is what the client hears of a panic; the log has more.
var errPanicked = errors.New("the server failed; its log says why")

// fail answers with a problem.
func (s *server) fail(w *response, r *http.Request, pattern string, err error) {
	p := wire.ProblemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil && !errors.Is(err, errPanicked) {
		s.opt.Logger.Error("doorlog: request failed", "method", r.Method, "route", pattern, "error", err)
	}
	if w.status != 0 { // it has begun: all that is left is to cut it off
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	for _, name := range []string{"ETag", "Location", "Content-Encoding", "Content-Length"} {
		h.Del(name) // of what was to be the answer
	}
	if wrong, ok := errors.AsType[*methodError](err); ok {
		for _, m := range wrong.allowed {
			h.Add("Allow", m)
		}
	}
	if later, ok := errors.AsType[*retryError](err); ok {
		h.Set("Retry-After", later.seconds())
	}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="doorlog"`)
	case http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		h.Set("Connection", "close") // the rest of the body is not wanted
	}
	text, merr := json.Marshal(p)
	if merr != nil {
		panic(http.ErrAbortHandler)
	}
	_ = w.send(p.Status, wire.ContentTypeProblem, append(text, '\n')) // the client has gone
}

// logOnce logs an error that many requests have, when it is another one than the last.
func (s *server) logOnce(err error) {
	text := err.Error()
	if last := s.logged.Swap(&text); last == nil || *last != text {
		s.opt.Logger.Error("doorlog: " + text)
	}
}

// id returns the ID of the store.
func (s *server) id(ctx context.Context) (doorlog.ID, error) {
	if id := s.storeID.Load(); id != nil {
		return *id, nil
	}
	stats, err := s.st.Stats(ctx)
	if err == nil && stats.StoreID.IsZero() {
		err = stats.Damage
	}
	if err != nil {
		return doorlog.ID{}, err
	}
	s.storeID.Store(&stats.StoreID)
	return stats.StoreID, nil
}
