package doorlog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// forget calls ForgetMissing after WouldForgetMissing, which must say the same.
func (s *testStore) forget(t testing.TB) *doorlog.Forgotten {
	t.Helper()
	said, err := s.WouldForgetMissing(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	did, err := s.ForgetMissing(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if said.Events != did.Events || said.Thumbnails != did.Thumbnails || len(said.Paths) != len(did.Paths) {
		t.Errorf("it said %+v\nand did %+v", said, did)
	}
	return did
}

// Pictures that somebody has removed by hand are not missed for ever.
func TestForgetWhatWasRemovedByHand(t *testing.T) {
	s := newStore(t)
	stored := s.photograph(t, 40)
	s.putFile(t, "mine/shared.jpg", "a producer's own")
	s.putFile(t, "mine/kept.jpg", "another")
	s.write(t, named("mine/shared.jpg", 3), named("mine/shared.jpg", 4), named("mine/later.jpg", 5), named("mine/kept.jpg", 6))
	gone := []string{stored[3].ThumbnailPath, stored[39].ThumbnailPath, "mine/shared.jpg"}
	for _, name := range gone {
		if err := os.Remove(filepath.Join(s.thumbs, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.putFile(t, stored[5].ThumbnailPath, "changed, and not missing")
	if v, err := s.Verify(t.Context()); err != nil || v.Found != 5 {
		t.Fatalf("%+v, %v", v, err)
	}
	if done := s.forget(t); done.Events != 4 || done.Thumbnails != 39 || len(done.Paths) != 4 {
		t.Errorf("%+v", done)
	}
	v, err := s.Verify(t.Context())
	if err != nil || v.Found != 1 { // the one that has changed
		t.Errorf("%+v, %v", v, err)
	}
	want := stored[3]
	want.ThumbnailPath = ""
	wantEvent(t, s.event(t, want.ID), want)
	if _, info := s.backup(t); info.Missing != 1 { // which never was there
		t.Errorf("%+v", info)
	}
	if done := s.forget(t); done.Events != 0 {
		t.Errorf("again: %+v", done)
	}
	frame := encodeFrame(16, 8, 5)
	if err := s.DeleteEvent(t.Context(), stored[5].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteEventWithFrame(t.Context(), motion("porch", 60*5), frame); err != nil {
		t.Fatal(err)
	}
}

// A folder that has none of the store's pictures any more may be on a disk that is not
// mounted: its names stay, unless somebody says that they may go.
func TestForgetSparesFoldersThatHaveNothing(t *testing.T) {
	s := newStore(t)
	stored := s.photograph(t, 40)
	oldest := filepath.Dir(stored[39].ThumbnailPath)
	gone := 0
	for _, e := range stored {
		if filepath.Dir(e.ThumbnailPath) == oldest {
			gone++
		}
	}
	if err := os.RemoveAll(filepath.Join(s.thumbs, oldest)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // first without the folder, and then with an empty one, as a mount point is
		if done := s.forget(t); done.Events != 0 || done.Thumbnails != 40-gone {
			t.Errorf("%+v", done)
		}
		if err := os.MkdirAll(filepath.Join(s.thumbs, oldest), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	done, err := s.ForgetMissing(t.Context(), &doorlog.ForgetOptions{Folders: true})
	if err != nil || done.Events != gone || gone == 0 {
		t.Errorf("%+v of %d, %v", done, gone, err)
	}
}

// A disk that is not mounted does not cost the names of all pictures.
func TestForgetNothingOfAFolderThatIsAway(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 3)
	away := s.thumbs + ".away"
	for name, instead := range map[string]func() error{
		"nothing":      func() error { return nil },
		"a mount":      func() error { return os.Mkdir(s.thumbs, 0o700) },
		"another disk": func() error { return os.MkdirAll(filepath.Join(s.thumbs, "lost+found"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			s.close(t)
			if err := os.Rename(s.thumbs, away); err != nil {
				t.Fatal(err)
			}
			if err := instead(); err != nil {
				t.Fatal(err)
			}
			s.open(t)
			_, err := s.ForgetMissing(t.Context(), nil)
			wantError(t, err, doorlog.ErrFolder, "is its disk mounted?")
			s.close(t)
			if err := os.RemoveAll(s.thumbs); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(away, s.thumbs); err != nil {
				t.Fatal(err)
			}
			s.open(t)
		})
	}

	// Of one year that is on another disk, by a link, nothing is known to be missing.
	year := filepath.Join(s.thumbs, "2026")
	if err := os.Rename(year, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(t.TempDir(), "not mounted"), year); err != nil {
		t.Fatal(err)
	}
	if done, err := s.ForgetMissing(t.Context(), nil); err != nil || done.Events != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if err := os.Remove(year); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, year); err != nil {
		t.Fatal(err)
	}
}

func TestForgetIsForStoresThatMayBeWritten(t *testing.T) {
	s := newStore(t)
	s.photograph(t, 1)
	s.options.ReadOnly = true
	s.reopen(t)
	if done, err := s.WouldForgetMissing(t.Context(), nil); err != nil || done.Events != 0 || done.Thumbnails != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	_, err := s.ForgetMissing(t.Context(), nil)
	wantError(t, err, doorlog.ErrReadOnly, "forget missing thumbnails")
}
