package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A reader of a backup that is slow holds up nobody, and one that goes away ends it.
func TestABackupWhoseReaderGoesAwayEnds(t *testing.T) {
	s := newSite(t)
	events := make([]doorlog.Event, 1000)
	for i := range events {
		events[i] = motion("garage", i)
		events[i].Attributes = map[string]string{"a": strings.Repeat("x", 4096), "b": strings.Repeat("y", 4096)}
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/v1/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	s.json(t, "POST", "/v1/events", small+"}").wants(t, http.StatusCreated, nil)
	s.ask(t, "POST", "/v1/compact", "").wants(t, http.StatusOK, nil)
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil { // waits for the backup
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the backup went on for %v", took)
	}
}

// A long call whose client goes away is interrupted.
func TestALongCallWhoseClientGoesAwayEnds(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun); <-gone })
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), &doorlog.Options{Progress: func(p doorlog.Progress) {
		if p.Doing == "renaming" {
			begin()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	events := make([]doorlog.Event, 5000)
	for i := range events {
		events[i] = motion("garage", i)
	}
	if _, err := st.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	h := web.Handler(st, nil)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(gone) })
		h.ServeHTTP(w, r)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if a, err := s.try(ctx, "POST", "/v1/cameras/rename", strings.NewReader(`{"from":"garage","to":"porch"}`), "Content-Type", "application/json"); err == nil {
		t.Fatalf("%+v", a)
	}
	if _, err := st.Compact(t.Context()); err != nil { // waits for the rename
		t.Fatal(err)
	}
	if n, err := st.Count(t.Context(), doorlog.Query{Cameras: []string{"garage"}}); n == 0 || err != nil {
		t.Errorf("%d events are left, %v", n, err)
	}
}

// A server that stops does not wait for a client that goes on sending lines; the client sees that its
// answer is not whole.
func TestLinesEndWhenTheServerStops(t *testing.T) {
	st := openStore(t)
	s := start(t, st, nil)
	body, sender := io.Pipe()
	defer sender.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url("/v1/events"), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", lines)
	res, err := newClient(t, "").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.WriteString(sender, small+"}\n"); err != nil {
		t.Fatal(err)
	}
	results := json.NewDecoder(res.Body)
	var first lineResult
	if err := results.Decode(&first); err != nil || first.Error != nil {
		t.Fatalf("%+v, %v", first, err)
	}
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the server took %v to stop", took)
	}
	if _, err := io.ReadAll(results.Buffered()); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the answer ends as if all lines had been read")
	}
}
