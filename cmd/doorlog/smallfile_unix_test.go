//go:build unix && !solaris && !illumos && !aix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where a small file is expected there may be a pipe, which would be waited for, or
// /dev/zero, which is endless. That is an error at once.
func TestFilesThatAreNoneEndNoCommand(t *testing.T) {
	laughs := "A0=" + strings.Repeat("x", 1000) + "\n"
	for i := range 60 {
		laughs += fmt.Sprintf("A%d=${A%d}${A%d}\n", i+1, i, i)
	}
	laughs += "DB_PATH=${A60}\n"
	pipe := func(name string) error { return syscall.Mkfifo(name, 0o600) }
	for name, c := range map[string]struct {
		put  func() error
		args []string
		env  string
		says string
		code int
	}{
		".env is a pipe":        {func() error { return pipe(".env") }, []string{"recent"}, "", ".env: is not a regular file; use --db", exitFailed},
		".env is endless":       {func() error { return os.Symlink("/dev/zero", ".env") }, []string{"recent"}, "", ".env: is not a regular file", exitFailed},
		".env is a folder":      {func() error { return os.Mkdir(".env", 0o700) }, []string{"recent"}, "", ".env: is not a regular file", exitFailed},
		".env is huge":          {func() error { return hugeFile(".env") }, []string{"recent"}, "", ".env: is too large: it has more than 65536 bytes", exitFailed},
		".env is of itself":     {func() error { return os.WriteFile(".env", []byte(laughs), 0o600) }, []string{"recent"}, "", "it refers to its own names more than 16 times", exitFailed},
		"the same, hidden":      {func() error { return os.WriteFile(".env", []byte(strings.ReplaceAll(laughs, "=", "\v\u00a0=")), 0o600) }, []string{"recent"}, "", "refers to its own names", exitFailed},
		"database is a pipe":    {func() error { return pipe("events.db") }, []string{"recent"}, "", "it is no regular file", exitFailed},
		"verify of a pipe":      {func() error { return pipe("events.db") }, []string{"verify"}, "", "it is no regular file", exitFailed},
		"salvage of a pipe":     {func() error { return pipe("events.db") }, []string{"salvage", "new.db"}, "", "it is no regular file", exitFailed},
		"thumbnails are a pipe": {func() error { return pipe("thumbnails") }, []string{"write", "--camera", "porch", "--frame", "frame.jpg"}, "", "thumbnails: not a directory", exitOK},
		"verify of such":        {func() error { return pipe("thumbnails") }, []string{"verify", "--db", "full/events.db", "--thumbnails", "thumbnails"}, "", "", exitDamaged},
		"backup of such":        {func() error { return pipe("thumbnails") }, []string{"backup", "b", "--db", "full/events.db", "--thumbnails", "thumbnails"}, "", "not a directory", exitDamaged},
		"prune of such":         {func() error { return pipe("thumbnails") }, []string{"prune", "--max-events", "1", "--yes", "--db", "full/events.db", "--thumbnails", "thumbnails"}, "", "", exitOK},
		"thumbnail is a pipe":   {func() error { return pipesInside("full/thumbnails", ".jpg") }, []string{"backup", "b", "--db", "full/events.db"}, "", "is not a file", exitDamaged},
		"backup file is a pipe": {func() error { return pipe("b") }, []string{"backup", "b", "--force", "--db", "full/events.db"}, "", "is not a regular file", exitFailed},
		"restoring is a pipe":   {func() error { return pipe(".to.restoring") }, []string{"restore", "full.backup", "--to", "to"}, "", "is in the way", exitFailed},
		"TZ is a pipe":          {func() error { return pipe("zone") }, []string{"recent", "--db", "full/events.db"}, "zone", "time zone is not understood", exitOK},
		"names of a .env go on": {func() error {
			return os.WriteFile(".env", []byte("DIR=full\nX=$2b$10$y\nDB_PATH=${DIR}/events.db\n"), 0o600)
		}, []string{"verify", "--json"}, "", "", exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, name := range []string{"DB_PATH", "THUMBNAILS_DIR", "TZ"} {
				t.Setenv(name, "")
			}
			makeFull(t)
			if err := c.put(); err != nil {
				t.Fatal(err)
			}
			if c.env != "" {
				here, _ := os.Getwd()
				t.Setenv("TZ", ":"+filepath.Join(here, c.env))
			}
			var out, errOut bytes.Buffer
			ended := make(chan int, 1)
			go func() { ended <- run(context.Background(), c.args, strings.NewReader(""), &out, &errOut) }()
			select {
			case code := <-ended:
				if code != c.code || !strings.Contains(errOut.String(), c.says) {
					t.Errorf("code %d, %s%s\nwant code %d and %q", code, out.String(), errOut.String(), c.code, c.says)
				}
			case <-time.After(10 * time.Second):
				stacks := make([]byte, 1<<16)
				t.Fatalf("it does not end:\n%s", stacks[:runtime.Stack(stacks, true)])
			}
		})
	}
}

// makeFull makes a store with a picture in the folder full, a backup of it and a frame.
func makeFull(t *testing.T) {
	t.Helper()
	if err := makeFrames("."); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"write", "--camera", "porch", "--frame", "frame.jpg", "--db", "full/events.db", "--thumbnails", "full/thumbnails"},
		{"backup", "full.backup", "--db", "full/events.db", "--thumbnails", "full/thumbnails"},
	} {
		if err := os.MkdirAll("full", 0o700); err != nil {
			t.Fatal(err)
		}
		var errOut bytes.Buffer
		if code := run(context.Background(), args, strings.NewReader(""), &errOut, &errOut); code != exitOK {
			t.Fatalf("%v: %d: %s", args, code, errOut.String())
		}
	}
}

func hugeFile(name string) error {
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(name, 1<<40)
}

// pipesInside puts a pipe in the place of each file with this ending.
func pipesInside(dir, ending string) error {
	return filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ending) {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		return syscall.Mkfifo(name, 0o600)
	})
}
