package doorlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/doorlog/doorlog"
)

// A store of a later schema is not damaged, and not to be set aside.
func TestNewerSchemaIsNoDamage(t *testing.T) {
	s := newStore(t)
	s.close(t)
	s.inFile(t, doorlog.RaiseSchema)
	for _, s.options.Quarantine = range []bool{false, true} {
		_, err := doorlog.Open(s.path, &s.options)
		wantError(t, err, doorlog.ErrNewerSchema, s.path)
	}
	if left, err := filepath.Glob(s.path + ".damaged-*"); len(left) > 0 || err != nil {
		t.Errorf("an older program has put it in quarantine: %v, %v", left, err)
	}
}

// Beside deletions, files go that a snapshot still names.
func TestVerifyBesideDeletionsFindsNothing(t *testing.T) {
	s := newStore(t)
	frame := jpegFrame(t, 64, 48)
	var ids []doorlog.ID
	for i := range 300 {
		id, err := idOf(s.WriteEventWithFrame(t.Context(), motion("garage", i), frame))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, id := range ids {
			if err := s.DeleteEvent(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
	found := 0
	var first string
	for range 20 {
		v, err := s.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if found += v.Found; v.Found > 0 && first == "" {
			first = v.Findings[0].String()
		}
	}
	wg.Wait()
	if found > 0 {
		t.Errorf("a sound store has %d findings, such as %s", found, first)
	}
}

// What keeps Verify from opening a sound file is an error, and no damage.
func TestVerifyThatCannotOpenIsAnError(t *testing.T) {
	s := newStore(t)
	s.close(t)
	n := 0
	opt := &doorlog.Options{OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
		if n++; n == 2 {
			return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
		}
		return os.OpenFile(name, flag, perm)
	}}
	v, err := doorlog.Verify(t.Context(), s.path, opt)
	if err == nil {
		t.Errorf("a sound file: %v, records whole %v", v.Findings, v.RecordsWhole)
	}
	n = 0
	r, err := doorlog.Repair(t.Context(), s.path, opt)
	if err == nil && r.Rebuilt {
		t.Error("and Repair has made it anew")
	}
}

// However many thumbnails are missing, that is no reason to make the file anew.
func TestRepairOfManyMissingThumbnailsRebuildsNothing(t *testing.T) {
	s := newStore(t)
	frame := jpegFrame(t, 16, 16)
	for i := range 101 {
		if _, err := s.WriteEventWithFrame(t.Context(), motion("garage", i), frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.thumbs); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(s.path)
	r, err := doorlog.Repair(t.Context(), s.path, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(s.path)
	if r.Rebuilt || !os.SameFile(before, after) {
		t.Errorf("rebuilt: %v, found %d", r.Rebuilt, r.Before.Found)
	}
}

// Where the file outgrows its mapping, a writer waits for snapshots, and a
// verification must not wait for that writer.
func TestVerifyBesideGrowthDoesNotHang(t *testing.T) {
	defer doorlog.SetMapSize(0)()
	s := newStoreWith(t, doorlog.Options{Scrub: -1})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 20 {
				if _, err := s.WriteEvent(t.Context(), heavy(g*100+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 20 {
				if v, err := s.Verify(t.Context()); err != nil || !v.Sound() {
					t.Error(v, err)
				}
			}
		})
	}
	all.Wait()
}

// heavy returns an event of some 50 KB.
func heavy(minutesAgo int) doorlog.Event {
	e := motion("garage", minutesAgo)
	e.Attributes = make(map[string]string)
	for i := range 12 {
		e.Attributes[fmt.Sprint("a", i)] = strings.Repeat(string(rune('a'+minutesAgo%26)), doorlog.MaxAttributeValue)
	}
	return e
}

// A page that the disk cannot read is damaged, and what is on the others is saved.
func TestUnreadablePageIsDamage(t *testing.T) {
	s := newStore(t)
	s.household(t, 1000)
	s.close(t)
	some := 0 // windows of pages without which some events are left
	for from := int64(2); from < 100; from += 4 {
		v := doorlog.UnreadablePages(t, s.path, from, from+4)
		if v.Events == 0 || v.Events == 1000 {
			continue
		}
		some++
		wantFinding(t, v, "it cannot be read: input/output error")
		if v.RecordsWhole {
			t.Errorf("without the pages from %d on: %+v", from, v)
		}
	}
	if some == 0 {
		t.Error("no page mattered")
	}
	s.open(t)
}
