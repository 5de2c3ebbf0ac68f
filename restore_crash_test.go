//go:build linux

package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/doorlog/doorlog"
)

// restoreIsWholeOrNot says what is wrong with what a Restore left that came to
// no end, or, with ended, to its end: its place must be whole, or not there. Then
// it is restored again.
func restoreIsWholeOrNot(dir string, backup []byte, files map[string]string, ended bool) error {
	to := restoreTo(dir)
	_, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		if ended {
			return errors.New("it has ended, and the store is not there")
		}
		_, err = doorlog.Restore(context.Background(), to, bytes.NewReader(backup), nil)
	}
	if err != nil {
		return err
	}
	got := make(map[string]string)
	err = filepath.WalkDir(to, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		got[strings.TrimPrefix(name, to+"/")] = string(data)
		return err
	})
	if err == nil { // each Restore begins an incarnation, so that no two files are the same to the byte
		err = isSmallStore(to)
		got["events.db"] = files["events.db"]
	}
	if err == nil && !maps.Equal(got, files) {
		err = fmt.Errorf("the store has %d files, or others, and should have %d", len(got), len(files))
	}
	return err
}

// A power cut at any moment of a Restore leaves the whole store, or none.
func TestPowerCutLeavesTheWholeRestoredStoreOrNone(t *testing.T) {
	needStrace(t)
	images := extent(200, 600, 10_000)
	backup, files := smallBackup(t)
	dir := filepath.Join(fastFolder(t), "disk")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(restoreFrom(dir), backup, 0o600)); err != nil {
		t.Fatal(err)
	}
	run := runTraced(t, workloadRun{dir: dir, script: restoreScript})
	if run.err != nil {
		t.Fatalf("%v: %s", run.err, run.stderr)
	}
	judgeRestore := func(calls []*call) (bad int, example error) {
		traced := *run
		traced.calls = calls
		n := 0
		eachImage(replay(t, &traced, 0), images, func(c *cut) {
			n++
			at := filepath.Join(fastFolder(t), "image")
			err := c.image.put(at)
			if err == nil {
				err = restoreIsWholeOrNot(at, backup, files, c.moment.said.ended)
			}
			if err != nil {
				bad++
				example = fmt.Errorf("%v\n%w", c, err)
			}
			if err := os.RemoveAll(at); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%d different images, %d bad", n, bad)
		if n < 50 {
			t.Errorf("only %d images", n)
		}
		return bad, example
	}
	if bad, example := judgeRestore(run.calls); bad > 0 {
		t.Error(example)
	}
	// It is worth nothing unless it notices what a missing sync loses.
	var unsynced []*call
	for _, c := range run.calls {
		if !strings.HasSuffix(c.name, "sync") {
			unsynced = append(unsynced, c)
		}
	}
	if bad, _ := judgeRestore(unsynced); bad == 0 {
		t.Error("that nothing is synced goes unnoticed")
	}
}

// Killed at any call that changes the disk, a Restore leaves the whole store, or
// none, and the next one succeeds.
func TestKilledRestoreLeavesTheWholeStoreOrNone(t *testing.T) {
	needStrace(t)
	backup, files := smallBackup(t)
	parent := fastFolder(t)
	kills := 0
	for _, name := range []string{"write", "fsync", "openat", "mkdirat", "renameat", "renameat2", "rename"} {
		eachNth(func(n int) bool {
			dir := filepath.Join(parent, fmt.Sprint(name, n))
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(restoreFrom(dir), backup, 0o600)); err != nil {
				t.Fatal(err)
			}
			out, err := workloadRun{dir: dir, script: restoreScript, fault: fault{"?" + name, "signal=KILL", n}}.command(t).Output()
			ended := strings.Contains(string(out), saidEnd)
			if !ended && !wasKilled(err) {
				t.Fatalf("%s %d: %v: %s", name, n, err, stderrOf(err))
			}
			if !ended {
				kills++
			}
			if err := restoreIsWholeOrNot(dir, backup, files, ended); err != nil {
				t.Errorf("%s %d: %v", name, n, err)
			}
			wantOnly(t, dir, "restored")
			return !ended && !t.Failed()
		})
	}
	t.Logf("%d kills", kills)
	if kills < extent(6, 10, 10) {
		t.Errorf("only %d kills", kills)
	}
}

// restoredWith restores a backup in another process, in which a call may fail, to
// a place where an empty folder is, or nothing.
func restoredWith(t *testing.T, backup []byte, empty bool, f fault) *tracedRun {
	t.Helper()
	dir := filepath.Join(fastFolder(t), "disk")
	err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(restoreFrom(dir), backup, 0o600))
	if err == nil && empty {
		err = os.Mkdir(restoreTo(dir), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return runTraced(t, workloadRun{dir: dir, script: restoreScript, fault: f})
}

// startsOfRestore returns where a Restore begins to make calls.
func startsOfRestore(t *testing.T, backup []byte, empty bool) []start {
	t.Helper()
	run := restoredWith(t, backup, empty, fault{})
	if run.err != nil {
		t.Fatalf("%v: %s", run.err, run.stderr)
	}
	from := slices.IndexFunc(run.calls, (*call).isSpeech)
	var names []string
	for _, c := range run.calls[from+1:] {
		if !slices.Contains(names, c.name) && !strings.HasPrefix(c.name, "epoll_") { // Go's own
			names = append(names, c.name)
		}
	}
	return run.startsFrom(from, names)
}

// Whatever call of a Restore fails, it says so, and leaves the whole store or
// nothing, or it did not need it. The next one succeeds.
func TestFailedCallOfARestoreLeavesTheWholeStoreOrNothing(t *testing.T) {
	needStrace(t)
	backup, files := smallBackup(t)
	var failures, errs atomic.Int64
	eachCall := func(t *testing.T, starts []start, empty bool) {
		for _, from := range starts {
			name := from.name
			for errno := range injected {
				if errno == "ENOSPC" && !*long && !*whole && name != "write" && name != "openat" {
					continue
				}
				t.Run(fmt.Sprint(from, " ", errno, " ", empty), func(t *testing.T) {
					t.Parallel()
					each := from.eachNth
					if *long && errno == "EIO" && (strings.HasPrefix(name, "pread") || strings.Contains(name, "fstatat")) {
						each = func(try func(int) bool) { // of those that have been taken for something else
							for n := from.before + 1; try(n); n++ {
							}
						}
					}
					each(func(n int) bool {
						run := restoredWith(t, backup, empty, fault{name, "error=" + errno, n})
						at := slices.IndexFunc(run.calls, func(c *call) bool { return strings.Contains(c.text, "(INJECTED)") })
						if at < 0 {
							return false
						}
						c := run.calls[at]
						if !slices.ContainsFunc(run.calls[:at], (*call).isSpeech) {
							return true // another thread, before it comes to the Restore
						}
						if strings.Contains(run.stderr, "netpollBreak write failed") || strings.HasPrefix(c.name, "mmap") && c.args[4] == "-1" {
							return true // Go's own
						}
						failures.Add(1)
						if !run.restoredOrNothing(t, errno, backup, files) {
							errs.Add(1)
						}
						if t.Failed() {
							t.Errorf("%d. call of %s: %.100s: %s", n, name, c.text, run.stderr)
						}
						return !t.Failed()
					})
				})
			}
		}
	}
	t.Run("of", func(t *testing.T) {
		starts := startsOfRestore(t, backup, false)
		eachCall(t, starts, false)
		more := startsOfRestore(t, backup, true)
		if !*whole {
			more = slices.DeleteFunc(more, func(m start) bool {
				return slices.ContainsFunc(starts, func(s start) bool { return s.name == m.name })
			})
		}
		if len(more) == 0 {
			t.Error("to take the place of a folder takes no call")
		}
		eachCall(t, more, true)
	})
	t.Logf("%d failed calls, of which %d failed the Restore", failures.Load(), errs.Load())
	if errs.Load() < 10 {
		t.Error("they are too few")
	}
}

// restoredOrNothing fails unless a Restore in which a call failed with errno has
// left what it may leave.
func (run *tracedRun) restoredOrNothing(t *testing.T, errno string, backup []byte, files map[string]string) (ended bool) {
	t.Helper()
	said := ""
	for _, c := range run.calls {
		if c.isSpeech() {
			text, err := c.bytes(1)
			if err != nil {
				t.Fatal(err)
			}
			said += string(text)
		}
	}
	ended = strings.Contains(said, saidEnd)
	if !ended && !strings.Contains(said, saidFailed+" "+errno) {
		t.Errorf("the error is not %s, or not clear", errno)
	}
	_ = os.Remove(restoreTo(run.dir)) // the folder that was there, and is empty still
	if _, err := os.Stat(restoreTo(run.dir)); err == nil {
		wantOnly(t, run.dir, "restored")
	} else {
		wantOnly(t, run.dir)
	}
	if err := restoreIsWholeOrNot(run.dir, backup, files, ended); err != nil {
		t.Error(err)
	}
	wantOnly(t, run.dir, "restored")
	return ended
}
