package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// runAt runs a command at a time of the test's choosing, in UTC.
func runAt(t *testing.T, now time.Time, args ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := newRootCommand(&app{out: &out, err: &errOut, now: func() time.Time { return now }})
	if !slices.Contains(args, "--tz") {
		args = append([]string{"--tz", "UTC"}, args...)
	}
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// storeOf makes the store of the commands that follow, with an event at each time.
func storeOf(t *testing.T, times ...time.Time) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DB_PATH", filepath.Join(dir, "events.db"))
	t.Setenv("THUMBNAILS_DIR", filepath.Join(dir, "thumbnails"))
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, at := range times {
		if _, err := st.WriteEvent(context.Background(), doorlog.Event{Camera: "c", Type: doorlog.Motion, RecordedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDaysCountTodayIn(t *testing.T) {
	midnight := time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC)
	storeOf(t, midnight.Add(-24*time.Hour-1), midnight.Add(-24*time.Hour), midnight.Add(-1), midnight, noon)
	for _, test := range []struct {
		now          time.Time
		args         []string
		total, today int
	}{
		{noon, nil, 5, 2},
		{noon, []string{"--days", "1"}, 2, 2},
		{noon, []string{"--days", "2"}, 4, 2},
		{noon, []string{"--days", "3"}, 5, 2},
		{midnight, []string{"--days", "1"}, 2, 2},
		{midnight.Add(-1), []string{"--days", "1"}, 4, 2}, // events ahead of the clock count too
		{noon.AddDate(0, 0, 1), []string{"--days", "1"}, 0, 0},
		{noon, []string{"--days", "2", "--until", "12h"}, 2, 2},
		{noon, []string{"--since", "2026-02-24", "--until", "2026-02-25"}, 2, 2},
		{noon, []string{"--since", "12h"}, 2, 2},
		{noon, []string{"--days", "1", "--tz", "America/New_York"}, 1, 1},
		{noon, []string{"--days", "1", "--camera", "other"}, 0, 0},
	} {
		out, err := runAt(t, test.now, append([]string{"stats", "--json"}, test.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Summary map[string]any }
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if got.Summary["total_events"] != float64(test.total) || got.Summary["today_count"] != float64(test.today) {
			t.Errorf("%s %q: %v, want %d events, %d of today", test.now, test.args, got.Summary, test.total, test.today)
		}
	}
}

func TestAnErrorOfTheWriterIsNotDropped(t *testing.T) {
	failing := errors.New("gone")
	s := madeUpStats()
	if err := s.draw(brokenWriter{failing}, terminal.Screen{ASCII: true}, &doorlog.Scope{Location: time.UTC}); !errors.Is(err, failing) {
		t.Errorf("an error of the writer came back as %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
