package doorlog_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// remedies are what makes room in a store that s.fullOf has filled.
var remedies = map[string]func(*testing.T, *testStore) error{
	"prune": func(t *testing.T, s *testStore) error {
		n := len(s.all(t, doorlog.Query{}))
		keep := max(n/2, n-160)
		gone, err := s.Prune(t.Context(), doorlog.Policy{MaxEvents: keep})
		if err == nil && gone.Kept != keep {
			err = fmt.Errorf("%d events are left", gone.Kept)
		}
		return err
	},
	"delete": func(t *testing.T, s *testStore) error {
		for _, e := range s.all(t, doorlog.Query{OldestFirst: true, Limit: 100}) {
			if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
				return err
			}
		}
		return nil
	},
	"erase": func(t *testing.T, s *testStore) error {
		erased, err := s.ErasePerson(t.Context(), "alice", doorlog.EraseEvents)
		if err == nil && (erased.Events == 0 || erased.Occurrences > 0) {
			err = fmt.Errorf("%+v", erased)
		}
		return err
	},
}

// fullOf writes batches of events until one is refused, and then smaller ones.
func (s *testStore) fullOf(t *testing.T, batch int) (n int) {
	t.Helper()
	for ; batch > 0; batch /= 4 {
		for {
			events := make([]doorlog.Event, batch)
			for i := range events {
				events[i] = motion(fmt.Sprint("camera", i%4), 200_000-n-i)
				events[i].Person = []string{"alice", "bob"}[i%2]
				events[i].Detections = []doorlog.Detection{{Label: "person", Confidence: 0.5}}
			}
			if _, err := s.WriteEvents(t.Context(), events); err != nil {
				wantError(t, err, doorlog.ErrFull, "")
				break
			}
			n += batch
		}
	}
	return n
}

func needReserve(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: there is no reserve")
	}
}

func (s *testStore) fileSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A store that has come to its bound can be pruned, its events can be deleted, and
// persons erased; then it takes events again.
func TestRoomIsMadeAtMaxSize(t *testing.T) {
	needReserve(t)
	for name, remedy := range remedies {
		for _, bound := range []int64{1 << 20, 3<<20 + 1234} {
			t.Run(fmt.Sprint(name, " ", bound), func(t *testing.T) {
				s := newStoreWith(t, doorlog.Options{MaxSize: bound})
				if n := s.fullOf(t, 256); n < 500 {
					t.Fatalf("only %d events", n)
				}
				_, err := s.WriteEvents(t.Context(), []doorlog.Event{heavy(1), heavy(2), heavy(3), heavy(4)})
				wantError(t, err, doorlog.ErrFull, fmt.Sprint("Options.MaxSize allows ", bound/4096*4096))
				if size := s.fileSize(t); size > bound {
					t.Errorf("the file has %d bytes", size)
				}
				if err := remedy(t, s); err != nil {
					t.Fatal(err)
				}
				s.write(t, motion("garage", 1))
			})
		}
	}
}

// A bound that is lower than the file that is there stops new events alone.
func TestRoomIsMadeAboveABoundThatWasLowered(t *testing.T) {
	needReserve(t)
	for name, remedy := range remedies {
		for _, longer := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " with a reserve ", longer), func(t *testing.T) {
				s := newStore(t)
				s.household(t, 8000)
				s.close(t)
				if !longer {
					cutToHighWater(t, s.path)
				}
				s.options.MaxSize = 1 << 20
				s.open(t)
				s.fullOf(t, 64) // free pages take events
				if err := remedy(t, s); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Prune(t.Context(), doorlog.Policy{MaxAge: 3000 * time.Minute}); err != nil {
					t.Fatal(err)
				}
				s.write(t, motion("garage", 1))
			})
		}
	}
}

// Where there is no room for a transaction that changes many large events there is
// for one that changes few.
func TestRoomIsMadeALittleAtATime(t *testing.T) {
	needReserve(t)
	for name, remedy := range map[string]func(*testing.T, *testStore) error{
		"prune": func(t *testing.T, s *testStore) error {
			_, err := s.Prune(t.Context(), doorlog.Policy{ThumbnailAge: time.Second})
			return err
		},
		"erase": func(t *testing.T, s *testStore) error {
			_, err := s.ErasePerson(t.Context(), "alice", doorlog.EraseName)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStoreWith(t, doorlog.Options{MaxSize: 8 << 20})
			s.putFile(t, "porch/1.jpg", "a picture")
			for i := 0; ; i++ {
				e := named("porch/1.jpg", i+1)
				e.Person, e.Attributes = "alice", make(map[string]string)
				for j := range doorlog.MaxAttributes {
					e.Attributes[fmt.Sprint(j)] = strings.Repeat("x", doorlog.MaxAttributeValue)
				}
				if _, err := s.WriteEvent(t.Context(), e); err != nil {
					wantError(t, err, doorlog.ErrFull, "Options.MaxSize")
					break
				}
			}
			if err := remedy(t, s); err != nil {
				t.Fatal(err)
			}
			if n := len(s.all(t, doorlog.Query{HasThumbnail: new(true)})); n > 0 {
				t.Errorf("%d events have a thumbnail", n)
			}
		})
	}
}

// cutToHighWater makes a file as long as what is used of it, as in a backup.
func cutToHighWater(t *testing.T, path string) {
	t.Helper()
	st, err := doorlog.Open(path, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := st.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(stats.Pages)*stats.PageSize); err != nil {
		t.Fatal(err)
	}
}

// However often a full store is filled again after a little has been deleted, there
// is room to delete a little the next time.
func TestReserveIsNeverUsedUp(t *testing.T) {
	needReserve(t)
	s := newStoreWith(t, doorlog.Options{MaxSize: 2 << 20})
	s.fullOf(t, 64)
	written := 0
	for i := range 40 {
		events := s.all(t, doorlog.Query{OldestFirst: true})
		for j := range 8 {
			if err := s.DeleteEvent(t.Context(), events[(j*97+i*31)%len(events)].ID); err != nil {
				t.Fatalf("delete %d in round %d: %v", j, i, err)
			}
		}
		if i%7 == 0 {
			s.reopen(t)
		}
		written += s.fullOf(t, 64)
	}
	if written < 100 {
		t.Errorf("%d events were written after 320 had been deleted", written)
	}
}

// A snapshot keeps the pages that deletions free, so that they use up the reserve.
// When it ends, those pages are the reserve, and new events must leave them.
func TestRoomIsMadeBesideASnapshot(t *testing.T) {
	needReserve(t)
	s := newStoreWith(t, doorlog.Options{MaxSize: 3 << 20})
	for range 3 {
		s.fullOf(t, 64)
		err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
			events := s.all(t, doorlog.Query{OldestFirst: true})
			for i, err := 0, error(nil); err == nil; i += 13 {
				if err = s.DeleteEvent(t.Context(), events[i%len(events)].ID); err != nil {
					wantError(t, err, doorlog.ErrFull, "Options.MaxSize")
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.fullOf(t, 64)
		if err := remedies["prune"](t, s); err != nil {
			t.Fatal(err)
		}
		s.write(t, motion("garage", 1))
	}
}

// A transaction that is refused leaves the file as long as it was.
func TestRefusedWriteLeavesTheFileAsLong(t *testing.T) {
	needReserve(t)
	s := newStoreWith(t, doorlog.Options{MaxSize: 8 << 20})
	s.household(t, 1000)
	before := s.fileSize(t)
	many := make([]doorlog.Event, 1000)
	for i := range many {
		many[i] = heavy(i)
	}
	_, err := s.WriteEvents(t.Context(), many)
	wantError(t, err, doorlog.ErrFull, "Options.MaxSize")
	if size := s.fileSize(t); size > before {
		t.Errorf("%d bytes, and %d before", size, before)
	}
	s.write(t, motion("garage", 1))
}

// Many writers at a full store, and one who deletes beside them: each of them gets
// an answer of its own.
func TestRoomIsMadeBesideWritersOfAFullStore(t *testing.T) {
	needReserve(t)
	s := newStoreWith(t, doorlog.Options{MaxSize: 1 << 20})
	s.fullOf(t, 64)
	events := s.all(t, doorlog.Query{OldestFirst: true})
	release := s.Block()
	errs := make(chan error)
	for i := range 20 {
		go func() {
			if i%2 == 0 {
				errs <- s.DeleteEvent(t.Context(), events[i].ID)
				return
			}
			if _, err := s.WriteEvent(t.Context(), heavy(i)); err != nil {
				wantError(t, err, doorlog.ErrFull, "Options.MaxSize")
			}
			errs <- nil
		}()
	}
	for s.Waiting() < 20 {
		runtime.Gosched()
	}
	release()
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// The reserve has blocks, and not a hole, as long as the file system can do that.
func TestReserveHasBlocks(t *testing.T) {
	needReserve(t)
	s := newStore(t)
	s.household(t, 100)
	holes := func() bool { return blocksOf(t, s.path) < s.fileSize(t) }
	if blocksOf(t, s.path) < 0 {
		t.Skip("SKIP: the blocks of a file are not known here")
	}
	if holes() {
		t.Error("the file has holes")
	}
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := stats.FileSize - int64(stats.Pages)*stats.PageSize; left < 1<<20 {
		t.Errorf("the file has only %d bytes more than it uses", left)
	}
	s.close(t)
	// As a copy can be, or the file of an earlier version.
	if err := os.Truncate(s.path, int64(stats.Pages)*stats.PageSize); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.path, stats.FileSize); err != nil {
		t.Fatal(err)
	}
	if s.open(t); runtime.GOOS == "linux" && holes() {
		t.Error("the file of before has holes")
	}
}
