package apitest_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/apitest"
)

// Each kind of event in a stream of changes is as documented.
func TestStreamIsAsDocumented(t *testing.T) {
	recorder := apitest.NewRecorder(load(t))
	s := newServer(t, recorder, nil)
	ctx := t.Context()
	change := func() {
		e, err := s.store.Event(ctx, id(t, otherID))
		if err != nil {
			t.Fatal(err)
		}
		e.Reviewed = !e.Reviewed
		if err := s.store.UpdateEvent(ctx, e); err != nil {
			t.Fatal(err)
		}
		if err := s.store.DeleteEvent(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.WriteEvent(ctx, e); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.PutPerson(ctx, doorlog.PersonInput{Name: "bob"}); err != nil {
			t.Fatal(err)
		}
		if err := s.store.DeletePerson(ctx, "bob"); err != nil {
			t.Fatal(err)
		}
	}
	change()
	s.follow(t, "/v1/changes", nil, "created", "updated", "deleted", "person_put", "person_removed")
	s.follow(t, "/v1/changes?after=now", change, "at", "updated", "deleted", "created", "person_put", "person_removed")
	s.follow(t, "/v1/changes?camera=garage&ids_only=true", nil, "created", "updated")
	s.follow(t, "/v1/changes?after="+eventID+"."+otherID+".5.01234567", nil, "reset")
	recorder.Report(t)
}

// follow reads a stream until each of some kinds of events has come. It calls begun after the first one.
func (s *server) follow(t *testing.T, path string, begun func(), kinds ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://doorlog"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	missing := make(map[string]bool)
	for _, kind := range kinds {
		missing[kind] = true
	}
	lines := bufio.NewScanner(answer.Body)
	for len(missing) > 0 && lines.Scan() {
		kind, found := strings.CutPrefix(lines.Text(), "event: ")
		if !found {
			continue
		}
		if delete(missing, kind); begun != nil {
			begun()
			begun = nil
		}
	}
	if len(missing) > 0 {
		t.Errorf("%s: the stream ended (%v) without %v", path, lines.Err(), missing)
	}
}
