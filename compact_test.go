package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// halve deletes every second event and returns the others.
func (s *testStore) halve(t testing.TB, events []doorlog.Event) (left []doorlog.Event) {
	t.Helper()
	var gone []doorlog.Event
	for i, e := range events {
		if i%2 == 1 {
			gone = append(gone, e)
		} else {
			left = append(left, e)
		}
	}
	s.deleteAll(t, gone)
	return left
}

func (s *testStore) deleteAll(t testing.TB, events []doorlog.Event) {
	t.Helper()
	const lanes = 32 // which share their commits
	var writers sync.WaitGroup
	for lane := range lanes {
		writers.Go(func() {
			for i := lane; i < len(events); i += lanes {
				if err := s.DeleteEvent(t.Context(), events[i].ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

// needCompact skips a test where a file that is open cannot be replaced, having
// seen that Compact says so.
func needCompact(t testing.TB) {
	t.Helper()
	switch runtime.GOOS {
	case "windows", "android", "solaris", "aix":
		s := newStore(t)
		_, err := s.Compact(t.Context())
		wantError(t, err, errors.ErrUnsupported, runtime.GOOS)
		t.Skip("SKIP: the file cannot be replaced on " + runtime.GOOS)
	}
}

// leftovers returns the names of files beside the database that are half made.
func leftovers(t testing.TB, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.new-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestCompactKeepsEveryEntryAndShrinksTheFile(t *testing.T) {
	needCompact(t)
	var told []string
	s := newStoreWith(t, doorlog.Options{Progress: func(p doorlog.Progress) {
		if p.Doing == "compacting" && (p.Done > p.Total || p.Total == 0) {
			t.Errorf("%+v", p)
		}
		told = append(told, p.Doing)
	}})
	left := s.halve(t, s.household(t, 6000))
	before, stats := s.Contents(t), s.stats(t)
	result, err := s.Compact(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := s.Contents(t); !reflect.DeepEqual(after, before) {
		t.Error("the entries are not what they were")
	}
	now := s.stats(t)
	if result.Before != stats.FileSize || result.After != now.FileSize || result.After > result.Before*7/10 {
		t.Errorf("%+v; the file had %d bytes and has %d", result, stats.FileSize, now.FileSize)
	}
	if now.FreePages*10 > now.Pages || now.LiveSize()*10 > stats.LiveSize()*11 {
		t.Errorf("%d of %d pages are free; %d bytes in use of %d before", now.FreePages, now.Pages, now.LiveSize(), stats.LiveSize())
	}
	if info, err := os.Stat(s.path); err != nil || info.Size() != result.After || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if names := leftovers(t, s.path); len(names) > 0 {
		t.Errorf("left over: %v", names)
	}
	if !slices.Contains(told, "compacting") || told[len(told)-1] != "verifying" {
		t.Errorf("it told of %v", told)
	}
	added := s.write(t, motion("garage", 0)) // writing goes on in the new file
	s.reopen(t)
	wantEvents(t, s.all(t, doorlog.Query{}), append(added, left...))
}

func TestCompactOfAnEmptyStore(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	for range 3 {
		if _, err := s.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.reopen(t)
	s.write(t, motion("garage", 0))
}

func TestSnapshotFinishesOnTheOldFile(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	events := s.household(t, 500)
	files := openFiles()
	err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
		// Not inside of fn: a call of the store might wait for this snapshot.
		done := make(chan error)
		go func() {
			_, err := s.Compact(context.Background())
			if err == nil {
				err = s.DeleteEvent(context.Background(), events[0].ID)
			}
			done <- err
		}()
		if err := <-done; err != nil {
			return err
		}
		st := s.stats(t)
		if st.Snapshots != 1 || !st.OldestSnapshot.Equal(now) {
			t.Errorf("%d snapshots, the oldest of %v", st.Snapshots, st.OldestSnapshot)
		}
		for _, want := range events {
			got, err := sn.Event(want.ID)
			if err != nil {
				return err
			}
			wantEvent(t, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Event(t.Context(), events[0].ID); !errors.Is(err, doorlog.ErrNotFound) {
		t.Error(err)
	}
	if n := openFiles(); n != files {
		t.Errorf("%d files are open, and were %d before", n, files)
	}
	if st := s.stats(t); st.Snapshots != 0 || !st.OldestSnapshot.IsZero() {
		t.Errorf("%d snapshots, the oldest of %v", st.Snapshots, st.OldestSnapshot)
	}
}

// Writers of every kind, readers and those who verify go on across several
// compactions; what was acknowledged is there, and nothing that was deleted comes
// back. So it is where each piece is small, and
// followed by catching up.
func TestCompactWhileManyWriteAndRead(t *testing.T) {
	t.Run("large steps", compactWhileManyWriteAndRead)
	t.Run("small steps", func(t *testing.T) {
		defer doorlog.SmallSteps()()
		compactWhileManyWriteAndRead(t)
	})
}

func compactWhileManyWriteAndRead(t *testing.T) {
	needCompact(t)
	s := newStoreWith(t, doorlog.Options{Scrub: time.Millisecond})
	s.halve(t, s.household(t, 3000))
	frame := jpegFrame(t, 64, 48)
	kept := make([]map[doorlog.ID]doorlog.Event, 4)
	var stop atomic.Bool
	var others sync.WaitGroup
	for lane := range kept {
		kept[lane] = make(map[doorlog.ID]doorlog.Event)
		others.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if err := s.mixedWrite(t, kept[lane], lane, i, frame); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		others.Go(func() {
			for !stop.Load() {
				last := doorlog.ID{255}
				for e, err := range s.Events(t.Context(), doorlog.Query{Limit: 300}) {
					if err != nil || e.ID.Compare(last) >= 0 {
						t.Errorf("%v after %v: %v", e.ID, last, err)
						return
					}
					last = e.ID
				}
			}
		})
	}
	others.Go(func() {
		for !stop.Load() {
			if v, err := s.Verify(t.Context()); err != nil || !v.Sound() {
				t.Errorf("%+v, %v", v, err)
				return
			}
			s.stats(t)
		}
	})
	for range extent(5, 10, 100) {
		if _, err := s.Compact(t.Context()); err != nil {
			t.Error(err)
			break
		}
	}
	stop.Store(true)
	others.Wait()
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	s.reopen(t)
	there := make(map[doorlog.ID]doorlog.Event)
	for _, e := range s.all(t, doorlog.Query{Cameras: []string{"lane"}}) {
		there[e.ID] = e
	}
	n := 0
	for lane := range kept {
		n += len(kept[lane])
		for id, want := range kept[lane] {
			wantEvent(t, there[id], want)
		}
	}
	if len(there) != n || n == 0 {
		t.Errorf("%d events, want %d", len(there), n)
	}
}

// mixedWrite does the i-th write of a lane, and notes what is acknowledged.
func (s *testStore) mixedWrite(t *testing.T, kept map[doorlog.ID]doorlog.Event, lane, i int, frame []byte) error {
	ctx := t.Context()
	switch e := anyOf(kept); {
	case i%5 == 3 && e != nil:
		delete(kept, e.ID)
		return s.DeleteEvent(ctx, e.ID)
	case i%5 == 4 && e != nil:
		e.AlertSent = true
		kept[e.ID] = *e
		return s.MarkAlertSent(ctx, e.ID)
	case i%7 == 0:
		_, err := s.PutPerson(ctx, doorlog.PersonInput{Name: fmt.Sprint("lane", lane, i%35)})
		return err
	}
	e := motion("lane", lane*1000+i%900)
	e.Person = fmt.Sprint("lane", lane)
	e.Detections = []doorlog.Detection{{Label: "dog", Confidence: 0.5}}
	var id doorlog.ID
	var err error
	if i%20 == 1 {
		id, err = idOf(s.WriteEventWithFrame(ctx, e, frame))
	} else {
		id, err = idOf(s.WriteEvent(ctx, e))
	}
	if err == nil {
		kept[id], err = s.Event(ctx, id)
	}
	return err
}

func anyOf(kept map[doorlog.ID]doorlog.Event) *doorlog.Event {
	for _, e := range kept {
		return &e
	}
	return nil
}

// A failingCompact is what makes a Compact fail, and how.
type failingCompact struct {
	open  func(name string, flag int, perm os.FileMode) (*os.File, error)
	ctx   func(*testing.T, *testStore) context.Context
	spoil func(*testing.T, *testStore) (mend func())
	is    error
	text  string
}

var failingCompacts = map[string]failingCompact{
	"the new file cannot be opened": {
		open: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			if strings.Contains(name, ".new-") {
				return nil, syscall.EMFILE
			}
			return os.OpenFile(name, flag, perm)
		},
		is: syscall.EMFILE,
	},
	"the new file takes no writes": {
		open: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			if strings.Contains(name, ".new-") {
				flag = os.O_RDONLY
			}
			return os.OpenFile(name, flag, perm)
		},
		is: syscall.EBADF,
	},
	"the context has ended": {
		ctx: func(t *testing.T, _ *testStore) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		},
		is: context.Canceled,
	},
	"another file has its name": {
		spoil: func(t *testing.T, s *testStore) func() {
			aside := s.path + ".aside"
			if err := errors.Join(os.Rename(s.path, aside), os.WriteFile(s.path, []byte("mine"), 0o600)); err != nil {
				t.Fatal(err)
			}
			return func() {
				if b, err := os.ReadFile(s.path); string(b) != "mine" || err != nil {
					t.Errorf("the other file is %q: %v", b, err)
				}
				if err := os.Rename(aside, s.path); err != nil {
					t.Fatal(err)
				}
				s.reopen(t)
			}
		},
		is: doorlog.ErrMoved, text: "another file is at",
	},
}

// A call that fails while the file is made anew leaves the store as it was, and
// nothing beside it.
func TestFailedCompactLeavesTheStoreAsItWas(t *testing.T) {
	needCompact(t)
	for name, fail := range failingCompacts {
		t.Run(name, func(t *testing.T) {
			hooked := false
			s := newStoreWith(t, doorlog.Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
				if hooked && fail.open != nil {
					return fail.open(name, flag, perm)
				}
				return os.OpenFile(name, flag, perm)
			}})
			left := s.halve(t, s.household(t, 300))
			before := s.Contents(t)
			ctx := t.Context()
			if fail.ctx != nil {
				ctx = fail.ctx(t, s)
			}
			mend := func() {}
			if fail.spoil != nil {
				mend = fail.spoil(t, s)
			}
			hooked = true
			_, err := s.Compact(ctx)
			hooked = false
			mend()
			if err == nil || fail.is != nil && !errors.Is(err, fail.is) || !strings.Contains(err.Error(), fail.text) {
				t.Error(err)
			}
			if names := leftovers(t, s.path); len(names) > 0 {
				t.Errorf("left over: %v", names)
			}
			if !reflect.DeepEqual(s.Contents(t), before) {
				t.Error("the entries are not what they were")
			}
			added := s.write(t, motion("garage", 0))
			if _, err := s.Compact(t.Context()); err != nil {
				t.Error(err)
			}
			s.reopen(t)
			wantEvents(t, s.all(t, doorlog.Query{}), append(added, left...))
		})
	}
}

// Ended anywhere, by its context or by Close, a compaction leaves the store as it
// was, or has done all of it.
func TestCompactEndedAnywhere(t *testing.T) {
	needCompact(t)
	for _, byClose := range []bool{false, true} {
		t.Run(fmt.Sprint("by Close ", byClose), func(t *testing.T) {
			s := newStore(t)
			s.household(t, 2000)
			before, ended := s.Contents(t), 0
			for wait := time.Duration(0); ; wait = wait*3/2 + 100*time.Microsecond {
				ctx, cancel := context.WithCancel(t.Context())
				end := cancel
				if byClose {
					end = func() { s.Close() }
				}
				timer := time.AfterFunc(wait, end)
				_, err := s.Compact(ctx)
				if !timer.Stop() && err == nil && ended > 0 {
					// It has ended by itself a moment before.
				} else if err == nil && ended == 0 {
					t.Fatal("it was never ended")
				}
				done := err == nil
				if !done {
					ended++
					if is := map[bool]error{false: context.Canceled, true: doorlog.ErrClosed}[byClose]; !errors.Is(err, is) {
						t.Fatal(err)
					}
				}
				cancel()
				if byClose {
					s.reopen(t)
				}
				if names := leftovers(t, s.path); len(names) > 0 {
					t.Fatalf("left over after %v: %v", wait, names)
				}
				if !byClose && !reflect.DeepEqual(s.Contents(t), before) {
					t.Fatal("the entries are not what they were")
				}
				if done {
					break
				}
			}
			if got := s.Contents(t); !reflect.DeepEqual(withoutMeta(got), withoutMeta(before)) {
				t.Error("the entries are not what they were")
			}
			t.Logf("ended %d times", ended)
		})
	}
}

func withoutMeta(buckets map[string]map[string]string) map[string]map[string]string {
	delete(buckets, "meta")
	return buckets
}

// Two at once take turns.
func TestCompactTwiceAtOnce(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	left := s.halve(t, s.household(t, 1000))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := s.Compact(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	wantEvents(t, s.all(t, doorlog.Query{}), left)
}

// The file to which a link leads is replaced, and the link stays; what a
// compaction that was cut short has left is removed there too.
func TestCompactThroughALink(t *testing.T) {
	needCompact(t)
	dir := t.TempDir()
	target := filepath.Join(dir, "real")
	if err := errors.Join(os.Mkdir(target, 0o700), os.Symlink(filepath.Join(target, "the.db"), filepath.Join(dir, "events.db"))); err != nil {
		t.Skip(err)
	}
	made := newStoreIn(t, target, doorlog.Options{})
	left := made.household(t, 200)
	if err := errors.Join(made.Close(), os.Rename(made.path, filepath.Join(target, "the.db"))); err != nil {
		t.Fatal(err)
	}
	left = append([]doorlog.Event(nil), left...)
	over := filepath.Join(target, ".the.db.new-123")
	if err := os.WriteFile(over, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStoreIn(t, dir, doorlog.Options{})
	if _, err := os.Stat(over); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there", over)
	}
	if _, err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(s.path); err != nil || filepath.Base(to) != "the.db" {
		t.Errorf("the link leads to %q: %v", to, err)
	}
	s.reopen(t)
	wantEvents(t, s.all(t, doorlog.Query{}), left)
}

// Nobody else can open the file at any moment of a compaction.
func TestCompactedFileIsLockedFromTheBeginning(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	s.household(t, 300)
	var stop atomic.Bool
	var other sync.WaitGroup
	tries := 0
	other.Go(func() {
		for ; !stop.Load(); tries++ {
			st, err := doorlog.Open(s.path, &doorlog.Options{LockTimeout: -1})
			if err == nil {
				st.Close()
			}
			if !errors.Is(err, doorlog.ErrLocked) {
				t.Errorf("opened: %v", err)
				return
			}
		}
	})
	for range 20 {
		if _, err := s.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	other.Wait()
	if tries == 0 {
		t.Error("nobody tried")
	}
}

// What does not verify is not copied into a file that would replace the last
// that has anything of it.
func TestCompactRefusesADamagedFile(t *testing.T) {
	needCompact(t)
	for _, kind := range []string{"index entry gone", "event changed", "person changed", "rollup gone", "detections gone"} {
		t.Run(kind, func(t *testing.T) {
			s := newStore(t)
			s.write(t, fullEvent())
			s.household(t, 300)
			info, err := os.Stat(s.path)
			if err != nil {
				t.Fatal(err)
			}
			repair := s.Damage(t, kind)
			_, err = s.Compact(t.Context())
			wantError(t, err, doorlog.ErrCorrupt, "compact")
			if there, err := os.Stat(s.path); err != nil || !os.SameFile(info, there) {
				t.Errorf("the file was replaced: %v", err)
			}
			if names := leftovers(t, s.path); len(names) > 0 {
				t.Errorf("left over: %v", names)
			}
			repair()
		})
	}
}

func TestCompactAtCompactsByItself(t *testing.T) {
	needCompact(t)
	s := newStoreWith(t, doorlog.Options{CompactAt: 0.3})
	all := s.household(t, 20000)
	left := all[:5000]
	s.deleteAll(t, all[5000:])
	defer func() {
		if t.Failed() {
			t.Logf("file of %d bytes, %d of %d pages free; the log: %s", s.stats(t).FileSize, s.stats(t).FreePages, s.stats(t).Pages, s.log)
		}
	}()
	until(t, func() bool {
		left = append(s.write(t, motion("garage", 0)), left...) // it looks after some
		return s.stats(t).FileSize < 5<<20 &&                   // live data, the reserve and a step
			strings.Contains(s.log.String(), "compacted")
	})
	wantEvents(t, s.all(t, doorlog.Query{}), left)
	for _, bad := range []float64{-0.1, 1, 2} {
		_, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), &doorlog.Options{CompactAt: bad})
		wantError(t, err, doorlog.ErrInvalid, "Options.CompactAt")
	}
}

func TestStatsTellWhenToCompact(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	empty := s.stats(t)
	if !empty.Oldest.IsZero() || !empty.Newest.IsZero() || empty.GrowthPerDay != 0 || empty.StoreID == (doorlog.ID{}) || empty.Schema != 4 {
		t.Errorf("%+v", empty)
	}
	events := s.household(t, 3*24*60+1) // one a minute
	s.halve(t, events)
	st := s.stats(t)
	if !st.Newest.Equal(events[0].RecordedAt) || !st.Oldest.Equal(events[len(events)-1].RecordedAt) {
		t.Errorf("from %v to %v", st.Oldest, st.Newest)
	}
	if st.FreePages*5 < st.Pages || st.FreePages > st.Pages || int64(st.Pages)*st.PageSize > st.FileSize || st.PageSize < 1024 {
		t.Errorf("%d of %d pages of %d bytes are free, in %d bytes", st.FreePages, st.Pages, st.PageSize, st.FileSize)
	}
	if third := st.LiveSize() / 3; st.GrowthPerDay < third-10 || st.GrowthPerDay > third+10 {
		t.Errorf("%d bytes a day, of %d in 3 days", st.GrowthPerDay, st.LiveSize())
	}
	if _, err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, sum := s.stats(t), int64(0)
	for _, bytes := range st.Buckets {
		sum += bytes
	}
	if st.Verified.IsZero() || sum < st.LiveSize()*9/10 || sum > st.LiveSize() || st.Buckets["events"] == 0 || st.Buckets["by_camera"] == 0 {
		t.Errorf("buckets %v of %d bytes in use", st.Buckets, st.LiveSize())
	}
}
