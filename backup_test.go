package doorlog_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// backup returns the stream of a backup of the store.
func (s *testStore) backup(t testing.TB) ([]byte, *doorlog.BackupInfo) {
	t.Helper()
	var out bytes.Buffer
	info, err := s.Backup(t.Context(), &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(out.Len()) {
		t.Errorf("a backup of %d bytes says that it has %d", out.Len(), info.Bytes)
	}
	return out.Bytes(), info
}

// restored restores a backup and opens the store, which is checked in the end.
func restored(t testing.TB, backup []byte) *testStore {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, filepath.Dir(dir), "restored")
	return newStoreIn(t, dir, doorlog.Options{})
}

// wantOnly fails if a folder has anything but these names.
func wantOnly(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, e := range entries {
		there = append(there, e.Name())
	}
	if !slices.Equal(there, names) {
		t.Errorf("%s has %q, want %q", dir, there, names)
	}
}

// allPersons returns the persons of a store.
func (s *testStore) allPersons(t testing.TB) []doorlog.Person {
	t.Helper()
	persons, err := s.Persons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return persons
}

// held returns where the store keeps a thumbnail for a backup, below its folder.
func (s *testStore) held(t testing.TB, name string) string {
	t.Helper()
	return ".doorlog-" + s.stats(t).StoreID.String() + ".held/" + name
}

// filesOf returns the content of the files below a folder.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// wantFiles fails unless a folder has these files.
func wantFiles(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	got := filesOf(t, dir)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if data, ok := got[name]; !ok || data != want[name] {
			t.Errorf("%s: it is there: %v, with %d bytes; want %d", name, ok, len(data), len(want[name]))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is one file too many", name)
		}
	}
}

// putFile puts a file of a producer into the folder of the thumbnails.
func (s *testStore) putFile(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(s.thumbs, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func named(path string, minutesAgo int) doorlog.Event {
	e := motion("porch", minutesAgo)
	e.ThumbnailPath = path
	return e
}

// family fills a store with what a store can have.
func (s *testStore) family(t testing.TB, events int) {
	t.Helper()
	for _, name := range []string{"alice", "mary_ann"} {
		if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: name, AutoUnlock: new(name == "alice")}); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, fullEvent())
	for i := range events {
		e := motion(fmt.Sprint("camera", i%3), 10+i)
		e.AlertSent, e.Detections = i%4 == 0, []doorlog.Detection{{Label: "dog", Confidence: 0.5}}
		if i%8 == 0 {
			s.writeFramed(t, e, i)
		} else {
			s.write(t, e)
		}
	}
	s.putFile(t, "porch/shared ü.jpg", "of two events")
	s.write(t, named("porch/shared ü.jpg", 3), named("porch/shared ü.jpg", 90))
	s.write(t, named("porch/late.jpg", 4))
	s.putFile(t, "porch/late.jpg", "came after its event")
}

func (s *testStore) writeFramed(t testing.TB, e doorlog.Event, seed int) doorlog.Event {
	t.Helper()
	id, err := idOf(s.WriteEventWithFrame(t.Context(), e, encodeFrame(64, 48, seed)))
	if err != nil {
		t.Fatal(err)
	}
	stored := s.event(t, id)
	if stored.ThumbnailPath == "" {
		t.Fatalf("no thumbnail: %v", s.log)
	}
	return stored
}

func TestRestoredStoreIsEqual(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		t.Run(fmt.Sprint("read-only ", readOnly), func(t *testing.T) {
			s := newStore(t)
			s.family(t, 200)
			events, persons, files := s.all(t, doorlog.Query{}), s.allPersons(t), filesOf(t, s.thumbs)
			s.putFile(t, "of no event.jpg", "not in the backup")
			s.options.ReadOnly = readOnly
			s.reopen(t)
			backup, info := s.backup(t)
			wantOnly(t, filepath.Dir(s.path), "events.db", "thumbnails")
			if info.Events != len(events) || info.Persons != 2 || info.Thumbnails != len(files) ||
				info.Changed != 0 || info.Missing != 0 || !info.Time.Equal(now) {
				t.Errorf("%+v", info)
			}
			r := restored(t, backup)
			wantEvents(t, r.all(t, doorlog.Query{}), events)
			if got := r.allPersons(t); !slices.Equal(got, persons) {
				t.Errorf("persons %v, want %v", got, persons)
			}
			wantFiles(t, r.thumbs, files)
			r.write(t, motion("garage", 1)) // it goes on
			if want, err := s.Stats(t.Context()); err != nil || want.LastBackup.IsZero() != readOnly {
				t.Errorf("last backup %v, %v", want.LastBackup, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			v, err := doorlog.Verify(t.Context(), r.path, nil)
			if err != nil || !v.Sound() || v.Orphaned > 0 {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestBackupOfAnEmptyStore(t *testing.T) {
	s := newStore(t)
	backup, _ := s.backup(t)
	r := restored(t, backup)
	wantOnly(t, filepath.Dir(r.path), "events.db", "thumbnails")
	wantEvents(t, r.all(t, doorlog.Query{}), nil)
}

func TestBackupIsATarOfWhatItSays(t *testing.T) {
	s := newStore(t)
	e := s.writeFramed(t, motion("porch", 1), 1)
	gone := s.writeFramed(t, motion("porch", 2), 2)
	other := s.writeFramed(t, motion("porch", 3), 3)
	frame, err := s.Thumbnail(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.thumbs, gone.ThumbnailPath)); err != nil {
		t.Fatal(err)
	}
	s.putFile(t, other.ThumbnailPath, "something else")
	backup, info := s.backup(t)
	if info.Thumbnails != 2 || info.Changed != 1 || info.Missing != 1 {
		t.Errorf("%+v", info)
	}
	var names []string
	contents := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(backup)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		contents[h.Name] = string(data)
	}
	want := []string{
		"manifest.json", "events.db", "changed/" + other.ThumbnailPath, "missing/" + gone.ThumbnailPath,
		"thumbnails/" + e.ThumbnailPath, "end.json",
	}
	if !slices.Equal(names, want) {
		t.Errorf("entries %q, want %q", names, want)
	}
	if contents["thumbnails/"+e.ThumbnailPath] != string(frame) || contents["changed/"+other.ThumbnailPath] != "something else" {
		t.Error("a thumbnail is not what it was")
	}

	// It is restored as it was: the one missing, the other changed.
	dir := filepath.Join(t.TempDir(), "restored")
	again, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil)
	if err != nil || *again != *info {
		t.Fatalf("%+v, want %+v; %v", again, info, err)
	}
	wantFiles(t, filepath.Join(dir, "thumbnails"), filesOf(t, s.thumbs))
	v, err := doorlog.Verify(t.Context(), filepath.Join(dir, "events.db"), nil)
	if err != nil || v.Found != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	s.putFile(t, gone.ThumbnailPath, "") // what the check at the end wants
	for _, id := range []doorlog.ID{gone.ID, other.ID} {
		if err := s.DeleteEvent(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// many writes so many events, so that the database is more than a backup has in
// memory at once: about 400 bytes each.
func (s *testStore) many(t testing.TB, n int) {
	t.Helper()
	events := make([]doorlog.Event, n)
	for i := range events {
		events[i] = motion("many", 5000+i)
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// A gate is a receiver that stops before its n-th byte until it is opened.
type gate struct {
	bytes.Buffer
	at             int
	reached, opens chan struct{}
	once           sync.Once
}

func newGate(at int) *gate {
	return &gate{at: at, reached: make(chan struct{}), opens: make(chan struct{})}
}

func (g *gate) Write(p []byte) (int, error) {
	if g.Len()+len(p) > g.at {
		g.once.Do(func() {
			close(g.reached)
			<-g.opens
		})
	}
	return g.Buffer.Write(p)
}

// While a slow receiver takes its time, events are deleted, and written again
// with other pictures. The backup has what there was, and afterwards nothing of
// it is left.
func TestBackupHasTheThumbnailsThatWereThere(t *testing.T) {
	t.Run("the database in memory", testBackupOfWhatWasThere)
	t.Run("the database in a file", func(t *testing.T) {
		doorlog.ImpatientBackups(t)
		testBackupOfWhatWasThere(t)
	})
}

func testBackupOfWhatWasThere(t *testing.T) {
	s := newStore(t)
	s.many(t, 3000)
	s.family(t, 100)
	events, files := s.all(t, doorlog.Query{}), filesOf(t, s.thumbs)
	g := newGate(0)
	done := make(chan error)
	go func() {
		_, err := s.Backup(t.Context(), g, nil)
		done <- err
	}()
	<-g.reached
	for i, e := range events {
		if e.Camera == "many" {
			continue
		}
		if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			again := motion("elsewhere", 0)
			again.ID, again.RecordedAt = e.ID, e.RecordedAt
			s.writeFramed(t, again, 1000+i)
		}
	}
	for _, e := range s.all(t, doorlog.Query{Limit: 5}) {
		if err := s.UpdateEvent(t.Context(), withoutThumbnail(e)); err != nil {
			t.Fatal(err)
		}
	}
	kept := s.all(t, doorlog.Query{})
	framed := 0
	for _, e := range kept {
		if e.ThumbnailPath != "" {
			framed++
		}
	}
	v, err := s.Verify(t.Context())
	if err != nil || !v.Sound() || v.Orphaned > 0 {
		t.Errorf("during the backup: %+v, %v", v, err)
	}
	close(g.opens)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r := restored(t, g.Bytes())
	wantEvents(t, r.all(t, doorlog.Query{}), events)
	wantFiles(t, r.thumbs, files)
	wantEvents(t, s.all(t, doorlog.Query{}), kept)
	if left := filesOf(t, s.thumbs); len(left) != framed || framed == 0 {
		t.Errorf("%d files are left of %d events with one", len(left), framed)
	}
	if _, err := os.Stat(filepath.Join(s.thumbs, path.Dir(s.held(t, "")))); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder of files that were held is left: ", err)
	}
}

// What a backup that was killed had held goes with the next Open that may write.
func TestOpenRemovesWhatABackupLeft(t *testing.T) {
	s := newStore(t)
	e := s.writeFramed(t, motion("porch", 1), 1)
	for _, name := range []string{"1-0", "1-1"} {
		s.putFile(t, s.held(t, name), "of an event that was deleted")
	}
	s.options.ReadOnly = true
	s.reopen(t)
	if n := files(t, s.thumbs); n != 3 {
		t.Errorf("%d files are there that may only be read", n)
	}
	s.options.ReadOnly = false
	s.reopen(t)
	wantOnly(t, s.thumbs, path.Base(s.claims(t)[0]), "2026")
	if _, err := s.Thumbnail(t.Context(), e.ID); err != nil {
		t.Error(err)
	}
}

// What a backup that was killed had held belongs to no event.
func TestRepairRemovesWhatABackupLeft(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	held := s.held(t, "1-0")
	s.putFile(t, held, "of an event that was deleted")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.path), ".events.db.new-123"), []byte("half a copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := doorlog.Verify(t.Context(), s.path, nil)
	if err != nil || !v.Sound() || !slices.Equal(v.Orphans, []string{held}) {
		t.Errorf("%+v, %v", v, err)
	}
	if r, err := doorlog.Repair(t.Context(), s.path, nil); err != nil || r.Removed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	wantOnly(t, filepath.Dir(s.path), "events.db", "thumbnails")
}

func TestPruneRemovesWhatABackupLeft(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	s.putFile(t, s.held(t, "1-0"), "of an event that was deleted")
	if said := s.wouldPrune(t, doorlog.Policy{}); said.Orphans != 1 {
		t.Errorf("%+v", said)
	}
	if did := s.prune(t, doorlog.Policy{}); did.Orphans != 1 || did.OrphanBytes == 0 {
		t.Errorf("%+v", did)
	}
	if files := s.fileSizes(t); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

func TestEventMayNotNameWhatABackupHolds(t *testing.T) {
	s := newStore(t)
	e := motion("porch", 1)
	e.ThumbnailPath = ".Doorlog-held/1-0"
	_, err := s.WriteEvent(t.Context(), e)
	wantError(t, err, doorlog.ErrInvalid, "thumbnail_path")
}

// A backup that its caller could not keep is none.
func TestBackupThatIsNotKept(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	errFull := errors.New("the stick is full")
	_, err := s.Backup(t.Context(), io.Discard, &doorlog.BackupOptions{Finish: func(*doorlog.BackupInfo) error { return errFull }})
	wantError(t, err, errFull, "backup")
	if at := s.stats(t).LastBackup; !at.IsZero() {
		t.Errorf("the last backup is of %v", at)
	}
}

// A file that is made anew knows of the last backup.
func TestRepairKeepsTheTimeOfTheLastBackup(t *testing.T) {
	s := newStore(t)
	for i := range 2 * doorlog.FoldAt {
		s.write(t, motion("front_door", i))
	}
	if _, err := s.Backup(t.Context(), io.Discard, nil); err != nil {
		t.Fatal(err)
	}
	s.Damage(t, "index entry gone")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := doorlog.Repair(t.Context(), s.path, &s.options); err != nil || !r.Rebuilt {
		t.Fatalf("%+v, %v", r, err)
	}
	s.open(t)
	if at := s.stats(t).LastBackup; !at.Equal(now) {
		t.Errorf("the last backup is of %v", at)
	}
}

// A backup of a store to which others write is of one moment: of each batch it
// has all events or none, and each event's thumbnail.
func TestBackupWhileWritersWrite(t *testing.T) {
	s := newStore(t)
	s.family(t, 20)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	const batch = 7
	for w := range 3 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				events := make([]doorlog.Event, batch)
				for i := range events {
					events[i] = motion(fmt.Sprintf("batch %d %d", w, n), 1000)
				}
				if _, err := s.WriteEvents(t.Context(), events); err != nil {
					t.Error(err)
					return
				}
				id, err := idOf(s.WriteEventWithFrame(t.Context(), motion("framed", 2000+n), encodeFrame(32, 32, n)))
				if err == nil && n%2 == 0 {
					err = s.DeleteEvent(t.Context(), id)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var streams [extentOfBackups][]byte
	var backups sync.WaitGroup
	for i := range streams { // two at once
		backups.Go(func() {
			for range 3 {
				var out bytes.Buffer
				info, err := s.Backup(t.Context(), &out, nil)
				if err != nil || info.Missing+info.Changed > 0 {
					t.Errorf("%+v, %v", info, err)
				}
				streams[i] = out.Bytes()
			}
		})
	}
	backups.Wait()
	stop()
	writers.Wait()
	for _, stream := range streams {
		r := restored(t, stream)
		batches := map[string]int{}
		for _, e := range r.all(t, doorlog.Query{}) {
			if strings.HasPrefix(e.Camera, "batch") {
				batches[e.Camera]++
			}
			if e.ThumbnailPath != "" {
				if _, err := r.Thumbnail(t.Context(), e.ID); err != nil {
					t.Error(err)
				}
			}
		}
		if len(batches) == 0 {
			t.Error("nothing was written meanwhile")
		}
		for name, n := range batches {
			if n != batch {
				t.Errorf("%s: %d events of %d", name, n, batch)
			}
		}
	}
}

const extentOfBackups = 2

// failingWriter takes so many bytes.
type failingWriter struct{ left int }

var errReceiver = errors.New("the receiver is gone")

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, errReceiver
	}
	w.left -= len(p)
	return len(p), nil
}

func TestBackupThatFailsLeavesNothing(t *testing.T) {
	s := newStore(t)
	s.family(t, 40)
	whole, _ := s.backup(t)
	first, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.options.Now = func() time.Time { return now.Add(time.Hour) }
	s.reopen(t)
	for _, n := range []int{0, 512, 4096, len(whole) / 2, len(whole) - 1024} {
		_, err := s.Backup(t.Context(), &failingWriter{n}, nil)
		wantError(t, err, errReceiver, "doorlog: backup: ")
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.options.Progress = func(p doorlog.Progress) {
		if p.Doing == "backing up" {
			cancel()
		}
	}
	s.reopen(t)
	_, err = s.Backup(ctx, io.Discard, nil)
	wantError(t, err, context.Canceled, "doorlog: backup: ")
	_, err = s.Backup(ctx, io.Discard, nil)
	wantError(t, err, context.Canceled, "doorlog: backup: ")
	wantOnly(t, filepath.Dir(s.path), "events.db", "thumbnails")
	if st, err := s.Stats(t.Context()); err != nil || !st.LastBackup.Equal(first.LastBackup) || !st.LastBackup.Equal(now) {
		t.Errorf("last backup %v, want %v; %v", st.LastBackup, now, err)
	}
	s.backup(t)
	if st, err := s.Stats(t.Context()); err != nil || !st.LastBackup.Equal(now.Add(time.Hour)) {
		t.Errorf("last backup %v; %v", st.LastBackup, err)
	}
	s.reopen(t)
	if st, err := s.Stats(t.Context()); err != nil || !st.LastBackup.Equal(now.Add(time.Hour)) {
		t.Errorf("last backup %v after the store was opened again; %v", st.LastBackup, err)
	}
}

func TestBackupSaysHowFarItIs(t *testing.T) {
	s := newStore(t)
	s.family(t, 40)
	for name, run := range map[string]func(told func(doorlog.Progress)) error{
		"backing up": func(told func(doorlog.Progress)) error {
			s.options.Progress = told
			s.reopen(t)
			_, err := s.Backup(t.Context(), io.Discard, nil)
			s.options.Progress = nil
			s.reopen(t)
			return err
		},
		"restoring": func(told func(doorlog.Progress)) error {
			backup, _ := s.backup(t)
			dir := filepath.Join(t.TempDir(), "restored")
			_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), &doorlog.RestoreOptions{Progress: told})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var last, of int64
			calls := 0
			err := run(func(p doorlog.Progress) {
				if p.Doing != name {
					return
				}
				done, total := p.Done, p.Total
				if done < last || total != -1 && (done > total || of > 0 && total != of) {
					t.Errorf("%d of %d after %d of %d", done, total, last, of)
				}
				last, of = done, total
				calls++
			})
			if err != nil || last != of || calls < 3 {
				t.Errorf("%d calls, the last with %d of %d; %v", calls, last, of, err)
			}
		})
	}
}

func TestBackupOfADamagedStoreBeginsNothing(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	s.family(t, 100)
	if _, err := s.Compact(t.Context()); err != nil { // so that no free page has what is damaged
		t.Fatal(err)
	}
	at := bytes.Index(readFile(t, s.path), []byte("camera1"))
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	restore := []byte("camera1")
	if _, err := f.WriteAt([]byte("damaged"), int64(at)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = s.Backup(t.Context(), &out, &doorlog.BackupOptions{Verify: true})
	wantError(t, err, doorlog.ErrCorrupt, "doorlog: backup: ")
	if out.Len() > 0 {
		t.Errorf("%d bytes were written", out.Len())
	}
	wantOnly(t, filepath.Dir(s.path), "events.db", "thumbnails")
	_, err = s.Recent(t.Context(), 1)
	wantError(t, err, doorlog.ErrCorrupt, "doorlog: recent: ")
	if _, err := f.WriteAt(restore, int64(at)); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	s.backup(t)
}

func TestBackupSaysHowMuchRoomItNeeds(t *testing.T) {
	doorlog.ImpatientBackups(t)
	s := newStore(t)
	s.many(t, 3000)
	s.options.MinFree = 1 << 60
	s.reopen(t)
	for range 5 { // unless the receiver is always there first
		if _, err := s.Backup(t.Context(), io.Discard, nil); err != nil {
			wantError(t, err, doorlog.ErrFull, "a copy of the database: no space left: it needs ")
			wantOnly(t, filepath.Dir(s.path), "events.db")
			s.options.ReadOnly = true // which copies nothing
			s.reopen(t)
			s.backup(t)
			return
		}
	}
	t.Error("it needs no room")
}

// spilled returns the size of what a backup has in a file beside the store, which
// has no name where it need not have one.
func spilled(path string) (size int64) {
	copies, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".events.db.new-*"))
	if runtime.GOOS == "linux" && err == nil {
		copies, err = filepath.Glob("/proc/self/fd/*")
		copies = slices.DeleteFunc(copies, func(fd string) bool {
			to, err := os.Readlink(fd)
			return err != nil || !strings.HasPrefix(to, filepath.Join(filepath.Dir(path), ".events.db.new-"))
		})
	}
	if err != nil || len(copies) != 1 {
		return 0
	}
	info, err := os.Stat(copies[0])
	if err != nil {
		return 0
	}
	return info.Size()
}

// What a slow receiver does not take is in a file beside the store, to the end.
func TestSlowReceiverIsNotWaitedFor(t *testing.T) {
	doorlog.ImpatientBackups(t)
	s := newStore(t)
	s.many(t, 6000)
	g := newGate(0)
	done := make(chan error)
	go func() {
		_, err := s.Backup(t.Context(), g, nil)
		done <- err
	}()
	<-g.reached
	const taken = 3 * 256 << 10 // at most, before the gate
	size := int64(0)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		size = max(size, spilled(s.path))
		if st, err := s.Stats(t.Context()); err != nil || size > 0 && size >= int64(st.Pages)*st.PageSize-taken {
			break
		}
	}
	if size == 0 {
		t.Error("nothing is in a file")
	}
	close(g.opens)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantOnly(t, filepath.Dir(s.path), "events.db")
	wantEvents(t, restored(t, g.Bytes()).all(t, doorlog.Query{}), s.all(t, doorlog.Query{}))
}

// The time of the last backup is checked as all else is.
func TestVerifyChecksTheTimeOfTheLastBackup(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	s.backup(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data := readFile(t, s.path)
	key := []byte("last_backup")
	at := bytes.LastIndex(data, key)
	for n := bytes.Count(data, key); n > 0; n-- { // in the newest page, and in older ones
		data[at+len(key)+10]++
		at = max(0, bytes.LastIndex(data[:at], key))
	}
	if err := os.WriteFile(s.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := doorlog.Verify(t.Context(), s.path, nil)
	if err != nil || v.Sound() || v.Findings[len(v.Findings)-1].Invariant != 2 || !v.RecordsWhole {
		t.Errorf("%+v, %v", v, err)
	}
	if r, err := doorlog.Repair(t.Context(), s.path, nil); err != nil || !r.After.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestBackupOfAClosedStore(t *testing.T) {
	s := newStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Backup(t.Context(), io.Discard, nil)
	wantError(t, err, doorlog.ErrClosed, "doorlog: backup: ")
}

// Who sends a backup elsewhere records it when it is durable there.
func TestABackupIsRecordedLater(t *testing.T) {
	s := newStore(t)
	s.many(t, 10)
	ctx := t.Context()
	info, err := s.Backup(ctx, io.Discard, &doorlog.BackupOptions{Unrecorded: true})
	if err != nil || !s.stats(t).LastBackup.IsZero() {
		t.Fatalf("%v: a backup of %v is recorded", err, s.stats(t).LastBackup)
	}
	other, future := *info, *info
	other.StoreID, future.Time = doorlog.ID{1}, now.Add(time.Hour)
	for _, wrong := range []*doorlog.BackupInfo{nil, {}, &other, &future} {
		wantError(t, s.RecordBackup(ctx, wrong), doorlog.ErrInvalid, "doorlog: record a backup: ")
	}
	for range 2 {
		if err := s.RecordBackup(ctx, info); err != nil || !s.stats(t).LastBackup.Equal(info.Time) {
			t.Errorf("%v: a backup of %v is recorded, want %v", err, s.stats(t).LastBackup, info.Time)
		}
	}
	earlier := *info
	earlier.Time = info.Time.Add(-time.Hour)
	if err := s.RecordBackup(ctx, &earlier); err != nil || !s.stats(t).LastBackup.Equal(info.Time) {
		t.Errorf("%v: an earlier backup is recorded, of %v", err, s.stats(t).LastBackup)
	}
}
