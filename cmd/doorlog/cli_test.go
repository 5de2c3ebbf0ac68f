package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// cli runs a command in this process, on a database of the test's own.
type cli struct {
	t       testing.TB
	db      string
	in      io.Reader
	out     io.Writer
	printed bytes.Buffer
	errors  bytes.Buffer
}

func newCLI(t testing.TB) *cli {
	dir := t.TempDir()
	c := &cli{t: t, db: filepath.Join(dir, "events.db"), in: strings.NewReader("")}
	t.Setenv("DB_PATH", c.db)
	t.Setenv("THUMBNAILS_DIR", filepath.Join(dir, "thumbnails"))
	c.out = &c.printed
	return c
}

// run runs a command, which must end with this exit code.
func (c *cli) run(ctx context.Context, code int, args ...string) {
	c.t.Helper()
	c.printed.Reset()
	c.errors.Reset()
	if got := run(ctx, args, c.in, c.out, &c.errors); got != code {
		c.t.Fatalf("doorlog %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, c.errors.String())
	}
}

// recordings returns the recording of every event, the oldest first.
func (c *cli) recordings() []string {
	c.t.Helper()
	st, err := doorlog.Open(c.db, &doorlog.Options{ReadOnly: true})
	if err != nil {
		c.t.Fatal(err)
	}
	defer st.Close()
	var names []string
	for e, err := range st.Events(c.t.Context(), doorlog.Query{OldestFirst: true}) {
		if err != nil {
			c.t.Fatal(err)
		}
		names = append(names, e.RecordingID)
	}
	return names
}

var day = time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC)

func jsonLine(t *testing.T, number int) string {
	line, err := json.Marshal(doorlog.Event{
		Camera: "c", Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(number) * time.Second), RecordingID: fmt.Sprint(number),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }
