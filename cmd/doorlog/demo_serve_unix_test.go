//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// serveDemo starts a demo that serves, in a process of its own, and returns it with the folder of its store.
func serveDemo(t *testing.T, args ...string) (s *testServer, dir string) {
	t.Helper()
	dir = shortDir(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "doorlog", append([]string{"demo", "--serve", "--days", "1", "--dir", dir, "--jsonl", "--tz", "UTC"}, args...)...)
	cmd.Env = append(os.Environ(), "DB_PATH=", "THUMBNAILS_DIR=", "SOCKET_PATH=", "GORACE=atexit_sleep_ms=0")
	s, stdout := launch(t, filepath.Join(dir, "events.db"), cmd)
	var wrote demoResult
	var told struct {
		Listening []string `json:"listening"`
	}
	printed := json.NewDecoder(stdout)
	if err := printed.Decode(&wrote); err != nil {
		t.Fatalf("%v: %s", err, s.rest())
	}
	if err := printed.Decode(&told); err != nil {
		t.Fatalf("%v: %s", err, s.rest())
	}
	s.at = told.Listening
	return s, dir
}

func TestTheHouseholdOfAServedDemoGoesOnLiving(t *testing.T) {
	s, dir := serveDemo(t, "--listen", "127.0.0.1:0", "--every", "50ms")
	if status, body := fetch(t, http.DefaultClient, s.url("/"), ""); status != http.StatusOK || !strings.Contains(body, `<div id="app">`) {
		t.Errorf("the page: %d %s", status, body)
	}
	seen := s.watch(5)
	for _, id := range seen {
		if status, body := fetch(t, http.DefaultClient, s.url("/v1/events/"+id+"/thumbnail"), ""); status != http.StatusOK || len(body) < 1000 {
			t.Errorf("the picture of %s: %d, %d bytes", id, status, len(body))
		}
	}
	// A second demo of the folder says who has it.
	second := exec.CommandContext(t.Context(), "doorlog", "demo", "--serve", "--dir", dir, "--listen", "127.0.0.1:0")
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "open the page that it serves") {
		t.Errorf("%v: %s", err, out)
	}
	s.signal(syscall.SIGINT)
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if said := s.said.String(); said != "" {
		t.Errorf("it says %s", said)
	}
	s.isLeftInGoodOrder(seen)
}

// watch returns the IDs of events that are written while it looks.
func (s *testServer) watch(n int) (ids []string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url("/v1/changes?after=now"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); len(ids) < n && lines.Scan(); {
		var change struct{ Op, ID string }
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &change) == nil && change.Op == "created" {
			ids = append(ids, change.ID)
		}
	}
	if len(ids) < n {
		s.t.Fatalf("only %d events were written", len(ids))
	}
	return ids
}

// isLeftInGoodOrder opens the store of a demo that has ended.
func (s *testServer) isLeftInGoodOrder(seen []string) {
	s.t.Helper()
	st, err := doorlog.Open(s.db, &doorlog.Options{LockTimeout: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close()
	if v, err := st.Verify(s.t.Context()); err != nil || !v.Sound() || v.Missing+v.Orphaned > 0 {
		s.t.Errorf("%v, %+v", err, v)
	}
	for _, text := range seen {
		id, err := doorlog.ParseID(text)
		if err != nil {
			s.t.Fatal(err)
		}
		e, err := st.Event(s.t.Context(), id)
		if err != nil || !strings.HasPrefix(e.RecordingID, "demo-1-live-") || time.Since(e.RecordedAt) > time.Minute || e.Reviewed {
			s.t.Errorf("%v, %+v", err, e)
		}
	}
	if _, err := os.Stat(s.db + ".sock"); err == nil {
		s.t.Error("the socket is still there")
	}
}

func TestADemoThatCannotListenSaysSoBeforeItWrites(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := filepath.Join(t.TempDir(), "demo")
	for _, one := range []struct {
		listen string
		code   int
		says   string
	}{
		{taken.Addr().String(), exitFailed, "--listen, such as 127.0.0.1:0"},
		{"0.0.0.0:0", exitMisuse, "no loopback address"},
		{":0", exitMisuse, "no loopback address"},
		{"7780", exitMisuse, "an address with a port"},
		{"127.0.0.1:", exitMisuse, "a port from 0 to 65535"},
	} {
		var said strings.Builder
		code := run(t.Context(), []string{"demo", "--serve", "--dir", dir, "--listen", one.listen}, nil, io.Discard, &said)
		if code != one.code || !strings.Contains(said.String(), one.says) {
			t.Errorf("--listen %s: exit code %d: %s", one.listen, code, said.String())
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it has made its folder")
	}
	// If nobody has said which port, the next one will do.
	d := demo{listen: taken.Addr().String()}
	l, err := d.openListener(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == taken.Addr().String() {
		t.Errorf("it listens on %s, too", l.Addr())
	}
}
