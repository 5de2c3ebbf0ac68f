package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/household"
)

// noon is that of a Wednesday.
var noon = time.Date(2026, time.February, 25, 12, 0, 0, 0, time.UTC)

func TestTheDemoSaysWhatCanBeTried(t *testing.T) {
	for _, test := range []struct{ exe, dir, want string }{
		{"/usr/bin/doorlog", "demo", "\nWhat to try next:\n  doorlog --db demo/events.db recent"},
		{"/usr/bin/doorlog", "my house", "  doorlog --db 'my house/events.db' recent"},
		{"/usr/bin/doorlog", "bob's", `  doorlog --db 'bob'\''s/events.db' `},
		{"/usr/bin/doorlog", "$HOME", "  doorlog --db '$HOME/events.db' "},
		{"/tmp/go-build123/b001/exe/doorlog", "demo", "\nWhat to try next, from the root of the repository:\n  go run ./cmd/doorlog --db demo/events.db "},
		{"/home/a/.cache/go-build/ab/abcd-d/doorlog", "demo", "  go run ./cmd/doorlog --db copy.db import latest.jsonl\n"},
	} {
		var out bytes.Buffer
		if err := (&demo{dir: test.dir, exe: test.exe}).report(&out, demoResult{}, nil, time.UTC); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s in %s: %s", test.exe, test.dir, out.String())
		}
	}
}

func TestTheDemoSaysHowFastItWroteIfItDid(t *testing.T) {
	for _, test := range []struct {
		result demoResult
		want   string
	}{
		{demoResult{Events: 30, Seconds: 2}, "written in 2.0 s (15 events a second)\non disk"},
		{demoResult{Seconds: 2, Existing: 1}, "written in 2.0 s\n1 event was there already\non disk"},
		{demoResult{Seconds: 2, Existing: 1234}, "\n1,234 events were there already\n"},
	} {
		var out bytes.Buffer
		if err := (&demo{dir: "demo"}).report(&out, test.result, nil, time.UTC); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%+v: %s", test.result, out.String())
		}
	}
}

// runDemo runs the command at a time of the test's choosing.
func runDemo(t *testing.T, now time.Time, args ...string) (r demoResult) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := newRootCommand(&app{out: &out, err: &errOut, now: func() time.Time { return now }})
	cmd.SetArgs(append([]string{"demo", "--json", "--tz", "UTC"}, args...))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errOut.Len() > 0 {
		t.Errorf("warnings: %s", &errOut)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheDemoAddsOnlyWhatIsNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "house")
	first := runDemo(t, noon, "--days", "1", "--dir", dir)
	if first.Events < 10 || first.Existing != 0 || first.Persons != len(household.Residents()) || first.Thumbnails != first.Events {
		t.Errorf("the first run: %+v", first)
	}
	second := runDemo(t, noon.Add(10*time.Hour), "--days", "1", "--dir", dir)
	if second.Existing != first.Events || second.Events < 10 || second.Persons != 0 || second.Thumbnails != second.Events {
		t.Errorf("ten hours later: %+v after %+v", second, first)
	}

	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	events, err := st.Recent(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != first.Events+second.Events {
		t.Errorf("%d events, want %d and %d", len(events), first.Events, second.Events)
	}
	if !slices.IsSortedFunc(events, func(a, b doorlog.Event) int { return b.RecordedAt.Compare(a.RecordedAt) }) {
		t.Error("the events are out of order")
	}
}

func TestTheDemoRefusesWhatMakesNoSense(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"--days", "0"},
		{"--days", "3651"},
		{"--days", "some"},
		{"--dir", ""},
		{"--db", "mine.db"},
		{"--thumbnails", "mine"},
		{"extra"},
		{"--listen", "127.0.0.1:0"},
		{"--every", "3s"},
		{"--serve", "--every", "0"},
		{"--serve", "--every", "often"},
		{"--serve", "--every", "-1s"},
		{"--serve", "--listen", "7780"},
		{"--serve", "--listen", "localhost:http"},
		{"--serve", "--listen", "127.0.0.1:99999"},
	} {
		if code := run(t.Context(), append([]string{"demo"}, args...), nil, io.Discard, io.Discard); code != exitMisuse {
			t.Errorf("demo %q: exit code %d, want %d", args, code, exitMisuse)
		}
	}
	if made, _ := filepath.Glob("*"); len(made) > 0 {
		t.Errorf("a refused demo has made %q", made)
	}
}
