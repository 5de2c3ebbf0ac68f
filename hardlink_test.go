package doorlog_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/doorlog/doorlog"
)

// A file with several names is not replaced under one of them: what was to go would
// stay under the others.
func TestFileWithHardLinksIsNotReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: no compaction on Windows")
	}
	s := newStore(t)
	s.halve(t, s.household(t, 300))
	if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	other := s.path + ".other"
	if err := os.Link(s.path, other); err != nil {
		t.Skip("SKIP: no hard links here: ", err)
	}
	before := s.Contents(t)
	_, err := s.Compact(t.Context())
	wantError(t, err, doorlog.ErrHardLinks, "compact: ")
	_, err = s.ErasePerson(t.Context(), "alice", doorlog.EraseName)
	wantError(t, err, doorlog.ErrHardLinks, "erase ")
	if after := s.Contents(t); len(after["persons"]) != len(before["persons"]) || len(leftovers(t, s.path)) > 0 {
		t.Errorf("persons %v, left over %v", after["persons"], leftovers(t, s.path))
	}
	repair := s.Damage(t, "index entry gone")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = doorlog.Repair(t.Context(), s.path, &s.options)
	wantError(t, err, doorlog.ErrHardLinks, "repair ")
	_ = repair // Repair does it
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if result, err := doorlog.Repair(t.Context(), s.path, &s.options); err != nil || !result.Rebuilt {
		t.Errorf("%+v: %v", result, err)
	}
	s.open(t)
	if _, err := s.Compact(t.Context()); err != nil {
		t.Error(err)
	}
}

// A crash in between may leave the file with the name that its creation gave it first.
func TestRepairRemovesTheNameOfACreation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: a file that is open has one name on Windows")
	}
	s := newStore(t)
	s.household(t, 100)
	s.Damage(t, "index entry gone")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(s.path, filepath.Join(filepath.Dir(s.path), ".events.db.new-1")); err != nil {
		t.Skip("SKIP: no hard links here: ", err)
	}
	if result, err := doorlog.Repair(t.Context(), s.path, &s.options); err != nil || !result.Rebuilt {
		t.Errorf("%+v: %v", result, err)
	}
	if left := leftovers(t, s.path); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	s.open(t)
}
