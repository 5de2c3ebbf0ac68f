package web

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// The time that a client has for a piece of a stream is no limit for how long nothing happens, also with HTTP/2,
// which resets a stream whose deadline passes.
func TestAStreamOfHTTP2MayBeIdle(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := newServer(st, nil)
	s.feed.takeTime = 100 * time.Millisecond
	ts := httptest.NewUnstartedServer(s)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	defer ts.Close()
	defer s.feed.drain()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ts.URL+"/v1/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := ts.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Proto, resp.Status)
	}
	time.Sleep(5 * s.feed.takeTime)
	if _, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "alice") {
	}
	if err := lines.Err(); err != nil || !strings.Contains(lines.Text(), "alice") {
		t.Fatal(lines.Text(), err)
	}
	go s.feed.drain()
	if rest, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("it does not end as it should: %q %v", rest, err)
	}
}
