package doorlog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
)

// blocksOf returns how many bytes of disk a file takes.
func blocksOf(t *testing.T, path string) int64 {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Blocks * 512
}

// stuff fills a disk to the last byte, as another program would.
func stuff(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "log of another program"))
	if err != nil {
		t.Fatal(err)
	}
	for piece := make([]byte, 64<<10); len(piece) > 0; piece = piece[:len(piece)/2] {
		for err == nil {
			_, err = f.Write(piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syncAll(); err != nil {
		t.Fatal(err)
	}
}

func freeOn(t *testing.T, dir string) int64 {
	t.Helper()
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize) //nolint:unconvert // their types differ between systems
}

// Where something else has filled the disk new events are refused, and what makes
// room works, also after the store has been opened there. Pictures that went have
// made room for new events.
func TestRoomIsMadeOnADiskThatSomethingElseHasFilled(t *testing.T) {
	for disk, makeDisk := range smallDisks {
		if disk == limited {
			continue
		}
		for name, remedy := range remedies {
			t.Run(disk+" "+name, func(t *testing.T) {
				disk := makeDisk(t)
				s := newStoreIn(t, disk.dir, doorlog.Options{})
				if err := disk.grow(); err != nil {
					t.Fatal(err)
				}
				events := make([]doorlog.Event, 80) // the oldest
				for i := range events {
					path := fmt.Sprint("porch/", i, ".jpg")
					s.putFile(t, path, strings.Repeat("picture ", 6<<10))
					events[i] = named(path, 2000-i)
					events[i].Person = "alice"
				}
				if _, err := s.WriteEvents(t.Context(), events); err != nil {
					t.Fatal(err)
				}
				s.household(t, 1000)
				stuff(t, disk.dir)
				if name == "prune" {
					s.reopen(t)
				}
				_, err := s.WriteEvent(t.Context(), motion("garage", 1))
				wantError(t, err, doorlog.ErrFull, "Options.MinFree")
				if err := remedy(t, s); err != nil {
					t.Fatal(err)
				}
				if err := syncAll(); err != nil { // ext4 gives blocks back at its next commit
					t.Fatal(err)
				}
				s.write(t, motion("garage", 1))
			})
		}
	}
}

// Where nothing comes back to the disk the pages that came free take events.
func TestRoomIsMadeOnAFullDiskWithoutPictures(t *testing.T) {
	disk := smallDisks["tmpfs"](t)
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: -1})
	s.household(t, 2000)
	stuff(t, disk.dir)
	s.fullOf(t, 64)
	for range 5 {
		if _, err := s.Prune(t.Context(), doorlog.Policy{MaxEvents: 100}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Compact(t.Context())
		wantError(t, err, doorlog.ErrFull, "it needs ")
		if n := s.fullOf(t, 64); n < 100 {
			t.Errorf("%d events were written", n)
		}
	}
}

// A store that has no reserve yet, as after a restore, makes room with what little the
// disk has.
func TestRoomIsMadeWithTheLastOfADisk(t *testing.T) {
	disk := smallDisks["tmpfs"](t)
	s := newStoreIn(t, disk.dir, doorlog.Options{})
	events := s.household(t, 1000)
	s.close(t)
	cutToHighWater(t, s.path)
	stuff(t, disk.dir)
	filler := filepath.Join(disk.dir, "log of another program")
	info, err := os.Stat(filler)
	if err == nil {
		err = os.Truncate(filler, info.Size()-300<<10)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.open(t)
	for _, e := range events[:20] {
		if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// One call cannot use what Options.MinFree keeps, however much it writes.
func TestOneCallLeavesMinFree(t *testing.T) {
	const keep = 3 << 20
	disk := smallDisks["tmpfs"](t)
	if err := disk.grow(); err != nil {
		t.Fatal(err)
	}
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: keep})
	many := make([]doorlog.Event, 1000)
	for i := range many {
		many[i] = heavy(i)
	}
	_, err := s.WriteEvents(t.Context(), many)
	wantError(t, err, doorlog.ErrFull, "Options.MinFree keeps 3145728")
	if s.fullOf(t, 256) < 1000 {
		t.Error("hardly any events")
	}
	if free := freeOn(t, disk.dir); free < keep || free > keep+2<<20 {
		t.Errorf("%d bytes are free", free)
	}
}

// A copy of a file may have holes where the store had its reserve. To fill them when it
// is opened does not use what Options.MinFree keeps.
func TestOpeningACopyWithHolesLeavesMinFree(t *testing.T) {
	const keep, hole = 3 << 20, 2 << 20
	disk := smallDisks["tmpfs"](t)
	if err := disk.grow(); err != nil {
		t.Fatal(err)
	}
	s := newStoreIn(t, disk.dir, doorlog.Options{MinFree: keep})
	s.write(t, motion("porch", 2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.path, info.Size()+hole); err != nil {
		t.Fatal(err)
	}
	free := freeOn(t, disk.dir)
	if err := os.WriteFile(filepath.Join(disk.dir, "more"), make([]byte, free-keep-hole/2), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if free := freeOn(t, disk.dir); free < keep {
		t.Errorf("%d bytes are free", free)
	}
	s.write(t, motion("porch", 1)) // it has a reserve, and goes on
}
