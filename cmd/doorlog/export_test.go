package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// texts are what names and attributes can be.
var texts = []string{
	"porch", "grüße ✓", `"quoted", and \ more`, "<b>&amp;", "=1+1", "tab\tand\nline", "\u202eturned", "\u0085", "日本", "{\"person\":1}",
}

// randomEvent returns an event with anything in it.
func randomEvent(rng *rand.Rand) doorlog.Event {
	text := func() string { return texts[rng.IntN(len(texts))] }
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(int64(50 * 24 * time.Hour))))
	e := doorlog.Event{
		Camera: text(), Type: doorlog.EventType(text()), RecordedAt: at, CreatedAt: at.Add(time.Duration(rng.Int64N(1e12))),
		UnlockGranted: rng.IntN(2) == 0, AlertSent: rng.IntN(2) == 0, Door: doorlog.DoorAction(rng.IntN(3)),
	}
	some := func(set func()) {
		if rng.IntN(2) == 0 {
			set()
		}
	}
	some(func() { e.Person = text() })
	some(func() { e.RecordingID = fmt.Sprint(text(), rng.Int()) })
	some(func() { e.FaceConfidence = new(rng.Float64()) })
	some(func() { e.FaceDistance = new(rng.ExpFloat64()) })
	some(func() { e.FrameWidth, e.FrameHeight = 1920, 1080 })
	some(func() { e.ThumbnailPath = fmt.Sprintf("porch/ü %d.jpg", rng.Int()) })
	some(func() { e.Attributes = map[string]string{text(): text(), "battery": ""} })
	for range rng.IntN(4) {
		d := doorlog.Detection{Label: text(), Confidence: rng.Float64()}
		some(func() {
			d.Box = &doorlog.Box{X1: rng.NormFloat64(), Y1: -1e6 * rng.Float64(), X2: 1e3 + rng.Float64(), Y2: 1e3}
		})
		e.Detections = append(e.Detections, d)
	}
	return e
}

// contents returns the events and persons of a store.
func contents(t *testing.T, path string) (events []doorlog.Event, persons []doorlog.Person) {
	t.Helper()
	st, err := doorlog.Open(path, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for e, err := range st.Events(t.Context(), doorlog.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if persons, err = st.Persons(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range persons {
		persons[i].Key = doorlog.ID{} // each store gives keys of its own
	}
	return events, persons
}

// command runs doorlog and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(context.Background(), args, strings.NewReader(""), &out, &errOut); code != exitOK {
		t.Fatalf("doorlog %q: exit code %d: %s", args, code, &errOut)
	}
	return out.String()
}

func TestExportIsImportedWithoutLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	dir := t.TempDir()
	from, to, file := filepath.Join(dir, "from.db"), filepath.Join(dir, "to.db"), filepath.Join(dir, "all.jsonl")
	st, err := doorlog.Open(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if _, err := st.WriteEvent(t.Context(), randomEvent(rng)); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range texts {
		_, err := st.PutPerson(t.Context(), doorlog.PersonInput{
			Name: name, DisplayName: texts[len(texts)-1-i], AutoUnlock: new(i%2 == 0),
			CreatedAt: time.Date(2025, 1, 1, 0, 0, 0, i, time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	wantEvents, wantPersons := contents(t, from)
	command(t, "export", "--db", from, "-o", file)
	for _, once := range []string{"--once=false", "--once=false", "--once"} { // importing again does no harm
		command(t, "import", once, file, "--db", to)
		events, persons := contents(t, to)
		if !reflect.DeepEqual(events, wantEvents) {
			for i := range min(len(events), len(wantEvents)) {
				if !reflect.DeepEqual(events[i], wantEvents[i]) {
					t.Fatalf("event %d\n got %+v\nwant %+v", i, events[i], wantEvents[i])
				}
			}
			t.Fatalf("%d events, want %d", len(events), len(wantEvents))
		}
		if !reflect.DeepEqual(persons, wantPersons) {
			t.Errorf("persons %+v, want %+v", persons, wantPersons)
		}
	}
	if v, err := doorlog.Verify(t.Context(), to, nil); err != nil || !v.Sound() {
		t.Errorf("%+v, %v", v, err)
	}

	rows, err := csv.NewReader(strings.NewReader(command(t, "export", "--db", from, "--format", "csv", "--bom=false"))).ReadAll()
	if err != nil || len(rows) != len(wantEvents)+1 {
		t.Fatalf("%d rows, want %d: %v", len(rows), len(wantEvents)+1, err)
	}
	for _, row := range rows {
		for _, text := range row {
			if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) || strings.ContainsAny(text, "\n\r\u202e\u0085") {
				t.Errorf("cell %q", text)
			}
		}
	}
}

// An export that fails says that what it has printed is incomplete.
func TestExportThatFailsSaysWhatItsOutputIs(t *testing.T) {
	c := newCLI(t)
	c.run(t.Context(), exitOK, "write", "--camera", "c")
	c.out = errWriter{syscall.ENOSPC}
	for _, format := range formats {
		c.run(t.Context(), exitFailed, "export", "--format", format)
		if got := c.errors.String(); !strings.HasSuffix(got, "; the export on standard output is incomplete\n") {
			t.Errorf("%s: it says %q", format, got)
		}
	}
}
