//go:build unix && !solaris && !illumos && !aix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/newfile"
)

// A backup removes what killed ones left at the same place. What another process is writing
// stays, and so do files whose names only look alike.
func TestBackupRemovesWhatKilledOnesLeft(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"DB_PATH", "THUMBNAILS_DIR"} {
		t.Setenv(name, "")
	}
	makeFull(t)
	unfinished, giveUp := writeForLong(t, "b")
	stay := []string{unfinished, ".b.new-", ".b.new-1x", ".bb.new-12", "b.new-12", ".other.new-12"}
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
	giveUp()
	if _, err := os.Stat(unfinished); err == nil {
		t.Errorf("%s is still there", unfinished)
	}
}

// writeForLong begins to write a file in this folder. It returns the name that the file has
// meanwhile, and what ends the writing without a file.
func writeForLong(t *testing.T, name string) (unfinished string, giveUp func()) {
	t.Helper()
	begun, end, ended := make(chan bool), make(chan bool), make(chan error)
	errGivenUp := errors.New("given up")
	go func() {
		ended <- newfile.Write(name, true, func(io.Writer, func() error) error {
			close(begun)
			<-end
			return errGivenUp
		})
	}()
	<-begun
	found, err := filepath.Glob("." + name + ".new-*")
	if err != nil || len(found) != 1 {
		t.Fatalf("the unfinished file is %q, %v", found, err)
	}
	return found[0], func() {
		t.Helper()
		close(end)
		if err := <-ended; !errors.Is(err, errGivenUp) {
			t.Errorf("writing ended with %v", err)
		}
	}
}
