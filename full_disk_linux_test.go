package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
)

// A small disk has room for a few megabytes, and can be given more.
type smallDisk struct {
	dir  string
	grow func() error
}

const ballast = 4 << 20

// smallDisks make a disk for a test, or skip it and say why.
var smallDisks = map[string]func(*testing.T) smallDisk{
	"tmpfs": func(t *testing.T) smallDisk {
		dir := t.TempDir()
		mount(t, dir, "size=8m")
		return withBallast(t, dir)
	},
	"ext4": func(t *testing.T) smallDisk {
		image, dir := filepath.Join(t.TempDir(), "disk"), t.TempDir()
		makeExt4(t, image)
		mountAs(t, dir, "ext4", "loop", image)
		return withBallast(t, dir)
	},
	limited: func(t *testing.T) smallDisk {
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		signal.Ignore(syscall.SIGXFSZ) // else the limit ends the process
		limit := func(n uint64) error { return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: old.Max}) }
		if err := limit(4 << 20); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			signal.Reset(syscall.SIGXFSZ)
			if err := limit(old.Cur); err != nil {
				t.Error(err)
			}
		})
		return smallDisk{t.TempDir(), func() error { return limit(old.Cur) }}
	},
}

// The limit is one of the whole process, which may be keeping a log of the tests.
const limited, limitedProcess = "limit on file size", "DOORLOG_TEST_LIMITED"

// runLimited runs the test of the limit in a process of its own.
func runLimited(t *testing.T) {
	cmd := thisTestAgain(t, "-test.v", "-test.run", "^TestFullDiskCostsTheNewEventAlone$/^limit")
	cmd.Env = append(os.Environ(), limitedProcess+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "events acknowledged") != 2 {
		t.Errorf("%v:\n%s", err, out)
	}
}

func withBallast(t *testing.T, dir string) smallDisk {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	if err := os.WriteFile(name, make([]byte, ballast), 0o600); err != nil {
		t.Fatal(err)
	}
	return smallDisk{dir, func() error {
		// The blocks of a file are free some time after it has gone.
		return errors.Join(os.Truncate(name, 0), os.Remove(name), syncAll())
	}}
}

func syncAll() error { unix.Sync(); return nil }

func makeExt4(t *testing.T, image string) {
	t.Helper()
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(12<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", image).CombinedOutput(); err != nil {
		t.Skipf("SKIP: cannot make an ext4: %v: %s", err, out)
	}
}

// A full disk costs the new event, and nothing else: what was acknowledged is
// there, deletions work, and the store goes on when there is space.
func TestFullDiskCostsTheNewEventAlone(t *testing.T) {
	for name, disk := range smallDisks {
		if name == limited && os.Getenv(limitedProcess) == "" {
			t.Run("limit_on_file_size", runLimited)
			continue
		}
		for _, minFree := range []int64{0, -1} {
			t.Run(fmt.Sprintf("%s/MinFree=%d", strings.ReplaceAll(name, " ", "_"), minFree), func(t *testing.T) {
				fillDisk(t, disk, minFree)
			})
		}
	}
}

func fillDisk(t *testing.T, makeDisk func(*testing.T) smallDisk, minFree int64) {
	disk := makeDisk(t)
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: minFree})
	acknowledged := s.fill(t)
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), acknowledged)
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		for range 3 { // there is room to make room
			if err := s.DeleteEvent(t.Context(), acknowledged[0].ID); err != nil {
				t.Errorf("delete: %v", err)
			}
			acknowledged = acknowledged[1:]
		}
		s.reopen(t) // on the full disk
	}
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), acknowledged)
	if err := disk.grow(); err != nil {
		t.Fatal(err)
	}
	acknowledged = append(acknowledged, s.write(t, heavy(0))...)
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), acknowledged)
	t.Logf("%d events acknowledged before the disk was full, and all there; one after", len(acknowledged)-1)
}

// A person is erased from the events, and with the pictures, where the file cannot
// be compacted; when it can be, a second call does so.
func TestErasePersonEndsWhenThereIsRoomToCompact(t *testing.T) {
	disk := smallDisks["tmpfs"](t)
	// The pictures are elsewhere, and give it no room.
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: -1, ThumbnailDir: t.TempDir()})
	s.thumbs = s.options.ThumbnailDir
	s.visits(t, 30)
	filler := filepath.Join(disk.dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	before := s.Contents(t)
	_, err := s.Compact(t.Context())
	wantError(t, err, doorlog.ErrFull, "it needs ")
	if after := s.Contents(t); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("a compaction for which there was no room has changed something")
	}
	_, err = s.ErasePerson(t.Context(), erased, doorlog.EraseName)
	wantError(t, err, doorlog.ErrFull, "call it again")
	if n := len(s.all(t, doorlog.Query{Persons: []string{erased}})); n > 0 {
		t.Errorf("%d events have the name", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	receipt, err := s.ErasePerson(t.Context(), erased, doorlog.EraseName)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Occurrences > 0 || receipt.Compacted == nil {
		t.Errorf("%+v", receipt)
	}
}

// Where the disk has no room for it a compaction says how much it needs, and does
// nothing; when there is room it is done.
func TestCompactOnAFullDisk(t *testing.T) {
	disk := smallDisks["tmpfs"](t)
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: -1}) // else what it leaves is enough
	acknowledged := s.fill(t)
	before := s.Contents(t)
	_, err := s.Compact(t.Context())
	wantError(t, err, doorlog.ErrFull, "it needs ")
	if after := s.Contents(t); !reflect.DeepEqual(after, before) || len(leftovers(t, s.path)) > 0 {
		t.Errorf("something was changed, or is left over: %v", leftovers(t, s.path))
	}
	if err := disk.grow(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	s.reopen(t)
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), acknowledged)
}

// A disk that is full before a Restore, or becomes full while it is under way,
// is ErrFull, and nothing is left on it. When there is room it succeeds.
func TestRestoreOnAFullDisk(t *testing.T) {
	s := newStore(t)
	s.many(t, 3000)
	s.write(t, named("porch/large.jpg", 1))
	s.putFile(t, "porch/large.jpg", strings.Repeat("large ", 200_000))
	files := filesOf(t, s.thumbs)
	backup, _ := s.backup(t)
	for name, c := range map[string]struct {
		full func(done, total int64) bool // nil: from the beginning
		text string
	}{
		"from the beginning":       {nil, "it needs "},
		"while the database comes": {func(done, _ int64) bool { return done > 0 }, "no space left on device"},
		"before the thumbnails":    {func(_, total int64) bool { return total > 0 }, "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisks["tmpfs"](t)
			dir := filepath.Join(disk.dir, "restored")
			filled := false
			fill := func() {
				filled = true
				if err := os.WriteFile(filepath.Join(disk.dir, "filler"), make([]byte, 2*ballast), 0o600); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("the disk is not full: %v", err)
				}
			}
			if c.full == nil {
				fill()
			}
			_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), &doorlog.RestoreOptions{Progress: func(p doorlog.Progress) {
				if p.Doing == "restoring" && !filled && c.full(p.Done, p.Total) {
					fill()
				}
			}})

			wantError(t, err, doorlog.ErrFull, c.text)
			wantOnly(t, disk.dir, "ballast", "filler")
			if err := errors.Join(disk.grow(), os.Remove(filepath.Join(disk.dir, "filler"))); err != nil {
				t.Fatal(err)
			}
			if _, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil); err != nil {
				t.Fatal(err)
			}
			wantOnly(t, disk.dir, "restored")
			r := newStoreIn(t, dir, doorlog.Options{})
			wantEvents(t, r.all(t, doorlog.Query{}), s.all(t, doorlog.Query{}))
			wantFiles(t, r.thumbs, files)
		})
	}
}

// fill writes events until the disk is full, and a few more, and returns those
// that were acknowledged.
func (s *testStore) fill(t *testing.T) (acknowledged []doorlog.Event) {
	t.Helper()
	frame := jpegFrame(t, 320, 240)
	for i, refused := 0, 0; refused < 5; i++ {
		e := heavy(2000 - i)
		id, err := idOf(s.WriteEventWithFrame(t.Context(), e, frame))
		switch {
		case err == nil:
			stored := s.event(t, id)
			if stored.ThumbnailPath != "" {
				if _, err := s.Thumbnail(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			acknowledged = append(acknowledged, stored)
		case errors.Is(err, doorlog.ErrFull) && !errors.Is(err, doorlog.ErrUnknownOutcome):
			refused++
		default:
			t.Fatal(err)
		}
	}
	if len(acknowledged) < 20 {
		t.Fatalf("%d events", len(acknowledged))
	}
	return acknowledged
}

// A file that is cut short under an open store is ErrCorrupt, and not the end of
// the process, for whoever reads it or writes to it.
func TestFileTruncatedUnderAnOpenStoreIsAnError(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles()
	defer checkNothingLeft(t, goroutines, files)
	s := &testStore{path: filepath.Join(t.TempDir(), "events.db"), options: doorlog.Options{Now: func() time.Time { return now }}}
	s.open(t)
	stored := s.household(t, 3000)
	if err := os.Truncate(s.path, 3*4096); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range stored {
		if _, err := s.Event(t.Context(), e.ID); errors.Is(err, doorlog.ErrCorrupt) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 {
		t.Error("every event could be read")
	}
	for name, err := range everyRead(s.Store) {
		if err != nil && !errors.Is(err, doorlog.ErrCorrupt) && !errors.Is(err, doorlog.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range doorlog.FoldAt + 1 {
		if _, err := s.WriteEvent(t.Context(), motion("garage", 0)); err == nil {
			t.Error("written")
		}
	}
	for name, err := range everyWrite(s.Store) {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if v, err := s.Verify(t.Context()); err == nil && v.Sound() || err != nil && !errors.Is(err, doorlog.ErrCorrupt) {
		t.Errorf("verify: %+v, %v", v, err)
	}
	if err := s.Close(); err != nil && !errors.Is(err, doorlog.ErrCorrupt) {
		t.Error(err)
	}
	_, err := doorlog.Open(s.path, &s.options)
	wantError(t, err, doorlog.ErrCorrupt, "should have")
}
