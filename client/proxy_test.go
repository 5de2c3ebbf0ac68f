package client_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A proxy that compresses answers makes their ETags weak. Events can be updated through it.
func TestEventsAreUpdatedThroughAProxyThatCompresses(t *testing.T) {
	s := serve(t, nil)
	h := web.Handler(s.Store, nil)
	c := open(t, listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		if tag := answer.Header().Get("ETag"); strings.HasPrefix(tag, `"`) {
			w.Header().Set("ETag", "W/"+tag) // as nginx does
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})), nil)
	e, err := s.WriteEvent(t.Context(), motion(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := c.UpdateEvents(ctx, []doorlog.ID{e.ID}, func(e *doorlog.Event) error { e.Person = "mary"; return nil }); err != nil {
		t.Error(err)
	}
}

// Loops and waits that are left leave nothing behind, in the client and in the server.
func TestNothingIsLeftOfWhatWasEndedEarly(t *testing.T) {
	s, c := storeAndClient(t)
	events := make([]doorlog.Event, 300)
	for i := range events {
		events[i] = motion(i)
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	at, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range 20 {
		for range c.Changes(t.Context(), doorlog.Cursor{}) {
			break
		}
		for range c.Events(t.Context(), doorlog.Query{}) {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		_ = c.AwaitChange(ctx, at)
		cancel()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+4; { // idle connections have some
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, and there were %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}
