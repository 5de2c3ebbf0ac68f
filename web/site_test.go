package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// now is the time at which the tests take place.
var now = time.Date(2026, 2, 25, 18, 30, 0, 0, time.UTC)

// A site is a store that is served over a Unix socket, which may do everything.
type site struct {
	*doorlog.Store
	path, socket string
	server       *httptest.Server
	http         *http.Client
	damaged      bool // so it is not verified at the end
}

func newSite(t testing.TB) *site { return newSiteWith(t, doorlog.Options{}, web.Options{}) }

func newSiteWith(t testing.TB, of doorlog.Options, served web.Options) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.db")
	if of.Now == nil {
		of.Now = func() time.Time { return now }
	}
	st, err := doorlog.Open(path, &of)
	if err != nil {
		t.Fatal(err)
	}
	var s *site
	t.Cleanup(func() {
		if v, err := st.Verify(context.Background()); err == nil && !v.Sound() && !s.damaged {
			t.Errorf("the store is damaged: %v", v.Err())
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s = serve(t, web.Handler(st, &served))
	s.Store, s.path = st, path
	return s
}

// serve serves a handler over a Unix socket.
func serve(t testing.TB, h http.Handler) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "dl") // a path that is short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{socket: filepath.Join(dir, "s")}
	listener, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	s.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	s.server.Start()
	t.Cleanup(s.server.Close)
	s.http = &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 100,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.socket)
		},
	}}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// An answer is the answer to a request, read whole.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request. headers are names and values in turn.
func (s *site) ask(t testing.TB, method, address, body string, headers ...string) answer {
	t.Helper()
	a, err := s.try(t.Context(), method, address, strings.NewReader(body), headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return a
}

func (s *site) try(ctx context.Context, method, address string, body io.Reader, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+address, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// json is ask with a JSON body.
func (s *site) json(t testing.TB, method, address, body string, headers ...string) answer {
	t.Helper()
	return s.ask(t, method, address, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

// wants checks the status and reads the body into v, if that is not nil.
func (a answer) wants(t testing.TB, status int, v any) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if v == nil {
		return a
	}
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return a
}

// refused checks that an answer is this problem, about this field.
func (a answer) refused(t testing.TB, status int, is error, field string) *wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.header.Get("Content-Type") != wire.ContentTypeProblem {
		t.Fatalf("status %d, not a problem: %s", a.status, a.body)
	}
	if a.status != status || p.Status != status || !errors.Is(&p, is) || p.Field != field {
		t.Errorf("want status %d, %q, field %q: %s", status, is, field, a.body)
	}
	return &p
}

// write stores an event.
func (s *site) write(t testing.TB, e doorlog.Event) doorlog.Event {
	t.Helper()
	stored, err := s.WriteEvent(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func motion(camera string, minutesAgo int) doorlog.Event {
	return doorlog.Event{Camera: camera, RecordedAt: now.Add(-time.Duration(minutesAgo) * time.Minute), Type: doorlog.Motion}
}

// fullEvent has everything in it.
func fullEvent() doorlog.Event {
	e := motion("front_door", 1)
	e.RecordingID, e.Person, e.Method, e.Door, e.UnlockGranted = "rec-1", "alice", doorlog.MethodFace, doorlog.Unlocked, true
	e.FaceConfidence, e.FaceDistance = new(0.875), new(0.1)
	e.Attributes = map[string]string{"zone": "porch", "note": "grüße <b>"}
	e.Detections = []doorlog.Detection{{Label: "person", Confidence: 0.95, Box: &doorlog.Box{X1: 1, Y1: 2.5, X2: 3, Y2: 4}}, {Label: "dog", Confidence: 0.5}}
	return e
}

// jpegFrame returns a camera frame.
func jpegFrame(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// jsonOf returns v as JSON.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sameJSON(t testing.TB, got string, want any) {
	t.Helper()
	if text := jsonOf(t, want); strings.TrimSpace(got) != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
}

// onSocket marks a request as one that came over a Unix socket.
func onSocket(ctx context.Context) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "s", Net: "unix"}))
}
