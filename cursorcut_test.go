package doorlog_test

import (
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// An older copy of the file, put back, goes on until the change before a cursor of the newer file is
// the last one that it does not keep.
func TestCursorOfAnotherHistoryIsGoneWhereTheKeptChangesBegin(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	s.changePersons(t, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, s.path)
	s.open(t)
	const cut = 128 // two blocks
	s.changePersons(t, cut-10)
	at := s.cursor(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.path, before)
	s.open(t)
	for st := s.stats(t); st.Change-uint64(st.Changes) < cut; st = s.stats(t) {
		if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "another"}); err != nil {
			t.Fatal(err)
		}
		s.changePersons(t, 9)
	}
	if st := s.stats(t); st.Change-uint64(st.Changes) != cut {
		t.Fatalf("the changes up to %d are not kept", st.Change-uint64(st.Changes))
	}
	_, err := s.ChangePage(t.Context(), at, 0, nil)
	wantError(t, err, doorlog.ErrGone, "up to 128")
}

// A file and its salvaged copy have the same store and incarnation.
func TestFirstCursorAfterASalvageIsGoneInTheCopy(t *testing.T) {
	s := newStore(t)
	s.changePersons(t, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "events.db")
	if _, err := doorlog.Salvage(t.Context(), s.path, fresh, nil); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	s.write(t, motion("garage", 1)) // which the copy does not have
	at := s.cursor(t)
	st, err := doorlog.Open(fresh, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	own, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = st.ChangePage(t.Context(), own, 0, nil); err != nil {
		t.Errorf("the copy's own cursor: %v", err)
	}
	_, err = st.ChangePage(t.Context(), at, 0, nil)
	wantError(t, err, doorlog.ErrGone, "not kept any more")
}
