package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// household writes events of every kind, folded ones and a tail, and returns them.
func (s *testStore) household(t testing.TB, n int) []doorlog.Event {
	t.Helper()
	events := make([]doorlog.Event, 0, n)
	for i := range n {
		e := motion([]string{"garage", "front_door"}[i%2], n-i)
		e.Detections = []doorlog.Detection{{Label: []string{"person", "dog", "car"}[i%3], Confidence: 0.5}}
		if i%4 == 0 {
			e.Person = "alice"
		}
		events = append(events, e)
	}
	ids, err := storedIDs(s.WriteEvents(t.Context(), events))
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		events[i] = asStored(events[i], ids[i])
	}
	if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(events)
	return events
}

// inFile changes the closed file of the store with bolt.
func (s *testStore) inFile(t testing.TB, fn func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(s.path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	and := func(fn func(*bolt.Tx) error) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error { return errors.Join(fn(tx), doorlog.SealState(tx)) }
	}
	none := func(*bolt.Tx) error { return nil } // so that the state before has it too
	if err := errors.Join(db.Update(and(fn)), db.Update(and(none)), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// changeBytes flips the lowest bit of some bytes of a file, as a disk might.
func changeBytes(t testing.TB, path string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	_, err = f.ReadAt(b, at)
	for i := range b {
		b[i] ^= 1
	}
	if _, werr := f.WriteAt(b, at); werr != nil {
		err = werr
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// dropPosting takes an entry out of an index, as damage would.
func dropPosting(tx *bolt.Tx) error {
	c := tx.Bucket([]byte("by_camera")).Cursor()
	c.First()
	return c.Delete()
}

// flipRecord changes a byte of the oldest event.
func flipRecord(tx *bolt.Tx) error {
	k, v := tx.Bucket([]byte("events")).Cursor().First()
	v = bytes.Clone(v)
	v[len(v)-1] ^= 1
	return tx.Bucket([]byte("events")).Put(k, v)
}

func (s *testStore) close(t testing.TB) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *testStore) verification(t testing.TB) *doorlog.Verification {
	t.Helper()
	v, err := doorlog.Verify(t.Context(), s.path, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantFinding(t testing.TB, v *doorlog.Verification, text string) {
	t.Helper()
	if v.Sound() || !errors.Is(v.Err(), doorlog.ErrCorrupt) ||
		!slices.ContainsFunc(v.Findings, func(f doorlog.Finding) bool { return strings.Contains(f.String(), text) }) {
		t.Errorf("found %v; want %q", v.Findings, text)
	}
}

func TestSoundStoreVerifies(t *testing.T) {
	s := newStore(t)
	s.household(t, 200)
	id, err := idOf(s.WriteEventWithFrame(t.Context(), motion("garage", 0), jpegFrame(t, 8, 8)))
	if err != nil {
		t.Fatal(err)
	}
	orphan := motion("garage", 1)
	if err := s.SaveThumbnail(t.Context(), &orphan, jpegFrame(t, 8, 8)); err != nil {
		t.Fatal(err)
	}
	open, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !open.Sound() || open.Orphaned != 0 || open.Events != 201 || open.Thumbnails != 1 || !open.Whole { // the orphan is young
		t.Errorf("open: %+v", open)
	}
	s.close(t)
	closed := s.verification(t)
	if closed.Err() != nil || closed.Events != 201 || closed.Detections != 200 || closed.Persons != 1 || closed.Found != 0 {
		t.Errorf("closed: %+v", closed)
	}
	if !slices.Equal(closed.Orphans, []string{orphan.ThumbnailPath}) || closed.Orphaned != 1 {
		t.Errorf("orphans: %v; want %s, and not that of %s", closed.Orphans, orphan.ThumbnailPath, id)
	}
	s.open(t)
}

func TestVerifySaysWhatIsWrongWithThumbnails(t *testing.T) {
	s := newStore(t)
	var paths []string
	for i := range 3 {
		e := motion("garage", i)
		if err := s.SaveThumbnail(t.Context(), &e, jpegFrame(t, 8, 8)); err != nil {
			t.Fatal(err)
		}
		s.write(t, e)
		paths = append(paths, filepath.Join(s.thumbs, e.ThumbnailPath))
	}
	whole, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	if err := errors.Join(os.Rename(paths[0], paths[0]+".away"), os.WriteFile(paths[1], changed, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.close(t)
	v := s.verification(t)
	if v.Found != 2 || v.Thumbnails != 3 || v.Missing != 1 {
		t.Errorf("%+v", v)
	}
	wantFinding(t, v, ".jpg is missing")
	wantFinding(t, v, "checksum does not match")
	result, err := doorlog.Repair(t.Context(), s.path, &s.options)
	if err != nil || result.Rebuilt || result.After.Found != 2 {
		t.Errorf("repair: %+v, %v", result, err)
	}
	if err := errors.Join(os.Rename(paths[0]+".away", paths[0]), os.WriteFile(paths[1], whole, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

func TestVerifySaysWhatMendsTheStore(t *testing.T) {
	s := newStore(t)
	s.household(t, 100)
	if _, err := s.WriteEventWithFrame(t.Context(), motion("garage", 0), jpegFrame(t, 8, 8)); err != nil {
		t.Fatal(err)
	}
	s.close(t)
	sound := readFile(t, s.path)
	want := func(remedy doorlog.Remedy) {
		t.Helper()
		v := s.verification(t)
		if v.Remedy != remedy {
			t.Errorf("%s mends %v; want %s", v.Remedy, v.Findings, remedy)
		}
		if err := os.WriteFile(s.path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want(doorlog.RemedyNothing)
	s.inFile(t, dropPosting)
	want(doorlog.RemedyRepair)
	s.inFile(t, flipRecord)
	want(doorlog.RemedySalvage)
	if err := os.Rename(s.thumbs, s.thumbs+".away"); err != nil {
		t.Fatal(err)
	}
	want(doorlog.RemedyRestore)
	s.inFile(t, flipRecord)
	want(doorlog.RemedySalvage)
	if err := os.Rename(s.thumbs+".away", s.thumbs); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

// More findings than are kept do not hide the one that decides.
func TestTheRemedyGoesByAllFindings(t *testing.T) {
	s := newStore(t)
	s.household(t, 300)
	s.close(t)
	sound := readFile(t, s.path)
	s.inFile(t, func(tx *bolt.Tx) error {
		k, v := tx.Bucket([]byte("persons")).Cursor().First()
		if err := tx.Bucket([]byte("persons")).Put(k, v[:len(v)-1]); err != nil {
			return err
		}
		for i := range 150 { // which are found first
			if err := tx.Bucket([]byte("by_camera")).Put(fmt.Appendf(nil, "x%03d", i), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if v := s.verification(t); v.Remedy != doorlog.RemedySalvage || v.Findings[99].Invariant != doorlog.InvariantIndexes {
		t.Errorf("%s: %+v", v.Remedy, v.Findings)
	}
	if err := os.WriteFile(s.path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

func TestInvariantsAreThoseOfTheDesign(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| I(\d+) \| (\w+) \|`).FindAllStringSubmatch(string(readFile(t, "design/schema.md")), -1)
	if len(rows) == 0 {
		t.Error("design/schema.md has none")
	}
	for i, row := range rows {
		named := doorlog.Invariant(i + 1)
		if named.String() != "I"+row[1] || named.Name() != row[2] {
			t.Errorf("%s %s; design/schema.md has %s", named, named.Name(), row[0])
		}
	}
	if beyond := doorlog.Invariant(len(rows) + 1); beyond.Name() != "" {
		t.Errorf("%s is not in design/schema.md", beyond.Name())
	}
	text := marshal(t, doorlog.Finding{Invariant: doorlog.InvariantEvents, Problem: "lost"})
	if string(text) != `{"invariant":4,"name":"events","problem":"lost"}` {
		t.Errorf("%s", text)
	}
}

// What only derived data lacks is made anew, and nothing is lost.
func TestRepairRebuildsWhatIsDerived(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 300)
	orphan := motion("garage", 1)
	if err := s.SaveThumbnail(t.Context(), &orphan, jpegFrame(t, 8, 8)); err != nil {
		t.Fatal(err)
	}
	s.age(t)
	s.close(t)
	s.inFile(t, dropPosting)
	_, err := doorlog.Open(s.path, &s.options)
	wantError(t, err, doorlog.ErrCorrupt, "by_camera: there are")
	wantFinding(t, s.verification(t), "I12: by_camera: there are")
	result, err := doorlog.Repair(t.Context(), s.path, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Rebuilt || result.Removed != 1 || result.Before.Sound() || !result.After.Sound() || result.After.Orphaned != 0 {
		t.Errorf("%+v\n%+v", result, result.After)
	}
	s.wantFiles(t)
	s.open(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored)
	if n, err := s.Count(t.Context(), doorlog.Query{Cameras: []string{"garage"}}); n != 150 || err != nil {
		t.Errorf("%d events of a camera, %v", n, err)
	}
}

func TestRepairRefusesToLoseARecord(t *testing.T) {
	s := newStore(t)
	s.household(t, 100)
	s.close(t)
	s.inFile(t, flipRecord)
	before := readFile(t, s.path)
	_, err := doorlog.Repair(t.Context(), s.path, &s.options)
	wantError(t, err, doorlog.ErrCorrupt, "1 events, ")
	if !bytes.Equal(readFile(t, s.path), before) {
		t.Error("the file has changed")
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), ".*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSalvageReadsTheFileAsItsOptionsSay(t *testing.T) {
	s := newStore(t)
	s.close(t)
	var opened []string
	_, err := doorlog.Salvage(t.Context(), s.path, s.path+".fresh", &doorlog.Options{
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			opened = append(opened, name)
			return os.OpenFile(name, flag, perm)
		},
	})
	if err != nil || !slices.Contains(opened, s.path) {
		t.Errorf("opened %q, %v", opened, err)
	}
	_, err = doorlog.Salvage(t.Context(), s.path, s.path+".other", &doorlog.Options{MaxSize: -1})
	wantError(t, err, doorlog.ErrInvalid, "Options.MaxSize")
}

func TestSalvageSavesWhatVerifies(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 500)
	s.close(t)
	s.inFile(t, flipRecord)
	s.inFile(t, func(tx *bolt.Tx) error { // and the detections of the newest
		k, v := tx.Bucket([]byte("detections")).Cursor().Last()
		return tx.Bucket([]byte("detections")).Put(k, v[:len(v)-1])
	})
	before := readFile(t, s.path)
	fresh := filepath.Join(t.TempDir(), "fresh.db")
	got, err := doorlog.Salvage(t.Context(), s.path, fresh, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Events != 499 || got.LostEvents != 1 || got.Detections != 498 || got.LostDetections != 2 || got.Stripped != 1 ||
		got.Persons != 1 || got.LostPersons != 0 || got.Unsure != 0 || !got.Counted || got.Found == 0 {
		t.Errorf("%+v", got)
	}
	if !bytes.Equal(readFile(t, s.path), before) {
		t.Error("the damaged file has changed")
	}
	_, err = doorlog.Salvage(t.Context(), s.path, fresh, nil)
	wantError(t, err, fs.ErrExist, "fresh.db")
	if err := os.Rename(fresh, s.path); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	stored[0].Detections = nil
	wantEvents(t, s.all(t, doorlog.Query{}), stored[:len(stored)-1])
}

// An unattended device goes on by itself, and what was damaged is kept.
func TestQuarantineSetsADamagedFileAside(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 500)
	s.close(t)
	s.inFile(t, flipRecord)
	damaged := readFile(t, s.path)
	s.options.Quarantine = true
	s.open(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored[:len(stored)-1])
	s.write(t, motion("garage", 0))
	aside, err := filepath.Glob(s.path + ".damaged-*")
	if err != nil || len(aside) != 1 || !bytes.Equal(readFile(t, aside[0]), damaged) {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	if line := s.log.String(); !strings.Contains(line, "lost_events=1") || !strings.Contains(line, "events=499") {
		t.Errorf("log: %s", line)
	}
}

func TestScrubFindsWhatHappensToAnOpenStore(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{Scrub: time.Millisecond})
	s.household(t, 200)
	until(t, func() bool { st := s.stats(t); return !st.Verified.IsZero() && st.Damage == nil && st.Events == 200 })
	at, size := s.FirstPage(t, "events")
	changeBytes(t, s.path, at+size/2, 1)
	until(t, func() bool { return s.stats(t).Damage != nil })
	wantError(t, s.stats(t).Damage, doorlog.ErrCorrupt, "is not what was written last")
	_, err := s.Recent(t.Context(), 1)
	wantError(t, err, doorlog.ErrCorrupt, "is not what was written last")
	_, err = s.WriteEvent(t.Context(), motion("garage", 0))
	wantError(t, err, doorlog.ErrCorrupt, "is not what was written last")
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantFinding(t, v, "I1: page")
	if !strings.Contains(s.log.String(), "the file is damaged") {
		t.Errorf("log: %s", s.log)
	}
	s.close(t)
	_, err = doorlog.Open(s.path, &s.options)
	wantError(t, err, doorlog.ErrCorrupt, "I4: events")
}

func (s *testStore) stats(t testing.TB) doorlog.Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// until waits for something that another goroutine does.
func until(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done() {
		if ctx.Err() != nil {
			t.Fatal("it does not come")
		}
		runtime.Gosched()
	}
}

func TestStatsCount(t *testing.T) {
	s := newStore(t)
	s.household(t, 100)
	st := s.stats(t)
	if st.Events != 100 || st.Detected != 100 || st.Persons != 1 || st.FileSize == 0 || st.Verified != now || st.Stopped != nil {
		t.Errorf("%+v", st)
	}
	s.FailCommits(true, errors.New("the disk is gone"))
	if _, err := s.WriteEvent(t.Context(), motion("garage", 0)); err == nil {
		t.Fatal("written")
	}
	wantError(t, s.stats(t).Stopped, doorlog.ErrUnknownOutcome, "the disk is gone")
}

// A store that was closed says so, and one that was not is read whole. That the
// newest meta page is lost, after it was closed, loses no event.
func TestClosedFileSurvivesTheLossOfAMetaPage(t *testing.T) {
	for _, at := range []int64{0, 4096} {
		s := newStore(t)
		stored := s.household(t, 100)
		stored = append(s.write(t, motion("garage", 0)), stored...)
		s.close(t)
		f, err := os.OpenFile(s.path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(make([]byte, 4096), at)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		s.open(t)
		wantEvents(t, s.all(t, doorlog.Query{}), stored)
	}
}

func TestVerifyNeedsAStore(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{LockTimeout: -1})
	_, err := doorlog.Verify(t.Context(), s.path, &s.options)
	wantError(t, err, doorlog.ErrLocked, s.path)
	_, err = doorlog.Repair(t.Context(), s.path, &s.options)
	wantError(t, err, doorlog.ErrLocked, s.path)
	_, err = doorlog.Salvage(t.Context(), s.path, s.path+".new", nil)
	wantError(t, err, doorlog.ErrLocked, s.path)
	other := filepath.Join(t.TempDir(), "other")
	_, err = doorlog.Verify(t.Context(), other, nil)
	wantError(t, err, fs.ErrNotExist, other)
	if err := os.WriteFile(other, bytes.Repeat([]byte("x"), 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = doorlog.Verify(t.Context(), other, nil)
	wantError(t, err, doorlog.ErrNotStore, other)
	_, err = doorlog.Salvage(t.Context(), other, other+".new", nil)
	wantError(t, err, doorlog.ErrNotStore, other)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.close(t)
	_, err = doorlog.Verify(ctx, s.path, &s.options)
	wantError(t, err, context.Canceled, "verify")
	s.open(t)
}

// A link stays a link, and the file keeps its mode.
func TestRepairMendsTheFileBehindALink(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 100)
	s.close(t)
	s.inFile(t, dropPosting)
	link := filepath.Join(filepath.Dir(s.path), "link.db")
	if err := errors.Join(os.Chmod(s.path, 0o640), os.Symlink("events.db", link)); err != nil {
		t.Fatal(err)
	}
	if result, err := doorlog.Repair(t.Context(), link, &s.options); err != nil || !result.Rebuilt {
		t.Fatal(result, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is now %v, %v", info, err)
	}
	if info, err := os.Stat(s.path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is now %v, %v", info, err)
	}
	s.open(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored)
}

// Wherever a file is cut short, the account adds up, and of the records in the
// pages that are left each is saved.
// Where detections are counted each of them counts, whatever records they are in.
func TestDetectionsAreCountedOneByOne(t *testing.T) {
	s := newStore(t)
	for i := range 300 { // some of which are in the tail
		e := motion("garage", 1000-i)
		for range i%3 + 1 {
			e.Detections = append(e.Detections, doorlog.Detection{Label: "cat", Confidence: 0.5})
		}
		s.write(t, e)
	}
	const all, ofOldest, ofNext = 600, 1, 2
	if v, err := s.Verify(t.Context()); err != nil || v.Detections != all {
		t.Errorf("open: %+v, %v", v, err)
	}
	if would := s.wouldPrune(t, doorlog.Policy{MaxEvents: 1}); would.Detections != all-3 {
		t.Errorf("a prune: %+v", would)
	}
	s.close(t)
	sound := readFile(t, s.path)
	s.inFile(t, flipRecord) // the oldest event is lost, and the next loses its detections
	s.inFile(t, func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte("detections")).Cursor()
		c.First()
		k, v := c.Next()
		return tx.Bucket([]byte("detections")).Put(k, v[:len(v)-1])
	})
	if v := s.verification(t); v.Events != 299 || v.Detections != all-ofNext {
		t.Errorf("closed: %+v", v)
	}
	saved, err := doorlog.Salvage(t.Context(), s.path, s.path+".saved", nil)
	if err != nil || saved.Detections != all-ofOldest-ofNext || saved.LostDetections != ofOldest+ofNext {
		t.Errorf("saved: %+v, %v", saved, err)
	}
	if err := os.WriteFile(s.path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

func TestSalvageOfAFileThatIsCutShort(t *testing.T) {
	s := newStore(t)
	s.household(t, 300)
	s.close(t)
	whole := readFile(t, s.path)
	short := filepath.Join(t.TempDir(), "short.db")
	complete := 0
	for cut := 3 * 4096; cut < 60*4096; cut += 4096 {
		if err := os.WriteFile(short, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := doorlog.Salvage(t.Context(), short, short+".new", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Unsure > got.Events+got.Persons || got.Counted && got.Events+got.LostEvents != 300 {
			t.Errorf("cut at %d: %+v", cut, got)
		}
		if got.Complete {
			complete++
		}
		if err := os.Remove(short + ".new"); err != nil {
			t.Fatal(err)
		}
	}
	if complete == 0 || complete == 57 {
		t.Errorf("%d of 57 are complete", complete)
	}
}

// Each record tells what it is, so nothing is lost with both meta pages.
func TestSalvageNeedsNoMetaPages(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 300)
	s.close(t)
	data := readFile(t, s.path)
	clear(data[:2*4096])
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	got, err := doorlog.Salvage(t.Context(), damaged, s.path, nil)
	if err != nil || got.Events != 300 || got.Persons != 1 || got.Unsure != 301 || got.Counted || got.Complete {
		t.Errorf("%+v, %v", got, err)
	}
	s.open(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored)
}

// A card that has lost its first block holds all records still.
func TestQuarantineOfAStoreWithoutItsFirstPages(t *testing.T) {
	s := newStore(t)
	stored := s.household(t, 100)
	s.close(t)
	data := readFile(t, s.path)
	clear(data[:2*4096])
	if err := os.WriteFile(s.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.options.Quarantine = true
	s.open(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored)

	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.WriteFile(other, bytes.Repeat([]byte("x"), 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := doorlog.Open(other, &s.options)
	wantError(t, err, doorlog.ErrNotStore, other)
	if got := readFile(t, other); len(got) != 10000 {
		t.Errorf("the other file has %d bytes", len(got))
	}
}
