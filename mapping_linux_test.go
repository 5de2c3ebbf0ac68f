package doorlog_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
)

const fewAddresses = "DOORLOG_TEST_FEW_ADDRESSES"

// A process may have so much address space and no more. A file that outgrows it is
// full: what is there can be read and deleted, and the store goes on when there is more.
func TestFileThatCannotBeMappedIsFull(t *testing.T) {
	if doorlog.RaceDetector || os.Getenv("DOORLOG_TEST_EMULATOR") != "" {
		t.Skip("SKIP: the race detector, or an emulator, takes address space of its own")
	}
	if os.Getenv(fewAddresses) == "" {
		cmd := thisTestAgain(t, "-test.v", "-test.run", "^TestFileThatCannotBeMappedIsFull$")
		cmd.Env = append(os.Environ(), fewAddresses+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	t.Cleanup(doorlog.SetMapSize(0))
	takeAddresses()
	s := newStoreWith(t, doorlog.Options{Scrub: -1})
	limitAddresses(t, 40<<20)
	var ids []doorlog.ID
	var err error
	for i := 0; err == nil; i++ {
		var id doorlog.ID
		if id, err = idOf(s.WriteEvent(t.Context(), heavy(i))); err == nil {
			ids = append(ids, id)
		}
	}
	wantError(t, err, doorlog.ErrFull, "mapping of")
	wantError(t, err, unix.ENOMEM, "")
	if len(ids) < 30 {
		t.Errorf("only %d events", len(ids))
	}
	_, err = s.WriteEvents(t.Context(), []doorlog.Event{heavy(1), heavy(2), heavy(3)})
	wantError(t, err, doorlog.ErrFull, "mapping of")
	if st := s.stats(t); st.Stopped != nil || st.Damage != nil {
		t.Errorf("stopped %v, damage %v", st.Stopped, st.Damage)
	}
	for range 3 {
		if err := s.DeleteEvent(t.Context(), ids[0]); err != nil {
			t.Error(err)
		}
		ids = ids[1:]
	}
	got := s.all(t, doorlog.Query{OldestFirst: true, Limit: 20})
	if len(got) != 20 {
		t.Errorf("%d events are read", len(got))
	}
	more := limitAddresses(t, 512<<20)
	for i := range 50 {
		s.write(t, heavy(i))
	}

	// If the system changes its mind after the trial, everything says truthfully what happens.
	more()
	limitAddresses(t, 24<<20)
	doorlog.PretendMapped(s.Store, 1<<40)
	for i := 0; err == nil || errors.Is(err, doorlog.ErrFull); i++ {
		_, err = s.WriteEvent(t.Context(), heavy(i))
	}
	wantError(t, err, doorlog.ErrUnknownOutcome, "mmap")
	_, err = s.Recent(t.Context(), 1)
	wantError(t, err, doorlog.ErrFailed, "cannot be read: the system did not map")
	if errors.Is(err, doorlog.ErrCorrupt) {
		t.Error(err)
	}
	limitAddresses(t, 1<<30)
	s.reopen(t)
	if n := len(s.all(t, doorlog.Query{})); n < len(ids)+50 {
		t.Errorf("%d events are left", n)
	}
}

// takeAddresses has the runtime take memory and threads, which it keeps for later: it
// ends the process if it cannot have more.
func takeAddresses() {
	runtime.KeepAlive(make([]byte, 512<<20))
	runtime.GC()
	var threads, done sync.WaitGroup
	threads.Add(24)
	for range 24 {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			threads.Done()
			threads.Wait()
		})
	}
	done.Wait()
}

// limitAddresses lets this process map so many bytes more than it has.
func limitAddresses(t *testing.T, more uint64) (restore func()) {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	var pages uint64
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages)
	}
	var before unix.Rlimit
	if err = errors.Join(err, unix.Getrlimit(unix.RLIMIT_AS, &before)); err != nil {
		t.Fatal(err)
	}
	set := func(bytes uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	set(pages*uint64(os.Getpagesize()) + more)
	restore = func() { set(before.Cur) }
	t.Cleanup(restore)
	return restore
}
