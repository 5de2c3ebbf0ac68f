package doorlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// wellOver is how old a file is that is no longer spared for being young.
const wellOver = 2 * time.Hour

// age makes every file below the thumbnail folder old.
func (s *testStore) age(t testing.TB) {
	t.Helper()
	past := time.Now().Add(-wellOver)
	for _, name := range s.files(t) {
		if err := os.Chtimes(filepath.Join(s.thumbs, name), past, past); err != nil {
			t.Fatal(err)
		}
	}
}

// photograph writes events with pictures, an hour apart, and makes the pictures old.
func (s *testStore) photograph(t testing.TB, n int) (stored []doorlog.Event) {
	t.Helper()
	for i := range n {
		stored = append(stored, s.writeFramed(t, motion("porch", 60*i), i))
	}
	s.age(t)
	return stored
}

// neighbour opens another store with the same thumbnail folder.
func (s *testStore) neighbour(t testing.TB) *testStore {
	t.Helper()
	dir := t.TempDir()
	return newStoreIn(t, dir, doorlog.Options{ThumbnailDir: s.thumbs})
}

// folder returns whose the thumbnail folder is, as Verify says.
func (s *testStore) folder(t testing.TB) doorlog.FolderState {
	t.Helper()
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v.Folder.State
}

// spares fails if a Prune, or a Repair, removes one of the pictures, or keeps silent
// about them.
func (s *testStore) spares(t *testing.T, pictures int, why string) {
	t.Helper()
	gone := s.prune(t, doorlog.Policy{MaxAge: 365 * day})
	if gone.Orphans != 0 || len(gone.HeldBack) != 1 || !strings.Contains(gone.HeldBack[0], why) {
		t.Errorf("pruned %+v; want what holds back %q", gone, why)
	}
	if st := s.stats(t); len(st.HeldBack) != 1 || st.HeldBack[0] != gone.HeldBack[0] {
		t.Errorf("the figures say %q", st.HeldBack)
	}
	s.close(t)
	r, err := doorlog.Repair(t.Context(), s.path, &s.options)
	if err != nil || r.Removed != 0 || len(r.HeldBack) != 1 {
		t.Errorf("repaired %+v, %v", r, err)
	}
	s.open(t)
	if n := len(s.files(t)); n != pictures {
		t.Errorf("%d pictures are left of %d", n, pictures)
	}
}

// A store that is new finds the pictures of the one before it.
func TestANewStoreSparesThePicturesOfTheOldOne(t *testing.T) {
	s := newStore(t)
	stored := s.photograph(t, 20)
	s.close(t)
	away := s.path + ".away"
	if err := os.Rename(s.path, away); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if got := s.folder(t); got != doorlog.FolderShared {
		t.Errorf("the folder is %s", got)
	}
	s.spares(t, 20, "also has pictures of the store")
	s.writeFramed(t, motion("porch", 1), 99)
	s.age(t)
	s.spares(t, 21, "also has pictures of the store")
	s.close(t)
	if err := os.Rename(away, s.path); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	for _, e := range stored {
		if _, err := s.Thumbnail(t.Context(), e.ID); err != nil {
			t.Error(err)
		}
	}
	s.spares(t, 21, "also has pictures of the store") // the new one had a picture there
}

func TestTwoStoresShareAFolder(t *testing.T) {
	shop := newStore(t)
	shop.photograph(t, 5)
	house := shop.neighbour(t)
	house.thumbs = shop.thumbs
	house.spares(t, 5, "also has pictures of the store "+shop.stats(t).StoreID.String())
	stored := house.photograph(t, 3)
	house.spares(t, 8, "also has pictures of the store")
	shop.spares(t, 8, "also has pictures of the store "+house.stats(t).StoreID.String())

	// What each deletes of its own goes, and nothing else.
	if err := house.DeleteEvent(t.Context(), stored[0].ID); err != nil {
		t.Fatal(err)
	}
	if gone := shop.prune(t, doorlog.Policy{MaxEvents: 2}); gone.Thumbnails != 3 {
		t.Errorf("%+v", gone)
	}
	if n := len(shop.files(t)); n != 4 {
		t.Errorf("%d pictures are left", n)
	}

	// What one keeps for a backup the other does not remove when it is opened.
	kept := shop.held(t, "1-0")
	shop.putFile(t, kept, "removed while a backup runs")
	house.reopen(t)
	if _, err := os.Stat(filepath.Join(shop.thumbs, kept)); err != nil {
		t.Error(err)
	}
	shop.reopen(t)
	if _, err := os.Stat(filepath.Join(shop.thumbs, kept)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store's own is left: %v", err)
	}
}

// An older copy of the file knows less than its folder.
func TestAnOlderCopySparesThePicturesOfWhatItHasForgotten(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 300)
	s.close(t)
	copied := readFile(t, s.path)
	s.open(t)
	stored := s.writeFramed(t, motion("porch", 1), 99)
	s.age(t)
	s.close(t)
	later := readFile(t, s.path)
	if err := os.WriteFile(s.path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if !strings.Contains(s.log.String(), "older copy") {
		t.Errorf("the log has %s", s.log)
	}
	s.spares(t, 301, "lost records")
	for range 20 { // it comes to more commits than the folder knows
		s.write(t, motion("garage", 5))
	}
	s.spares(t, 301, "lost records")
	s.close(t)
	if err := os.WriteFile(s.path, later, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if _, err := s.Thumbnail(t.Context(), stored.ID); err != nil {
		t.Error(err)
	}
}

// What a damaged file has lost, a quarantine, a salvage or a restore, is not nobody's.
func TestLostEventsKeepTheirPictures(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *testStore){
		"quarantine": func(t *testing.T, s *testStore) {
			s.options.Quarantine = true
			s.open(t)
		},
		"salvage": func(t *testing.T, s *testStore) {
			fresh := s.path + ".fresh"
			if _, err := doorlog.Salvage(t.Context(), s.path, fresh, nil); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(fresh, s.path); err != nil {
				t.Fatal(err)
			}
			s.open(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.photograph(t, 300)
			s.household(t, 10)
			s.close(t)
			s.inFile(t, flipRecord)
			lose(t, s)
			lost := 310 - s.stats(t).Events
			if lost == 0 {
				t.Fatal("nothing was lost")
			}
			if got := s.folder(t); got != doorlog.FolderForgotten {
				t.Errorf("the folder is %s", got)
			}
			s.spares(t, 300, "lost records")

			// Until a person says so.
			gone := s.prune(t, doorlog.Policy{Orphans: true})
			if gone.Orphans != lost || len(gone.HeldBack) != 0 {
				t.Errorf("%+v, and %d were lost", gone, lost)
			}
			if got := s.folder(t); got != doorlog.FolderOwn {
				t.Errorf("the folder is %s", got)
			}
		})
	}
}

// The database of a backup in the place of the newer one knows less than its folder.
func TestARestoredDatabaseSparesNewerPictures(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 200)
	backup, _ := s.backup(t)
	s.writeFramed(t, motion("porch", 1), 99)
	s.age(t)
	s.close(t)
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "events.db"), s.path); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	s.spares(t, 201, "lost records")
}

// A power cut ends no store in good order: its claim is of the first picture of the day.
func TestAnOlderCopyIsNoticedAfterAPowerCut(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 5)
	s.close(t)
	copied := readFile(t, s.path)
	s.open(t)
	s.photograph(t, 200) // and never closes the store

	older := &testStore{path: filepath.Join(t.TempDir(), "older.db"), thumbs: s.thumbs, log: s.log, options: s.options}
	older.options.ThumbnailDir = s.thumbs
	if err := os.WriteFile(older.path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	older.open(t)
	older.spares(t, 205, "lost records")
	older.close(t)
}

// A copy of a store, restored or older, is another store as far as pictures go.
func TestACopyInTheSameFolderHasPicturesOfItsOwn(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 3)
	backup, _ := s.backup(t)
	r := restored(t, backup)
	r.close(t)
	r.options.ThumbnailDir, r.thumbs = s.thumbs, s.thumbs
	r.open(t)
	r.writeFramed(t, motion("yard", 1), 50)
	s.writeFramed(t, motion("yard", 2), 51)
	s.age(t)
	s.spares(t, 5, "lost records")
	r.spares(t, 5, "lost records")
	for i := range 3 { // each has one claim, however often it is opened
		s.reopen(t)
		s.writeFramed(t, motion("yard", 10+i), 60+i)
	}
	if claims := s.claims(t); len(claims) != 2 {
		t.Errorf("there are %d claims", len(claims))
	}
}

// Empty folders are things that people tidy up.
func TestAClaimThatIsTidiedUpIsMadeAgain(t *testing.T) {
	shop := newStore(t)
	shop.photograph(t, 3)
	house := shop.neighbour(t)
	house.thumbs = shop.thumbs
	house.writeFramed(t, motion("yard", 1), 50)
	shop.forgetClaims(t)
	house.writeFramed(t, motion("yard", 2), 51)
	shop.age(t)
	shop.spares(t, 5, "also has pictures of the store")
}

// What may not be read costs no picture, and no prune.
func TestAFolderThatMayNotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIP: root may read everything")
	}
	s := newStore(t)
	if err := os.MkdirAll(filepath.Join(s.thumbs, "lost+found"), 0o000); err != nil {
		t.Fatal(err)
	}
	s.photograph(t, 3)
	if got := s.folder(t); got != doorlog.FolderOwn {
		t.Errorf("the folder is %s", got)
	}
	s.prune(t, doorlog.Policy{})
}

// A folder from before is the store's if all that is in it is.
func TestAFolderFromBeforeIsAdoptedIfItIsTheStores(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 3)
	s.forgetClaims(t)
	if got := s.folder(t); got != doorlog.FolderUnclaimed {
		t.Errorf("the folder is %s", got)
	}
	if gone := s.prune(t, doorlog.Policy{}); len(gone.HeldBack) != 0 {
		t.Errorf("%+v", gone)
	}
	if got := s.folder(t); got != doorlog.FolderOwn {
		t.Errorf("the folder is %s", got)
	}
	s.forgetClaims(t)
	s.putFile(t, "2026/02/25/01KJ9V8T6000000000000000AB.jpg", "of another store")
	s.age(t)
	s.spares(t, 4, "does not say whose")
	s.reopen(t)
	s.writeFramed(t, motion("porch", 1), 99) // which makes a claim, but not to be alone
	s.age(t)
	s.spares(t, 5, "does not say whose")
}

// However it comes about, no run that nobody attends removes more than a few.
func TestFewOrphansGoAtOnce(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 10)
	for _, name := range []string{"AB", "AC"} {
		s.putFile(t, "2026/02/25/01KJ9V8T6000000000000000"+name+".jpg", "a picture")
	}
	s.age(t)
	s.spares(t, 12, "more than 1 of the folder's 12 pictures")
	if gone := s.prune(t, doorlog.Policy{Orphans: true}); gone.Orphans != 2 {
		t.Errorf("%+v", gone)
	}
}

// Repair spares what is young: its event may be about to be written, by another store.
func TestRepairSparesYoungPictures(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 3)
	orphan := motion("porch", 1)
	if err := s.SaveThumbnail(t.Context(), &orphan, encodeFrame(8, 8, 9)); err != nil {
		t.Fatal(err)
	}
	s.close(t)
	if r, err := doorlog.Repair(t.Context(), s.path, &s.options); err != nil || r.Removed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	s.open(t)
	s.age(t)
	s.close(t)
	if r, err := doorlog.Repair(t.Context(), s.path, &s.options); err != nil || r.Removed != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	s.open(t)
}

// A large file that was closed is not read whole by Open: what is not found in it then
// may be there.
func TestNoFileGoesBeforeTheWholeDatabaseIsVerified(t *testing.T) {
	defer doorlog.SetWholeBelow(0)() // every file is a large one
	for name, bucket := range map[string]string{"events": "events", "an index": "by_thumbnail"} {
		t.Run(name, func(t *testing.T) {
			s := newStoreWith(t, doorlog.Options{Scrub: -1})
			s.photograph(t, 100)
			s.putFile(t, "mine/shared.jpg", "a producer's own")
			shared := s.write(t, named("mine/shared.jpg", 4), named("mine/shared.jpg", 5000))
			for i := range doorlog.FoldAt {
				s.write(t, named(fmt.Sprintf("mine/other%d.jpg", i), i))
			}
			s.age(t)
			at, _ := s.FirstPage(t, bucket)
			s.close(t)
			whole := readFile(t, s.path)
			changeBytes(t, s.path, at+10, 1) // the number of the page's entries
			for what, remove := range map[string]func() error{
				"prune": func() error {
					_, err := s.Prune(t.Context(), doorlog.Policy{MaxAge: day, Orphans: true})
					return err
				},
				"erase": func() error {
					_, err := s.ErasePerson(t.Context(), "alice", doorlog.EraseEvents)
					return err
				},
				"forget": func() error {
					_, err := s.ForgetMissing(t.Context(), nil)
					return err
				},
				"delete": func() error {
					if err := s.DeleteEvent(t.Context(), shared[0].ID); err != nil {
						return err
					}
					_, err := s.Recent(t.Context(), 1) // which now knows
					return err
				},
			} {
				damaged := readFile(t, s.path)
				s.open(t)
				wantError(t, remove(), doorlog.ErrCorrupt, "")
				if n := len(s.files(t)); n != 101 {
					t.Errorf("%s: %d files are left of 101", what, n)
				}
				s.close(t)
				if err := os.WriteFile(s.path, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(s.path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			s.open(t)
		})
	}
}

// claims returns the claims of the thumbnail folder, of which there is one at least.
func (s *testStore) claims(t testing.TB) []string {
	t.Helper()
	claims, err := filepath.Glob(filepath.Join(s.thumbs, ".doorlog-*-*"))
	if err != nil || len(claims) == 0 {
		t.Fatalf("no claims, %v", err)
	}
	return claims
}

// forgetClaims removes the claims, as in a folder of before there were any.
func (s *testStore) forgetClaims(t testing.TB) {
	t.Helper()
	for _, name := range s.claims(t) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
