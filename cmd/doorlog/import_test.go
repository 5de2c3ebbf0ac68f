package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/jsoninput"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// Bad lines may be anywhere, and may fail to decode or be refused by the store. Without
// --rejects the lines before the first are kept and no others. With it all others are kept.
func TestImportKeepsWhatIsBeforeABadLine(t *testing.T) {
	const lines = batchLines + 100
	refused := strings.Replace(jsonLine(t, 1), `"c"`, `""`, 1)
	for i, bad := range []map[int]string{
		{},
		{1: refused},
		{lines: "{"},
		{700: refused, 701: "{", 702: refused},
		{batchLines: "{", batchLines + 1: refused},
		{batchLines + 2: refused, batchLines + 3: refused, batchLines + 50: "7"},
		{batchLines - 1: "{", batchLines - 2: refused},
	} {
		var file, badLines strings.Builder
		first, kept := lines+1, []string{}
		for n := 1; n <= lines; n++ {
			if text, ok := bad[n]; ok {
				first = min(first, n)
				file.WriteString(text + "\n")
				badLines.WriteString(text + "\n")
				continue
			}
			file.WriteString(jsonLine(t, n) + "\n")
			kept = append(kept, fmt.Sprint(n))
		}
		mode := [][]string{nil, {"--once"}}[i%2]
		c := newCLI(t)
		c.in = strings.NewReader(file.String())
		if first > lines {
			c.run(t.Context(), exitOK, append([]string{"import", "-"}, mode...)...)
		} else {
			c.run(t.Context(), exitFailed, append([]string{"import", "-"}, mode...)...)
			if want := fmt.Sprintf("import -: line %d: ", first); !strings.Contains(c.errors.String(), want) {
				t.Errorf("%v: %q does not say %q", bad, c.errors.String(), want)
			}
		}
		if got := c.recordings(); strings.Join(got, " ") != strings.Join(kept[:first-1], " ") {
			t.Errorf("%v: %d events are kept, want the %d before the bad line", bad, len(got), first-1)
		}

		c = newCLI(t)
		c.in = strings.NewReader(file.String())
		rejects := filepath.Join(t.TempDir(), "rejects")
		c.run(t.Context(), exitOK, append([]string{"import", "-", "--rejects", rejects}, mode...)...)
		if got := c.recordings(); strings.Join(got, " ") != strings.Join(kept, " ") {
			t.Errorf("%v: with --rejects %d events are kept, want %d", bad, len(got), len(kept))
		}
		if got, err := os.ReadFile(rejects); err != nil || string(got) != badLines.String() {
			t.Errorf("%v: the rejects are %q, %v; want %q", bad, got, err, badLines.String())
		}
	}
}

func TestImportSaysWhichLineIsTooLong(t *testing.T) {
	in := jsonLine(t, 1) + "\n" + strings.Repeat(" ", jsoninput.MaxBytes+1) + "\n" + jsonLine(t, 3) + "\n"
	c := newCLI(t)
	c.in = strings.NewReader(in)
	c.run(t.Context(), exitFailed, "import", "-")
	if !strings.Contains(c.errors.String(), "line 2: is longer than 16 MiB\n") {
		t.Errorf("the error is %q", c.errors.String())
	}
	if got := c.recordings(); len(got) != 1 || got[0] != "1" {
		t.Errorf("kept are %q, want the first", got)
	}

	c.in = strings.NewReader(in)
	rejects := filepath.Join(t.TempDir(), "rejects")
	c.run(t.Context(), exitOK, "import", "-", "--once", "--rejects", rejects, "--json")
	if got := c.recordings(); len(got) != 2 || got[1] != "3" {
		t.Errorf("kept are %q, want the first and the third", got)
	}
	var sum importSummary
	if err := json.Unmarshal(c.printed.Bytes(), &sum); err != nil || sum.Imported != 1 || sum.Existed != 1 || sum.Rejected != 1 {
		t.Errorf("the summary is %s, %v", c.printed.String(), err)
	}
	if got, err := os.ReadFile(rejects); err != nil || len(got) > 0 {
		t.Errorf("the rejects have %d bytes, %v; want none", len(got), err)
	}
}

// readBatches has a goroutine read the input, and returns the batches that it sends.
func readBatches(t *testing.T, in io.Reader) <-chan batch {
	t.Helper()
	r := &batchReader{out: make(chan batch)}
	go func() {
		from, err := jsoninput.New(in)
		if err != nil {
			t.Error(err)
			return
		}
		r.read(t.Context(), from)
	}()
	return r.out
}

// A pipe may deliver one line now and the next one tomorrow.
func TestImportDoesNotHoldBackWhatAPipeDelivered(t *testing.T) {
	in, pipe := io.Pipe()
	batches := readBatches(t, in)
	for n := 1; n <= 2; n++ {
		if _, err := io.WriteString(pipe, jsonLine(t, n)+"\n"); err != nil {
			t.Fatal(err)
		}
		if b := <-batches; len(b.good) != 1 || b.end != nil || b.bytes != int64(len(jsonLine(t, n))+1) {
			t.Fatalf("after line %d there are %d lines, %d bytes, %v", n, len(b.good), b.bytes, b.end)
		}
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	if b := <-batches; !errors.Is(b.end, io.EOF) || len(b.good) > 0 {
		t.Errorf("at the end there are %d lines, %v", len(b.good), b.end)
	}
}

func TestLongLinesAreWrittenInSmallerBatches(t *testing.T) {
	const padding = 1 << 20
	var in strings.Builder
	for n := 1; n <= 20; n++ {
		in.WriteString(strings.Repeat(" ", padding) + jsonLine(t, n) + "\n")
	}
	batches := readBatches(t, strings.NewReader(in.String()))
	var sizes []int
	for b := (batch{}); b.end == nil; {
		b = <-batches
		sizes = append(sizes, len(b.good))
	}
	if want := []int{batchBytes / padding, batchBytes / padding, 4, 0}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v lines, want %v", sizes, want)
	}
}

func TestTheProgressOfAnImportIsThatOfItsBytes(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var screen bytes.Buffer
	a := &app{err: terminal.NewErrorWriter(&screen, terminal.Screen{}, true)}
	w := &batchWriter{st: &fileStore{Store: st}, bar: a.progress(1000, "importing")}
	line := inputLine{place: jsoninput.Place{Line: 1}, event: doorlog.Event{Camera: "c", Type: doorlog.Motion, RecordedAt: day}}
	if err := w.take(t.Context(), batch{good: []inputLine{line}, bytes: 500}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(screen.String(), " 50% ") {
		t.Errorf("halfway there is %q", screen.String())
	}
}

func TestAnImportSaysWhatIsNoText(t *testing.T) {
	for in, want := range map[string]string{
		"\x1f\x8b\x08\x00\x00\x00\n":    "import -: is gzip: unpack it first, as in: zcat FILE | doorlog import -\n",
		"\xff\xfe{\x00\"\x00\n\x00":     "import -: is UTF-16: convert it to UTF-8 first, ",
		"\xfe\xff\x00{\x00\"\x00\n":     "import -: is UTF-16: convert it to UTF-8 first, ",
		jsonLine(t, 1) + "\n\x1f\x8b\n": "line 2: is not JSON: ",
	} {
		c := newCLI(t)
		c.in = strings.NewReader(in)
		c.run(t.Context(), exitFailed, "import", "-")
		if !strings.Contains(c.errors.String(), want) {
			t.Errorf("%q: it says %q, want %q", in, c.errors.String(), want)
		}
	}
}

func TestAnImportCanBeInterrupted(t *testing.T) {
	c := newCLI(t)
	in, pipe := io.Pipe()
	c.in = in
	ctx, interrupt := context.WithCancel(t.Context())
	lines := []string{jsonLine(t, 1), jsonLine(t, 2), jsonLine(t, 3)}
	go func() {
		// When the third is read, the second waits to be written, so the first is written.
		for _, line := range lines {
			_, _ = io.WriteString(pipe, line+"\n")
		}
		interrupt()
	}()
	c.run(ctx, exitFailed, "import", "-")
	if !strings.HasSuffix(c.errors.String(), "doorlog: interrupted\n") {
		t.Errorf("it says %q", c.errors.String())
	}
	got := c.recordings() // the store is whole, and closed
	if len(got) == 0 || !slices.Equal(got, []string{"1", "2", "3"}[:len(got)]) {
		t.Errorf("kept are %q", got)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFailureToReadKeepsWhatWasRead(t *testing.T) {
	c := newCLI(t)
	c.in = io.MultiReader(strings.NewReader(jsonLine(t, 1)+"\n{\"camera_id"), errReader{errors.New("cable pulled")})
	c.run(t.Context(), exitFailed, "import", "-")
	if !strings.Contains(c.errors.String(), "after line 1: cable pulled") {
		t.Errorf("it says %q", c.errors.String())
	}
	if got := c.recordings(); len(got) != 1 {
		t.Errorf("kept are %q", got)
	}
}

func TestAReaderThatGoesAwayIsNoError(t *testing.T) {
	c := newCLI(t)
	c.in = strings.NewReader(jsonLine(t, 1) + "\n" + jsonLine(t, 2))
	c.run(t.Context(), exitOK, "import", "-")
	for _, args := range [][]string{
		{"recent"},
		{"recent", "--json"},
		{"recent", "--jsonl"},
		{"persons", "list"},
		{"version"},
		{"help"},
		{"write", "--camera", "c"},
		{"completion", "bash"},
	} {
		c.out = errWriter{syscall.EPIPE}
		c.run(t.Context(), exitOK, args...)
		if c.errors.Len() > 0 {
			t.Errorf("%v: %q", args, c.errors.String())
		}
		c.out = errWriter{syscall.ENOSPC}
		c.run(t.Context(), exitFailed, args...)
		if !strings.HasPrefix(c.errors.String(), "doorlog: ") {
			t.Errorf("%v: a full disk shows as %q", args, c.errors.String())
		}
	}
}

func TestAStoreInUseIsALockedOne(t *testing.T) {
	c := newCLI(t)
	st, err := doorlog.Open(c.db, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"recent"},
		{"persons", "add", "alice"},
		{"demo", "--dir", filepath.Dir(c.db)},
		{"verify"},
		{"repair", "--yes"},
		{"salvage", c.db + ".new"},
	} {
		cmd := newRootCommand(&app{out: io.Discard, err: io.Discard, now: time.Now, patience: -1})
		cmd.SetArgs(args)
		err := cmd.ExecuteContext(t.Context())
		if !errors.Is(err, doorlog.ErrLocked) || !strings.Contains(err.Error(), "wait for it to end") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	// A reader does not keep out other readers.
	st, err = doorlog.Open(c.db, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	c.run(t.Context(), exitOK, "recent")
	c.run(t.Context(), exitOK, "verify")
	c.run(t.Context(), exitOK, "salvage", c.db+".new")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// Commands that run at the same moment take turns, also with commands that read.
func TestACommandWaitsForAnotherToEnd(t *testing.T) {
	if !*long {
		t.Skip("waits: -long")
	}
	for _, args := range [][]string{{"recent"}, {"write", "--camera", "c"}} {
		c := newCLI(t)
		st, err := doorlog.Open(c.db, nil)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		time.AfterFunc(1500*time.Millisecond, func() { closed <- st.Close() })
		c.run(t.Context(), exitOK, args...)
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
	}
}
