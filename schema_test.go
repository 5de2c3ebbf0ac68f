package doorlog_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/doorlog/doorlog"
)

// A file of an older schema is as it was to who only reads it, and upgraded by who
// writes. In schema 1 the tail was a part of events and each index entry a key; in
// schema 2 the state had no txid, and each commit wrote the list of free pages; in schema 3
// there were no changes and no index of attributes. Two of the files had not been closed.
func TestOlderSchemasAreUpgraded(t *testing.T) {
	needLittleEndian(t)
	for _, name := range []string{"schema1", "schema2", "schema2-open", "schema3", "schema3-open"} {
		t.Run(name, func(t *testing.T) { isUpgraded(t, "testdata/"+name+".db.gz") })
	}
}

func isUpgraded(t *testing.T, name string) {
	r, err := gzip.NewReader(bytes.NewReader(readFile(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "events.db"), filepath.Join(dir, "copied.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = doorlog.Open(path, &doorlog.Options{ReadOnly: true})
	wantError(t, err, doorlog.ErrOlderSchema, path)
	if !bytes.Equal(readFile(t, path), file) {
		t.Fatal("the file was changed")
	}
	if salvaged, err := doorlog.Salvage(t.Context(), path, copied, nil); err != nil || !salvaged.Complete || salvaged.Events == 0 {
		t.Fatalf("salvage: %+v, %v", salvaged, err)
	}
	fresh, err := doorlog.Open(copied, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := fresh.Recent(t.Context(), 1<<20)
	if err := errors.Join(err, fresh.Close()); err != nil {
		t.Fatal(err)
	}
	s := newStoreIn(t, dir, doorlog.Options{})
	_, err = s.ChangePage(t.Context(), doorlog.Cursor{}, 0, nil)
	wantError(t, err, doorlog.ErrGone, "from the beginning")
	persons, err := s.Persons(t.Context())
	if err != nil || slices.ContainsFunc(persons, func(p doorlog.Person) bool { return p.Key == doorlog.ID{} }) {
		t.Errorf("persons %+v, %v", persons, err)
	}
	events := s.all(t, doorlog.Query{})
	s.findsByAttributes(t, events)
	if len(events) < 100 || !reflect.DeepEqual(events, want) {
		t.Fatalf("%d events, and not the %d that a salvage finds", len(events), len(want))
	}
	cameras := make(map[string][]doorlog.Event)
	for _, e := range events {
		cameras[e.Camera] = append(cameras[e.Camera], e)
	}
	for camera, want := range cameras {
		if got := s.all(t, doorlog.Query{Cameras: []string{camera}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d events, and not %d", camera, len(got), len(want))
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for i := range 2 * doorlog.FoldAt { // onto the lists of short blocks
		s.write(t, motion(events[i%len(events)].Camera, i))
	}
	if err := s.DeleteEvent(t.Context(), events[7].ID); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if got := s.all(t, doorlog.Query{}); len(got) != len(events)+2*doorlog.FoldAt-1 {
		t.Errorf("%d events", len(got))
	}
}

// findsByAttributes fails unless each event is found by each of its attributes.
func (s *testStore) findsByAttributes(t *testing.T, events []doorlog.Event) {
	t.Helper()
	for _, e := range events {
		for name, value := range e.Attributes {
			q := doorlog.Query{Attributes: map[string][]string{name: {value}}}
			if !slices.ContainsFunc(s.all(t, q), func(f doorlog.Event) bool { return f.ID == e.ID }) {
				t.Fatalf("event %s is not found by %s=%s", e.ID, name, value)
			}
		}
	}
}

// A backup that an older version has made is restored, and upgraded.
func TestABackupOfAnOlderSchemaIsRestored(t *testing.T) {
	needLittleEndian(t)
	for _, name := range []string{"schema2", "schema3"} {
		t.Run(name, func(t *testing.T) {
			r, err := gzip.NewReader(bytes.NewReader(readFile(t, "testdata/"+name+"-backup.tar.gz")))
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "restored")
			info, err := doorlog.Restore(t.Context(), dir, r, nil)
			if err != nil || info.Events != 5 {
				t.Fatalf("%+v, %v", info, err)
			}
			s := newStoreIn(t, dir, doorlog.Options{})
			if got := s.all(t, doorlog.Query{Persons: []string{"alice"}}); len(got) != 5 || len(got[0].Detections) != 1 {
				t.Errorf("%d events", len(got))
			}
		})
	}
}
