package doorlog_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// toldProgress is what was told of how far a call is.
type toldProgress struct {
	t    testing.TB
	last doorlog.Progress
	done map[string]bool // what was done to its end
}

func newToldProgress(t testing.TB) *toldProgress {
	told := &toldProgress{t: t}
	told.begin()
	return told
}

func (told *toldProgress) tell(p doorlog.Progress) {
	again := p.Doing != told.last.Doing || told.last.Done == told.last.Total
	if p.Doing == "" || p.Total >= 0 && p.Done > p.Total || !again && (p.Done < told.last.Done || p.Bytes != told.last.Bytes) {
		told.t.Errorf("%+v after %+v", p, told.last)
	}
	told.last = p
	if p.Done == p.Total {
		told.done[p.Doing] = true
	}
}

// wants fails unless a call has told of these to their ends, and begins anew.
func (told *toldProgress) wants(call string, err error, doing ...string) {
	told.t.Helper()
	got := slices.Sorted(maps.Keys(told.done))
	if slices.Sort(doing); err != nil || !slices.Equal(got, doing) {
		told.t.Errorf("%s told of %q, %v; want %q", call, got, err, doing)
	}
	told.begin()
}

func (told *toldProgress) begin() { told.last, told.done = doorlog.Progress{}, make(map[string]bool) }

// Every call that takes long says how far it is, and comes to the end of all that it does.
func TestEveryLongCallSaysHowFarItIs(t *testing.T) {
	told := newToldProgress(t)
	s := newStoreWith(t, doorlog.Options{Progress: told.tell})
	ctx := t.Context()
	s.household(t, 400)
	told.begin()
	var backup bytes.Buffer
	saved := filepath.Join(t.TempDir(), "saved.db")
	_, err := s.Verify(ctx)
	told.wants("Verify", err, "verifying", "comparing", "comparing thumbnails", "looking for orphans")
	_, err = s.Backup(ctx, &backup, &doorlog.BackupOptions{Verify: true})
	told.wants("Backup", err, "verifying", "backing up")
	_, err = s.WouldPrune(ctx, doorlog.Policy{MaxEvents: 300, MaxAge: time.Minute})
	told.wants("WouldPrune", err, "judging", "looking for orphans")
	_, err = s.Prune(ctx, doorlog.Policy{MaxEvents: 300})
	told.wants("Prune", err, "judging", "pruning", "looking for orphans")
	_, err = s.ForgetMissing(ctx, nil)
	told.wants("ForgetMissing", err, "looking for thumbnails")
	s.close(t)
	_, err = doorlog.Salvage(ctx, s.path, saved, &s.options)
	told.wants("Salvage", err, "saving records", "indexing")
	whole := readFile(t, s.path)
	s.inFile(t, dropPosting)
	told.begin()
	_, err = doorlog.Repair(ctx, s.path, &s.options)
	told.wants("Repair", err, "verifying", "comparing", "comparing thumbnails", "looking for orphans", "saving records", "indexing", "pruning")
	if err := os.WriteFile(s.path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s.inFile(t, flipRecord)
	told.begin()
	_, err = doorlog.Salvage(ctx, s.path, saved+"2", &s.options)
	told.wants("Salvage of a damaged file", err, "saving records", "searching for records", "indexing")
	if err := os.WriteFile(s.path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = doorlog.Restore(ctx, filepath.Join(t.TempDir(), "restored"), io.Reader(&backup), &doorlog.RestoreOptions{Progress: told.tell})
	told.wants("Restore", err, "restoring", "verifying", "comparing", "comparing thumbnails", "looking for orphans")
	s.open(t)
}

func TestCompactAndErasePersonSayHowFarTheyAre(t *testing.T) {
	needCompact(t)
	told := newToldProgress(t)
	s := newStoreWith(t, doorlog.Options{Progress: told.tell})
	s.household(t, 400)
	told.begin()
	_, err := s.Compact(t.Context())
	told.wants("Compact", err, "compacting", "verifying")
	_, err = s.ErasePerson(t.Context(), "alice", doorlog.EraseName)
	told.wants("ErasePerson", err, "erasing", "looking for attributes", "compacting", "verifying")
}

func TestRenamesSayHowFarTheyAre(t *testing.T) {
	told := newToldProgress(t)
	s := newStoreWith(t, doorlog.Options{Progress: told.tell})
	s.household(t, 400)
	told.begin()
	_, err := s.RenameCamera(t.Context(), "garage", "porch")
	told.wants("RenameCamera", err, "renaming")
	_, err = s.RenamePerson(t.Context(), "alice", "alicia")
	told.wants("RenamePerson", err, "renaming")
}

// A call can have a hook of its own, which hears of it and of no other call.
func TestACallSaysHowFarItIsToItsOwnHook(t *testing.T) {
	all, own := newToldProgress(t), newToldProgress(t)
	s := newStoreWith(t, doorlog.Options{Progress: all.tell, Scrub: -1})
	s.household(t, 400)
	all.begin()
	ctx := doorlog.WithProgress(t.Context(), own.tell)
	_, err := s.Verify(ctx)
	_, perr := s.Prune(t.Context(), doorlog.Policy{MaxEvents: 300})
	both := []string{"verifying", "comparing", "comparing thumbnails", "looking for orphans"}
	own.wants("Verify", err, both...)
	all.wants("Verify and Prune", perr, append(both, "judging", "pruning")...)
	panics := doorlog.WithProgress(t.Context(), func(doorlog.Progress) { panic("of the hook") })
	if v, err := s.Verify(panics); err != nil || !v.Sound() {
		t.Errorf("%+v, %v", v, err)
	}
	if !strings.Contains(s.log.String(), "the Progress hook has panicked") {
		t.Error(s.log.String())
	}
}

// A hook that panics is no damage of the file: it is not called again, and all goes on.
func TestAHookThatPanicsCondemnsNothing(t *testing.T) {
	calls := 0
	hook := func(doorlog.Progress) { calls++; panic("of the hook") }
	s := newStoreWith(t, doorlog.Options{Progress: hook, Scrub: -1})
	s.many(t, 100)
	v, err := s.Verify(t.Context())
	if err != nil || !v.Sound() || calls != 1 {
		t.Errorf("%+v, %v, after %d calls", v, err, calls)
	}
	if !strings.Contains(s.log.String(), "the Progress hook has panicked") {
		t.Error(s.log.String())
	}
	var backup bytes.Buffer
	if _, err := s.Backup(t.Context(), &backup, nil); err != nil {
		t.Error(err)
	}
	s.close(t)
	calls = 0
	s.open(t) // which reads all of the file
	if calls != 1 {
		t.Errorf("%d calls of Open", calls)
	}
	if _, err := doorlog.Restore(t.Context(), filepath.Join(t.TempDir(), "restored"), &backup, &doorlog.RestoreOptions{Progress: hook}); err != nil {
		t.Error(err)
	}
}

// A call that was cut short does not say that it has done all.
func TestACancelledCallIsNotFinished(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{Scrub: -1})
	s.many(t, 2000)
	s.close(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last doorlog.Progress
	_, err := doorlog.Verify(ctx, s.path, &doorlog.Options{Progress: func(p doorlog.Progress) { last = p; cancel() }})
	wantError(t, err, context.Canceled, "")
	if last.Total <= 0 || last.Done == last.Total {
		t.Errorf("%+v", last)
	}
}
