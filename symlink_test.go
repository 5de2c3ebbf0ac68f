package doorlog_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A movedYear is a store whose thumbnails of 2025 somebody has moved to another
// disk, with a symbolic link in their place.
type movedYear struct {
	*testStore
	elsewhere string          // where they are
	old, new  []doorlog.Event // of 2025, and of 2026
}

func newMovedYear(t *testing.T, link func(s *testStore, elsewhere string) (to string)) *movedYear {
	t.Helper()
	m := &movedYear{testStore: newStore(t)}
	for i := range 3 {
		e := motion("garage", i)
		m.new = append(m.new, m.writeFrame(t, e, jpegFrame(t, 16, 8)))
		e.RecordedAt = e.RecordedAt.AddDate(-1, 0, 0)
		e.Person = "alice"
		m.old = append(m.old, m.writeFrame(t, e, jpegFrame(t, 16, 8)))
	}
	m.elsewhere = filepath.Join(t.TempDir(), "2025")
	to := link(m.testStore, m.elsewhere)
	place := filepath.Join(m.thumbs, "2025")
	if err := os.Rename(place, m.elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, place); err != nil {
		t.Skip("SKIP: no symbolic links here:", err)
	}
	return m
}

func (m *movedYear) wantLeft(t *testing.T, want int) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(m.elsewhere, "*", "*", "*.jpg"))
	if err != nil || len(left) != want {
		t.Errorf("behind the link there are %d files, want %d (%v)", len(left), want, err)
	}
}

func TestASymbolicLinkAmongTheThumbnailsIsNamedAndIsNoDamage(t *testing.T) {
	for name, link := range map[string]func(s *testStore, elsewhere string) string{
		"to another disk": func(_ *testStore, elsewhere string) string { return elsewhere },
		"to what is not mounted": func(_ *testStore, elsewhere string) string {
			return elsewhere + ".away"
		},
		"inside of the folder": func(s *testStore, elsewhere string) string {
			return "../" + filepath.Base(s.thumbs) + "/2026"
		},
		"to itself": func(*testStore, string) string { return "2025" },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMovedYear(t, link)
			ctx := t.Context()
			for _, e := range m.old {
				_, err := m.Thumbnail(ctx, e.ID)
				wantError(t, err, doorlog.ErrSymlink, filepath.Join(m.thumbs, "2025")+" is a symbolic link")
				if errors.Is(err, doorlog.ErrCorrupt) || errors.Is(err, doorlog.ErrInvalid) {
					t.Error(err)
				}
			}
			v, err := m.Verify(ctx)
			if err != nil || !v.Sound() || v.Linked != 3 || len(v.Links) != 1 || v.Links[0] != "2025" || v.Orphaned != 0 || v.Thumbnails != 6 {
				t.Errorf("verification is %+v, %v", v, err)
			}

			// The events can be changed all the same, and written again.
			m.old[0].AlertSent = true
			if err := m.UpdateEvent(ctx, m.old[0]); err != nil {
				t.Error(err)
			}
			if id, err := idOf(m.WriteEvent(ctx, m.old[0])); err != nil || id != m.old[0].ID {
				t.Error(id, err)
			}
			wantEvent(t, m.event(t, m.old[0].ID), m.old[0])

			// A new picture is not put where it could not be read.
			late := motion("garage", 1)
			late.RecordedAt = late.RecordedAt.AddDate(-1, 0, 1)
			if e := m.writeFrame(t, late, jpegFrame(t, 16, 8)); e.ThumbnailPath != "" || !strings.Contains(m.log.String(), "2025 is a symbolic link") {
				t.Errorf("%q, log: %s", e.ThumbnailPath, m.log)
			}
			if err := m.SaveThumbnail(ctx, &late, jpegFrame(t, 16, 8)); !errors.Is(err, doorlog.ErrSymlink) {
				t.Error(err)
			}

			// A backup has the others, and says why these are not in it.
			info, err := m.Backup(ctx, io.Discard, nil)
			if err != nil || info.Missing != 3 || info.Linked != 3 || info.Thumbnails != 3 {
				t.Errorf("backup is %+v, %v", info, err)
			}
			if n := strings.Count(m.log.String(), "a thumbnail is not in the backup"); n != 1 {
				t.Errorf("the log has told %d times of the link:\n%s", n, m.log)
			}

			// What is behind it stays, and no erasure is said to be done.
			if _, err := m.ErasePerson(ctx, "alice", doorlog.EraseName); !errors.Is(err, doorlog.ErrSymlink) {
				t.Error(err)
			}
			if err := m.DeleteEvent(ctx, m.old[1].ID); err != nil {
				t.Error(err)
			}
			if _, err := m.Prune(ctx, doorlog.Policy{MaxAge: 1}); err != nil {
				t.Error(err)
			}
			m.wantLeft(t, 3)
		})
	}
}

// When the folder is in its place again the erasure goes on where it stopped.
func TestAnErasureBehindASymbolicLinkIsDoneWhenTheFolderIsBack(t *testing.T) {
	m := newMovedYear(t, func(_ *testStore, elsewhere string) string { return elsewhere })
	for range 2 {
		_, err := m.ErasePerson(t.Context(), "alice", doorlog.EraseName)
		wantError(t, err, doorlog.ErrSymlink, "2025 is a symbolic link")
	}
	m.reopen(t)
	place := filepath.Join(m.thumbs, "2025")
	if err := errors.Join(os.Remove(place), os.Rename(m.elsewhere, place)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ErasePerson(t.Context(), "alice", doorlog.EraseName); err != nil {
		t.Error(err)
	}
	for _, e := range m.old {
		if _, err := os.Stat(filepath.Join(m.thumbs, e.ThumbnailPath)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", e.ThumbnailPath, err)
		}
	}
}

// A file may be a link as well, and repair leaves both alone.
func TestRepairLeavesWhatLiesBehindSymbolicLinks(t *testing.T) {
	m := newMovedYear(t, func(_ *testStore, elsewhere string) string { return elsewhere })
	file := filepath.Join(m.thumbs, m.new[0].ThumbnailPath)
	away := filepath.Join(t.TempDir(), "away.jpg")
	if err := errors.Join(os.Rename(file, away), os.Symlink(away, file), m.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := doorlog.Repair(t.Context(), m.path, &m.options)
	if err != nil || r.Rebuilt || r.Removed != 0 || !r.After.Sound() || r.After.Linked != 4 || len(r.After.Links) != 2 {
		t.Errorf("%+v, %+v, %v", r, r.After, err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error(info, err)
	}
	m.wantLeft(t, 3)
}

// The default folder is that of the file, by whatever name the file is opened.
func TestTheThumbnailsAreBesideTheFileThatALinkLeadsTo(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "store", "events.db"), filepath.Join(dir, "link.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("store", "events.db"), link); err != nil {
		t.Skip("SKIP: no symbolic links here:", err)
	}
	for _, name := range []string{path, link} {
		s, err := doorlog.Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := motion("garage", 0)
		if err = s.SaveThumbnail(t.Context(), &e, jpegFrame(t, 8, 8)); err == nil {
			_, err = s.WriteEvent(t.Context(), e)
		}
		if err = errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, link} {
		v, err := doorlog.Verify(t.Context(), name, nil)
		if err != nil || !v.Sound() || v.Thumbnails != 2 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	beside := filepath.Join(dir, "store", "thumbnails")
	if found, err := filepath.Glob(filepath.Join(beside, "*", "*", "*", "*.jpg")); err != nil || len(found) != 2 {
		t.Errorf("beside the file there are %q, %v", found, err)
	}
}

// A picture that cannot be removed keeps its event's word of it: what is pruned is told,
// and done, alike.
func TestPruneLeavesEventsWhosePicturesLieBehindALink(t *testing.T) {
	s := newStore(t)
	stored := s.photograph(t, 3)
	year, away := filepath.Join(s.thumbs, "2026"), filepath.Join(t.TempDir(), "2026")
	if err := os.Rename(year, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(away, year); err != nil {
		t.Fatal(err)
	}
	for _, p := range []doorlog.Policy{{ThumbnailAge: time.Second}, {MaxAge: time.Second}} {
		said, did := s.wouldPrune(t, p), s.prune(t, p)
		if !reflect.DeepEqual(said, did) || did.Kept != 3 || did.Thumbnails != 0 || len(did.HeldBack) != 1 ||
			!strings.Contains(did.HeldBack[0], "symbolic link") {
			t.Errorf("it said %+v\nand did %+v", said, did)
		}
	}
	for _, e := range stored {
		wantEvent(t, s.event(t, e.ID), e)
	}
	if err := errors.Join(os.Remove(year), os.Rename(away, year)); err != nil {
		t.Fatal(err)
	}
}
