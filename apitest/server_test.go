package apitest_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/apitest"
	"github.com/doorlog/doorlog/web"
)

// The events of a test's store. newID is of a time, and of no event.
const (
	eventID = "01KJ9V8T6000001NZ77EJG1VXA" // 2026-02-25 07:30, front_door, alice, with the recording rec-1 and a thumbnail
	otherID = "01KJ9VCFC000001KPFPEBDPDE4" // 2026-02-25 07:32, garage, a stranger
	newID   = "01KJB71JD00000CF5XSCVGFRAZ" // 2026-02-25 20:15
)

// A server serves a store with these events, the person alice, the consumer mirror and the token phone,
// over a socket, where everything is allowed, and a port that asks for tokens.
type server struct {
	store    *doorlog.Store
	dir      string
	recorder *apitest.Recorder
	client   *http.Client // of the socket
	remote   *http.Client // of the port
	address  string       // of the port
	tokens   map[string]string
}

// newServer starts a server that ends with the test. The recorder sees what its clients see.
func newServer(t testing.TB, recorder *apitest.Recorder, options *doorlog.Options) *server {
	t.Helper()
	s := openServer(t, recorder, options)
	s.serve(t)
	return s
}

// openServer opens the store of a server.
func openServer(t testing.TB, recorder *apitest.Recorder, options *doorlog.Options) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "api") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	folder, tokens := seeded(t)
	s := &server{dir: dir, recorder: recorder, tokens: tokens}
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "events.db.tokens"), 0o600); err != nil { // as a copy it is not so
		t.Fatal(err)
	}
	if s.store, err = doorlog.Open(filepath.Join(dir, "events.db"), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

func (s *server) serve(t testing.TB) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan []net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- web.Serve(ctx, s.store, &web.ServeOptions{
			Options:   web.Options{RequireToken: true, MaxBody: 2 << 20, Version: "test"},
			Addresses: []string{"127.0.0.1:0"},
			Ready:     func(addresses []net.Addr) { ready <- addresses },
			Drain:     time.Second,
		})
	}()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.remote.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var dial net.Dialer
	s.client = &http.Client{Transport: s.recorder.RoundTripper(&http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial.DialContext(ctx, "unix", filepath.Join(s.dir, "events.db.sock"))
		},
	})}
	s.remote = &http.Client{Transport: s.recorder.RoundTripper(&http.Transport{})}
	select {
	case addresses := <-ready:
		for _, a := range addresses {
			if a.Network() == "tcp" {
				s.address = a.String()
			}
		}
	case err := <-ended:
		t.Fatal(err)
	}
}

var seedFolder struct {
	once   sync.Once
	path   string
	tokens map[string]string
}

// seeded returns a folder with the store and its tokens, which the first test makes, and the secrets of the tokens.
func seeded(t testing.TB) (path string, tokens map[string]string) {
	t.Helper()
	seedFolder.once.Do(func() {
		path, err := os.MkdirTemp("", "api")
		if err != nil {
			t.Fatal(err)
		}
		seed(t, filepath.Join(path, "events.db"))
		seedFolder.tokens = seedTokens(t, filepath.Join(path, "events.db"))
		seedFolder.path = path
	})
	if seedFolder.path == "" {
		t.Fatal("the store could not be made")
	}
	return seedFolder.path, seedFolder.tokens
}

func TestMain(m *testing.M) {
	code := m.Run()
	if seedFolder.path != "" {
		_ = os.RemoveAll(seedFolder.path)
	}
	os.Exit(code)
}

func seedTokens(t testing.TB, path string) map[string]string {
	t.Helper()
	tokens, secrets := web.OpenTokens(web.TokensPath(path)), make(map[string]string)
	for name, grant := range map[string]web.Grant{
		"reader": {Read: true}, "writer": {Write: true}, "camera": {Write: true, Cameras: []string{"front_door"}}, "phone": {Admin: true},
	} {
		var err error
		if _, secrets[name], err = tokens.Add(name, grant); err != nil {
			t.Fatal(err)
		}
	}
	return secrets
}

// seed makes the store.
func seed(t testing.TB, path string) {
	t.Helper()
	st, err := doorlog.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	confidence := 0.98
	events := []doorlog.Event{
		{
			ID: id(t, eventID), Camera: "front_door", Type: doorlog.Motion, RecordingID: "rec-1", Person: "alice", FaceConfidence: &confidence,
			UnlockGranted: true, Door: doorlog.Unlocked, Method: doorlog.MethodFace, Attributes: map[string]string{"zone": "porch"},
			Detections: []doorlog.Detection{{Label: "person", Confidence: 0.93, Box: &doorlog.Box{X1: 1, Y1: 2, X2: 3, Y2: 4}}},
		},
		{ID: id(t, otherID), Camera: "garage", Type: doorlog.Motion},
	}
	if _, err := st.WriteEventWithFrame(ctx, events[0], frame()); err != nil {
		t.Fatal(err)
	}
	if _, err := st.WriteEvent(ctx, events[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := st.PutPerson(ctx, doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Consumer(ctx, "mirror", nil); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func id(t testing.TB, text string) doorlog.ID {
	t.Helper()
	v, err := doorlog.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// frame is a picture.
func frame() []byte {
	img := image.NewGray(image.Rect(0, 0, 64, 48))
	for i := range img.Pix {
		img.SetGray(i%64, i/64, color.Gray{Y: uint8(i % 251)})
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil) // to a buffer
	return b.Bytes()
}

// An ask is a request to be made.
type ask struct {
	method, path string // the path may have a query
	header       http.Header
	body         string
	as           string // the name of a token, a token itself, or empty: over the socket
	remote       bool   // over the port, without a token
	host         string
}

// with returns the ask with one more header.
func (a ask) with(name, value string) ask {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

// A reply is the answer to an ask.
type reply struct {
	status  int
	header  http.Header
	body    string
	trailer http.Header
}

// ask makes a request.
func (s *server) ask(t testing.TB, a ask) reply {
	t.Helper()
	client, base := s.client, "http://doorlog"
	if a.as != "" || a.remote {
		client, base = s.remote, "http://"+s.address
	}
	r, err := http.NewRequestWithContext(t.Context(), a.method, base+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, a.header)
	if secret, known := s.tokens[a.as]; known {
		r.Header.Set("Authorization", "Bearer "+secret)
	} else if a.as != "" {
		r.Header.Set("Authorization", "Bearer "+a.as)
	}
	r.Host = a.host
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Errorf("%s %s: %v", a.method, a.path, err)
	}
	return reply{answer.StatusCode, answer.Header, string(body), answer.Trailer}
}

// get returns what a GET over the socket returns.
func (s *server) get(t testing.TB, path string) reply {
	t.Helper()
	return s.ask(t, ask{method: http.MethodGet, path: path})
}
