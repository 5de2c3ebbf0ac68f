package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// onWrite has the command print into c.printed, and calls a function after its first write.
func (c *cli) onWrite(first func()) {
	c.out = writerFunc(func(p []byte) (int, error) {
		n, err := c.printed.Write(p)
		if first != nil {
			f := first
			first = nil
			f()
		}
		return n, err
	})
}

// writer opens the store as another process would, without waiting.
func (c *cli) writer() *doorlog.Store {
	c.t.Helper()
	st, err := doorlog.Open(c.db, &doorlog.Options{LockTimeout: -1})
	if err != nil {
		c.t.Fatal(err)
	}
	return st
}

// withWriter calls use with the store of another process.
func (c *cli) withWriter(use func(*doorlog.Store) error) {
	c.t.Helper()
	st := c.writer()
	if err := errors.Join(use(st), st.Close()); err != nil {
		c.t.Fatal(err)
	}
}

// write writes events of these cameras.
func (c *cli) write(cameras ...string) {
	c.t.Helper()
	c.withWriter(func(st *doorlog.Store) error {
		for i, name := range cameras {
			if _, err := st.WriteEvent(c.t.Context(), doorlog.Event{Camera: name, Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(i))}); err != nil {
				return err
			}
		}
		return nil
	})
}

// behind returns how many changes a consumer has yet to get.
func (c *cli) behind(name string) (n int) {
	c.t.Helper()
	c.withWriter(func(st *doorlog.Store) error {
		list, err := st.Consumers(c.t.Context())
		for _, info := range list {
			if info.Name == name {
				n = info.Behind
				return nil
			}
		}
		return errors.Join(err, errors.New("there is no consumer "+name))
	})
	return n
}

// cameras returns the cameras of the changes that were printed as JSON lines.
func (c *cli) cameras() string {
	c.t.Helper()
	var names []string
	for line := range strings.Lines(c.printed.String()) {
		var change doorlog.Change
		if err := json.Unmarshal([]byte(line), &change); err != nil {
			c.t.Fatalf("%v in %s", err, line)
		}
		names = append(names, change.Event.Camera)
	}
	return strings.Join(names, " ")
}

func TestFollowEndsQuietlyWhenItIsInterrupted(t *testing.T) {
	c := newCLI(t)
	for _, form := range [][]string{{"--jsonl"}, {}} {
		c.write("porch", "garage")
		ctx, interrupt := context.WithCancel(t.Context())
		c.onWrite(interrupt)
		c.run(ctx, exitOK, append([]string{"changes", "--follow", "--consumer", "fleet"}, form...)...)
		if c.errors.Len() > 0 || !strings.Contains(c.printed.String(), "garage") {
			t.Errorf("printed %s and %s", &c.printed, &c.errors)
		}
		if n := c.behind("fleet"); n != 0 {
			t.Errorf("what was printed is not acknowledged: %d", n)
		}
	}
}

func TestWhatCannotBePrintedIsNotAcknowledged(t *testing.T) {
	c := newCLI(t)
	c.write("porch", "garage")
	for _, form := range []string{"--jsonl", "--json", "--tz=UTC"} {
		c.out = errWriter{errors.New("the disk is full")}
		c.run(t.Context(), exitFailed, "changes", "--consumer", "fleet", form)
		c.out = errWriter{syscall.EPIPE}
		c.run(t.Context(), exitOK, "changes", "--consumer", "fleet", form)
		if n := c.behind("fleet"); n != 2 {
			t.Errorf("%s: the consumer is %d behind, want 2", form, n)
		}
	}
}

// While a command prints, it does not have the database open.
func TestASlowReaderOfChangesKeepsNobodyFromWriting(t *testing.T) {
	for _, args := range [][]string{{}, {"--consumer", "fleet"}, {"--follow", "--every", "1ms"}} {
		c := newCLI(t)
		c.write("porch")
		c.onWrite(func() { c.write("meanwhile") })
		c.run(t.Context(), exitOK, append([]string{"changes", "--jsonl", "--limit", "1"}, args...)...)
		if got := c.cameras(); got != "porch" {
			t.Errorf("%v: %s", args, got)
		}
	}
}

func TestFollowWaitsForAnotherProcess(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	other := c.writer()
	closed := false
	c.onWrite(nil)
	errOut := writerFunc(func(p []byte) (int, error) {
		if !closed {
			closed = true
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		}
		return c.errors.Write(p)
	})
	if code := run(t.Context(), []string{"changes", "--follow", "--jsonl", "--every", "1ms", "--limit", "1"}, c.in, c.out, errOut); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &c.errors)
	}
	if want := "doorlog: another process has " + c.db + " open: waiting for it to end\n"; c.errors.String() != want {
		t.Errorf("it says %q, want %q", &c.errors, want)
	}
	if got := c.cameras(); got != "porch" {
		t.Errorf("printed %s", got)
	}
}

func TestAConsumerThatIsMovedMeanwhileGoesOnFromThere(t *testing.T) {
	c := newCLI(t)
	c.write("one", "two")
	c.onWrite(func() {
		c.withWriter(func(st *doorlog.Store) error {
			fleet, err := st.Consumer(t.Context(), "fleet", nil)
			if err != nil {
				return err
			}
			return fleet.Ack(t.Context(), doorlog.Cursor{})
		})
	})
	// The place at the beginning is the same as after the move, so let it be another one.
	c.withWriter(func(st *doorlog.Store) error {
		page, err := st.ChangePage(t.Context(), doorlog.Cursor{}, 1, nil)
		if err != nil {
			return err
		}
		_, err = st.Consumer(t.Context(), "fleet", &doorlog.ConsumerOptions{From: page.Next})
		return err
	})
	c.run(t.Context(), exitOK, "changes", "--follow", "--every", "1ms", "--consumer", "fleet", "--jsonl", "--limit", "2")
	if got := c.cameras(); got != "two one" {
		t.Errorf("printed %s", got)
	}
	if n := c.behind("fleet"); n != 1 {
		t.Errorf("the consumer is %d behind, want 1", n)
	}
}

func TestAConsumerThatIsRemovedMeanwhileEndsTheCommand(t *testing.T) {
	c := newCLI(t)
	c.write("one")
	c.onWrite(func() {
		c.withWriter(func(st *doorlog.Store) error { return st.RemoveConsumer(t.Context(), "fleet") })
	})
	c.run(t.Context(), exitFailed, "changes", "--follow", "--every", "1ms", "--consumer", "fleet")
	if !strings.Contains(c.errors.String(), `consumer "fleet": not found`) {
		t.Errorf("it says %s", &c.errors)
	}
}

// A backlog of many looks at the database is printed once, in order.
func TestABacklogIsPrintedOnce(t *testing.T) {
	c := newCLI(t)
	const n = pagesALook*mostPage + 300
	c.withWriter(func(st *doorlog.Store) error {
		events := make([]doorlog.Event, n)
		for i := range events {
			events[i] = doorlog.Event{Camera: "c", Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(i))}
		}
		_, err := st.WriteEvents(t.Context(), events)
		return err
	})
	c.run(t.Context(), exitOK, "changes", "--consumer", "fleet", "--jsonl", "--ids-only")
	seq := uint64(0)
	for line := range strings.Lines(c.printed.String()) {
		var change doorlog.Change
		if err := json.Unmarshal([]byte(line), &change); err != nil || change.Cursor.Seq() != seq+1 {
			t.Fatalf("%d is followed by %s (%v)", seq, line, err)
		}
		seq++
	}
	if behind := c.behind("fleet"); seq != n || behind != 0 {
		t.Errorf("%d changes were printed, and %d are not acknowledged; want %d and 0", seq, behind, n)
	}
}

// A file to which nobody has written need not be read again.
func TestAFileIsStillAsLongAsNobodyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	find := func() (string, error) { return path, nil }
	write := func(age time.Duration) {
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, []byte("text"), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if markOf(find).isStill(markOf(find)) {
		t.Error("a file that is not there is still")
	}
	write(time.Hour)
	old := markOf(find)
	if !markOf(find).isStill(old) {
		t.Error("a file to which nobody has written is not still")
	}
	write(0)
	young := markOf(find)
	if young.isStill(old) {
		t.Error("a file that was written is still")
	}
	if markOf(find).isStill(young) {
		t.Error("a file is still that may be written twice at the same time")
	}
}
