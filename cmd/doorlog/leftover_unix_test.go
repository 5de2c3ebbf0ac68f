//go:build unix && !solaris && !illumos && !aix

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
)

// What a killed backup has left goes with the next one to the same place; what another
// one is writing stays, and so does what only looks alike.
func TestBackupRemovesWhatKilledOnesLeft(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"DB_PATH", "THUMBNAILS_DIR"} {
		t.Setenv(name, "")
	}
	makeFull(t)
	f, unlock, err := createLocked(".", "b")
	if err != nil {
		t.Fatal(err)
	}
	stay := []string{f.Name(), ".b.new-", ".b.new-1x", ".bb.new-12", "b.new-12", ".other.new-12"}
	for _, name := range append(stay[1:], ".b.new-12", ".b.new-4000000000") {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var errOut bytes.Buffer
	args := []string{"backup", "b", "--db", "full/events.db", "--thumbnails", "full/thumbnails"}
	if code := run(context.Background(), args, strings.NewReader(""), &errOut, &errOut); code != exitOK {
		t.Fatalf("%d: %s", code, errOut.String())
	}
	for _, name := range stay {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{".b.new-12", ".b.new-4000000000"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	unlock()
	removeLeftovers(".", "b")
	if _, err := os.Stat(f.Name()); err == nil {
		t.Errorf("%s is still there", f.Name())
	}
	_ = f.Close()
}

// Of many that write to the same place at once none removes what another one writes.
func TestWritersToOnePlaceLeaveEachOther(t *testing.T) {
	dir := t.TempDir()
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				f, unlock, err := createLocked(dir, "b")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(f.Name()); err != nil {
					t.Error(err)
				}
				_ = f.Close()
				if err := os.Remove(f.Name()); err != nil {
					t.Error(err)
				}
				unlock()
			}
		})
	}
	writers.Wait()
}
