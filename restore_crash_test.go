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
	"strings"
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
		_, err = doorlog.Restore(context.Background(), bytes.NewReader(backup), to, nil)
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
	if err == nil && !maps.Equal(got, files) {
		err = fmt.Errorf("the store has %d files, or others, and should have %d", len(got), len(files))
	}
	return err
}

// A power cut at any moment of a Restore leaves the whole store, or none.
func TestPowerCutLeavesTheWholeRestoredStoreOrNone(t *testing.T) {
	needStrace(t)
	images := extent(200, 1500, 10_000)
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
		eachImage(replay(t, &traced), images, func(c *cut) {
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
	if kills < 10 {
		t.Errorf("only %d kills", kills)
	}
}
