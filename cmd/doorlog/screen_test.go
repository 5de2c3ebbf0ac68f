package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// lines returns what a screen shows of a text.
func lines(t *testing.T, sc terminal.Screen, text func(w io.Writer) error) []string {
	t.Helper()
	var out bytes.Buffer
	if err := sc.Print(&out, text); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// wideEvents are hard to fit.
func wideEvents() []doorlog.Event {
	id := func(n byte) doorlog.ID { return doorlog.ID{1, 2, 3, 4, 5, 6, 7, n} }
	return []doorlog.Event{
		{
			ID: id(1), RecordedAt: noon, Camera: "front_door", Type: doorlog.Motion, Person: "mary_ann", Door: doorlog.Unlocked,
			Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9}, {Label: "dog", Confidence: 0.8}},
		},
		{ID: id(2), RecordedAt: noon, Camera: "c", Type: doorlog.Ding, Person: strings.Repeat("x", 250)},
		{ID: id(3), RecordedAt: noon, Camera: strings.Repeat("玄関", 30), Type: "some other thing", Person: strings.Repeat("👨\u200d👩\u200d👧", 12)},
	}
}

func TestEventsFitAnyTerminal(t *testing.T) {
	events := wideEvents()
	write := func(w io.Writer) error { return writeEventTable(w, events, time.UTC) }
	for columns := 4; columns < 300; columns++ {
		for _, sc := range []terminal.Screen{{Columns: columns}, {Columns: columns, ASCII: true}} {
			shown := lines(t, sc, write)
			for _, line := range shown {
				if width := uniseg.StringWidth(line); width > columns {
					t.Fatalf("%d columns: %d in %q", columns, width, line)
				}
			}
			text := strings.Join(shown, "\n")
			for _, e := range events {
				if columns >= 32 && (!strings.Contains(text, e.ID.String()) || !strings.Contains(text, "2026-02-25 12:00:00 UTC")) {
					t.Fatalf("%d columns: the ID or the time of an event is not whole:\n%s", columns, text)
				}
			}
		}
	}
	whole := strings.Join(lines(t, terminal.Screen{}, write), "\n")
	if !strings.Contains(whole, events[1].Person) || !strings.Contains(whole, events[2].Camera) || strings.Count(whole, "\n") != len(events) {
		t.Errorf("through a pipe there is\n%s", whole)
	}
}

func TestChangesFitAnyTerminal(t *testing.T) {
	events := wideEvents()
	page := &doorlog.ChangePage{}
	for i := range events {
		page.Changes = append(page.Changes, doorlog.Change{Op: doorlog.EventUpdated, ID: events[i].ID, Event: &events[i]})
	}
	for columns := 4; columns < 300; columns++ {
		for _, sc := range []terminal.Screen{{Columns: columns}, {Columns: columns, ASCII: true}} {
			var out bytes.Buffer
			p := changePrinter{app: &app{out: &out, screen: sc}, loc: time.UTC, ends: true}
			for range 2 {
				if err := p.print(page); err != nil {
					t.Fatal(err)
				}
			}
			for line := range strings.Lines(out.String()) {
				if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > columns {
					t.Fatalf("%d columns: %d in %q", columns, width, line)
				}
			}
		}
	}
}

func TestOnTheUsualTerminalAnEventHasTwoLines(t *testing.T) {
	events := wideEvents()[:2]
	got := strings.Join(lines(t, terminal.Screen{Columns: 80}, func(w io.Writer) error { return writeEventTable(w, events, time.UTC) }), "\n")
	want := `TIME                     CAMERA      TYPE    PERSON
  DOOR      LABELS                 THUMBNAIL  ID
2026-02-25 12:00:00 UTC  front_door  motion  mary_ann
  unlocked  person 0.90, dog 0.80  no         ` + events[0].ID.String() + `
2026-02-25 12:00:00 UTC  c           ding    xxxxxxxxxxxxxxxxxxxxxxxxxx…
  —         —                      no         ` + events[1].ID.String()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got = strings.Join(lines(t, terminal.Screen{Columns: 40, ASCII: true}, func(w io.Writer) error { return writeEventTable(w, events[1:], time.UTC) }), "\n")
	want = `TIME                     CAMERA
  TYPE  PERSON
  DOOR  LABELS  THUMBNAIL
  ID
2026-02-25 12:00:00 UTC  c
  ding  xxxxxxxxxxxxxxxxxxxxxxxxx...
  -     -       no
  ` + events[1].ID.String()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// In a locale without UTF-8 commands print nothing but ASCII, and their JSON means the same.
func TestWhereTheLocaleIsASCIISoIsTheOutput(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DB_PATH", filepath.Join(dir, "events.db"))
	t.Setenv("TZ", "UTC")
	frame := filepath.Join(dir, "broken – frame.jpg")
	if err := os.WriteFile(frame, []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(command(t, "write", "--camera", "Tür", "--person", "Zoë 👧", "--detection", "Hund×2:0.5", "--attribute", "größe=…"))
	command(t, "persons", "add", "Zoë")
	list := [][]string{
		{"recent"},
		{"events"},
		{"get", id},
		{"stats"},
		{"info"},
		{"persons", "list"},
		{"cameras", "list"},
		{"changes"},
		{"changes", "--jsonl"},
		{"changes", "--consumer", "Zoë", "--after", "now"},
		{"consumers", "list"},
		{"verify"},
		{"--help"},
		{"write", "--help"},
		{"prune", "--max-events", "1", "--dry-run"},
		{"events", "--explain"},
		{"write", "--camera", "Tür", "--frame", frame},
	}
	asJSON := [][]string{{"persons", "list", "--json"}, {"get", id, "--json"}, {"get", id, "--jsonl"}}
	var plain []string
	for _, args := range asJSON {
		plain = append(plain, command(t, args...))
	}
	data := command(t, "export", "--format", "csv")
	t.Setenv("LC_ALL", "C")
	for _, args := range append(list, asJSON...) {
		var out, errOut bytes.Buffer
		if code := run(context.Background(), args, strings.NewReader(""), &out, &errOut); code != exitOK {
			t.Fatalf("%q: %d %s", args, code, &errOut)
		}
		if text := out.String() + errOut.String(); strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
			t.Errorf("%q: %q", args, text)
		}
	}
	for i, args := range asJSON {
		var before, now any
		if err := errors.Join(json.Unmarshal([]byte(plain[i]), &before), json.Unmarshal([]byte(command(t, args...)), &now)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, now) {
			t.Errorf("%q is %v, and was %v", args, now, before)
		}
	}
	if !strings.Contains(data, "Tür") || !strings.Contains(command(t, "export", "--format", "csv"), "Tür") {
		t.Error("an export depends on the locale")
	}
	if got := command(t, "get", id); !strings.Contains(got, `T\u00fcr`) || !strings.Contains(got, `Zo\u00eb \U0001f467`) || !strings.Contains(got, "Hundx2") {
		t.Errorf("get prints %s", got)
	}
}
