package doorlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// takePlace are ways in which the file of an open store loses its name.
var takePlace = map[string]func(t *testing.T, s *testStore) error{
	"moved":        func(_ *testing.T, s *testStore) error { return os.Rename(s.path, s.path+".moved") },
	"removed":      func(_ *testing.T, s *testStore) error { return os.Remove(s.path) },
	"folder moved": func(_ *testing.T, s *testStore) error { return os.Rename(filepath.Dir(s.path), movedFolder(s)) },
	"folder is a file": func(_ *testing.T, s *testStore) error {
		return errors.Join(os.Rename(filepath.Dir(s.path), movedFolder(s)), os.WriteFile(filepath.Dir(s.path), nil, 0o600))
	},
	"replaced by another store": func(t *testing.T, s *testStore) error {
		other := newStore(t)
		other.write(t, motion("other", 1))
		if err := other.Close(); err != nil {
			return err
		}
		return os.Rename(other.path, s.path)
	},
	"replaced by a folder": func(_ *testing.T, s *testStore) error { return errors.Join(os.Remove(s.path), os.Mkdir(s.path, 0o700)) },
	"link leads elsewhere": func(_ *testing.T, s *testStore) error {
		return errors.Join(os.Rename(s.path, s.path+".moved"), os.Symlink("nowhere", s.path))
	},
	"folder replaced by a copy": func(_ *testing.T, s *testStore) error {
		dir := filepath.Dir(s.path)
		return errors.Join(os.Rename(dir, movedFolder(s)), os.CopyFS(dir, os.DirFS(movedFolder(s))))
	},
}

func movedFolder(s *testStore) string { return filepath.Dir(s.path) + ".moved" }

// A write that was acknowledged is in the file that the path leads to: when that
// is another one, or none, writes stop within a second, and reads go on.
func TestStoreWhoseFileWasTakenAwayStopsItsWrites(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: an open file keeps its name on Windows")
	}
	for name, take := range takePlace {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s := newStoreIn(t, dir, doorlog.Options{})
			events := s.write(t, motion("porch", 3), motion("porch", 2))
			if err := take(t, s); err != nil {
				t.Fatal(err)
			}
			before := filesBelow(t, dir)
			var err error
			for begun := time.Now(); err == nil && time.Since(begun) < 2*time.Second; {
				var id doorlog.ID
				if id, err = idOf(s.WriteEvent(t.Context(), motion("porch", 1))); err == nil {
					events = append(events, asStored(motion("porch", 1), id))
				}
			}
			wantError(t, err, doorlog.ErrFailed, " at "+s.path)
			wantError(t, err, doorlog.ErrMoved, "moved or removed")
			_, err = s.WriteEventWithFrame(t.Context(), motion("porch", 1), jpegFrame(t, 64, 64))
			wantError(t, err, doorlog.ErrMoved, "")
			wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), events)
			st := s.stats(t)
			wantError(t, st.Stopped, doorlog.ErrMoved, " at "+s.path)
			if !st.Moved {
				t.Error("Stats do not say that the file has moved")
			}
			if n := strings.Count(s.log.String(), "no more writes"); n != 1 {
				t.Errorf("the log says %d times that there are no more writes:\n%s", n, s.log)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if after := filesBelow(t, dir); after != before {
				t.Errorf("the place that was taken has changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// filesBelow describes what is at a path, and below it, but for what was moved.
func filesBelow(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(name, ".moved") {
			return err
		}
		content := []byte(nil)
		if d.Type().IsRegular() {
			content, err = os.ReadFile(name)
		}
		fmt.Fprintf(&b, "%s %v %08x\n", name, d.Type(), crc32.ChecksumIEEE(content))
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b.String()
}

// Close tells of a file that was taken away if nothing else has noticed.
func TestCloseTellsOfAFileThatWasTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: an open file keeps its name on Windows")
	}
	s := newStore(t)
	s.write(t, motion("porch", 1))
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Close(), doorlog.ErrMoved, "nothing is at "+s.path)
	s.open(t) // an empty one, for the checks at the end
}

// The stats of a store look by themselves, of one that is read-only too; and a
// program that reads them as JSON can tell.
func TestStatsTellOfAFileThatWasTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: an open file keeps its name on Windows")
	}
	s := newStore(t)
	s.write(t, motion("porch", 1))
	for _, readOnly := range []bool{false, true} {
		s.options.ReadOnly = readOnly
		s.reopen(t)
		if st := s.stats(t); st.Moved || st.Stopped != nil {
			t.Fatalf("moved %v, stopped %v, before it was", st.Moved, st.Stopped)
		}
		if err := os.Rename(s.path, s.path+".moved"); err != nil {
			t.Fatal(err)
		}
		st := s.stats(t)
		if !st.Moved || (st.Stopped != nil) == readOnly {
			t.Errorf("read-only %v: moved %v, stopped %v", readOnly, st.Moved, st.Stopped)
		}
		text, err := json.Marshal(st)
		var back doorlog.Stats
		if err := errors.Join(err, json.Unmarshal(text, &back)); err != nil {
			t.Fatal(err)
		}
		if !back.Moved || !readOnly && !errors.Is(back.Stopped, doorlog.ErrMoved) {
			t.Errorf("%s is read as moved %v, stopped %v", text, back.Moved, back.Stopped)
		}
		if len(s.all(t, doorlog.Query{})) != 1 {
			t.Error("reads do not go on")
		}
		if err := os.Rename(s.path+".moved", s.path); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteEvent(t.Context(), motion("porch", 1)); !readOnly {
			wantError(t, err, doorlog.ErrMoved, "") // until it is opened again
		}
	}
}

// Relative paths stay those of the folder in which the store was opened.
func TestStoreOfARelativePathOutlivesAChangeOfFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	s := &testStore{path: "events.db", options: doorlog.Options{ThumbnailDir: "pictures"}}
	s.open(t)
	t.Chdir(t.TempDir())
	id, err := idOf(s.WriteEventWithFrame(t.Context(), motion("porch", 1), jpegFrame(t, 64, 64)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Thumbnail(t.Context(), id); err != nil {
		t.Error(err)
	}
	if st := s.stats(t); st.Moved || st.Stopped != nil {
		t.Errorf("moved %v, stopped %v", st.Moved, st.Stopped)
	}
	if runtime.GOOS != "windows" {
		if _, err := s.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if here, err := os.ReadDir("."); err != nil || len(here) > 0 {
		t.Errorf("the folder of later has %v: %v", here, err)
	}
}

// A store that is opened through a link is the file to which that leads.
func TestStoreBehindALinkThatIsSetAnew(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := s.path
	s.path = filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(file, s.path); err != nil {
		t.Skip("SKIP: no links here: ", err)
	}
	s.open(t)
	s.write(t, motion("porch", 1))
	if st := s.stats(t); st.Moved {
		t.Fatal("moved")
	}
	other := newStore(t)
	if err := errors.Join(os.Remove(s.path), os.Symlink(other.path, s.path)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compact(t.Context()); runtime.GOOS != "windows" {
		wantError(t, err, doorlog.ErrMoved, "another file is at "+s.path)
	}
	if st := s.stats(t); !st.Moved {
		t.Error("Stats do not say that the link leads elsewhere")
	}
}

// Compactions, each of which puts another file in the place, are no reason to stop.
func TestStatsBesideCompactionsKeepTheStoreGoing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: no compaction on Windows")
	}
	s := newStore(t)
	s.household(t, 100)
	done := make(chan error, 1)
	go func() {
		var err error
		for range 20 {
			_, cerr := s.Compact(t.Context())
			err = errors.Join(err, cerr)
		}
		done <- err
	}()
	for {
		if st := s.stats(t); st.Moved || st.Stopped != nil {
			t.Errorf("moved %v, stopped %v", st.Moved, st.Stopped)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}
