package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/unixsock"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// openStore returns an empty store in a folder with a short name. It is closed when the test ends.
func openStore(t testing.TB) *doorlog.Store {
	t.Helper()
	st, err := doorlog.Open(filepath.Join(shortFolder(t), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// shortFolder returns a folder that goes with the test. The path of a socket in it is short enough.
func shortFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dl") // in memory, if there is such a folder
	if err != nil {
		dir, err = os.MkdirTemp("", "dl")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// storeWithEvent returns a store that has one event, one person and one consumer.
func storeWithEvent(t testing.TB) (*doorlog.Store, doorlog.Event) {
	t.Helper()
	st := openStore(t)
	e, err := st.WriteEvent(t.Context(), doorlog.Event{
		Camera: "front_door", RecordedAt: time.Now().Add(-time.Hour), Type: doorlog.Motion, RecordingID: "rec-1", Person: "alice",
	})
	if err == nil {
		_, err = st.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"})
	}
	if err == nil {
		_, err = st.Consumer(t.Context(), "alice", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return st, e
}

// addToken makes a token of a store and returns its secret.
func addToken(t testing.TB, st *doorlog.Store, name string, grant web.Grant) string {
	t.Helper()
	_, secret, err := tokensOf(st).Add(name, grant)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func tokensOf(st *doorlog.Store) *web.Tokens { return web.OpenTokens(web.TokensPath(st.Path())) }

// A sentRequest is what ask sends to a handler: where from, and with which headers.
type sentRequest struct {
	method, path string
	body         string
	contentType  string
	local        string // address of the server: "unix", an IP address or a name that stands for loopback
	remote       string
	host         string
	header       map[string]string
	tls          bool
}

// ask sends a request to a handler as if it came from where it says.
func ask(t testing.TB, h http.Handler, in sentRequest) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), in.method, "http://"+orElse(in.host, "127.0.0.1:7780")+in.path, strings.NewReader(in.body))
	r.RemoteAddr = orElse(in.remote, "192.0.2.7:4711")
	var local net.Addr = &net.UnixAddr{Name: "events.db.sock", Net: "unix"}
	if in.local != "unix" {
		local = &net.TCPAddr{IP: net.ParseIP(orElse(in.local, "192.0.2.1")), Port: 7780}
	}
	if in.contentType != "" {
		r.Header.Set("Content-Type", in.contentType)
	}
	for name, value := range in.header {
		r.Header.Set(name, value)
	}
	if in.tls {
		r.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), http.LocalAddrContextKey, local), 5*time.Second)
	defer cancel()
	h.ServeHTTP(w, r.WithContext(ctx))
	return w.Result()
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// onLoopback is in over a loopback connection.
func onLoopback(in sentRequest) sentRequest {
	in.local, in.remote = "127.0.0.1", "127.0.0.1:4711"
	return in
}

func bearer(secret string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + secret}
}

// textOf returns the body of an answer.
func textOf(t testing.TB, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(text)
}

// wantProblem fails unless an answer is a problem of this status that holds text.
func wantProblem(t testing.TB, resp *http.Response, status int, text string) {
	t.Helper()
	body := textOf(t, resp)
	var p wire.Problem
	err := json.Unmarshal([]byte(body), &p)
	if err != nil || resp.StatusCode != status || p.Status != status || resp.Header.Get("Content-Type") != wire.ContentTypeProblem ||
		len(p.Codes) == 0 || p.Title == "" || !strings.Contains(p.Detail, text) {
		t.Errorf("%s %s %q; want a problem of status %d that holds %q", resp.Status, resp.Header.Get("Content-Type"), body, status, text)
	}
}

func wantStatus(t testing.TB, resp *http.Response, status int) {
	t.Helper()
	if body := textOf(t, resp); resp.StatusCode != status {
		t.Errorf("%s %q; want status %d", resp.Status, body, status)
	}
}

// A running server is one that serves in this process until the test ends.
type running struct {
	store     *doorlog.Store
	addresses []net.Addr
	log       *logged
	stop      func() error // stops it and returns what Serve returned
}

// tcp returns the address of its first TCP listener.
func (s *running) tcp() string {
	for _, at := range s.addresses {
		if at.Network() == "tcp" {
			return at.String()
		}
	}
	return ""
}

func (s *running) url(path string) string { return "http://" + s.tcp() + path }

func (s *running) socket() string { return web.SocketPath(s.store.Path()) }

// serving starts a server: serve is web.Serve, or a variant of it. Without options it listens on the
// socket and on a free port of 127.0.0.1.
func serving(t testing.TB, st *doorlog.Store, options *web.ServeOptions, serve func(context.Context, *doorlog.Store, *web.ServeOptions) error) *running {
	t.Helper()
	s := &running{store: st, log: &logged{}}
	opt := web.ServeOptions{}
	if options != nil {
		opt = *options
	}
	if len(opt.Addresses) == 0 && len(opt.Listeners) == 0 {
		opt.Addresses = []string{"127.0.0.1:0"}
	}
	if opt.Logger == nil {
		opt.Logger = loggerTo(s.log)
	}
	ready := make(chan []net.Addr, 1)
	opt.Ready = func(addresses []net.Addr) { ready <- addresses }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, st, &opt) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case s.addresses = <-ready:
	case err := <-ended:
		s.stop = func() error { return nil }
		t.Fatalf("Serve: %v", err)
	}
	return s
}

func start(t testing.TB, st *doorlog.Store, options *web.ServeOptions) *running {
	t.Helper()
	return serving(t, st, options, web.Serve)
}

// impatient is web.Serve with short limits.
func impatient(patience time.Duration, connections int) func(context.Context, *doorlog.Store, *web.ServeOptions) error {
	return func(ctx context.Context, st *doorlog.Store, options *web.ServeOptions) error {
		return web.ServeImpatiently(ctx, st, options, patience, connections)
	}
}

// client returns a client with connections of its own: to a socket, or to where URLs lead if socket is empty.
func newClient(t testing.TB, socket string) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return unixsock.Dial(ctx, socket) }
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// get sends a GET request.
func get(t testing.TB, c *http.Client, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// logged is what a logger wrote.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// stateOf returns a text that changes with every change of a store and of its tokens.
func stateOf(t testing.TB, st *doorlog.Store) string {
	t.Helper()
	cursor, err := st.Cursor(t.Context())
	consumers, cerr := st.Consumers(t.Context())
	tokens, terr := tokensOf(st).List()
	stats, serr := st.Stats(t.Context())
	if err := errors.Join(err, cerr, terr, serr); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal([]any{consumers, tokens, stats.LastBackup, stats.Events, stats.Persons})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s", cursor, text)
}

// askAs is ask with a Host header that is no part of a URL, and returns the status.
func askAs(t testing.TB, h http.Handler, in sentRequest, host string) int {
	t.Helper()
	status := 0
	changed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Host = host; h.ServeHTTP(w, r) })
	resp := ask(t, changed, in)
	status = resp.StatusCode
	if status >= http.StatusBadRequest {
		wantProblem(t, resp, status, "")
	}
	return status
}

func loggerTo(l *logged) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
