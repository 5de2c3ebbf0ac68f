package doorlog_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

func (s *testStore) putPerson(t testing.TB, in doorlog.PersonInput) doorlog.Person {
	t.Helper()
	p, err := s.PutPerson(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPersonIsPutReadAndKept(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	want := doorlog.Person{Name: "mary_ann", DisplayName: "Mary Ann", AutoUnlock: true, CreatedAt: now}
	check := func(doing string, got doorlog.Person) {
		t.Helper()
		stored, err := s.Person(ctx, "mary_ann")
		if want.Key == (doorlog.ID{}) {
			want.Key = stored.Key
		}
		if err != nil || got != want || stored != want {
			t.Errorf("%s: got %+v, stored %+v, want %+v, %v", doing, got, stored, want, err)
		}
	}
	check("new", s.putPerson(t, doorlog.PersonInput{Name: "mary_ann"}))
	want.AutoUnlock = false
	check("auto unlock", s.putPerson(t, doorlog.PersonInput{Name: "mary_ann", AutoUnlock: new(false)}))
	want.DisplayName = "Mary"
	check("display name", s.putPerson(t, doorlog.PersonInput{Name: "mary_ann", DisplayName: "Mary"}))
	check("nothing", s.putPerson(t, doorlog.PersonInput{Name: "mary_ann"}))
	want.CreatedAt = now.AddDate(-1, 0, 0)
	check("created", s.putPerson(t, doorlog.PersonInput{Name: "mary_ann", CreatedAt: want.CreatedAt}))
	s.reopen(t)
	check("reopened", want)
	if persons, err := s.Persons(ctx); err != nil || !slices.Equal(persons, []doorlog.Person{want}) {
		t.Errorf("%+v, %v", persons, err)
	}
}

func TestDisplayNameComesFromTheName(t *testing.T) {
	s := newStore(t)
	for name, want := range map[string]string{
		"alice": "Alice", "mary_ann": "Mary Ann", "jean-luc": "Jean Luc", "élise": "Élise", "Bob": "Bob",
		"_x__y_": "X Y", "___": "___", "de la cruz": "De La Cruz", "7up": "7up",
	} {
		if p := s.putPerson(t, doorlog.PersonInput{Name: name}); p.DisplayName != want {
			t.Errorf("%q became %q, want %q", name, p.DisplayName, want)
		}
	}
}

func TestPersonsAreRefusedByTheirField(t *testing.T) {
	s := newStore(t)
	for field, in := range map[string]doorlog.PersonInput{
		"name: is empty":         {},
		"name: has 256 bytes":    {Name: strings.Repeat("x", 256)},
		"name: ":                 {Name: "a\x00"},
		"display_name: ":         {Name: "a", DisplayName: "\xff"},
		"display_name: has 300 ": {Name: "a", DisplayName: strings.Repeat("x", 300)},
		"created_at: ":           {Name: "a", CreatedAt: now.AddDate(1, 0, 0)},
	} {
		_, err := s.PutPerson(t.Context(), in)
		wantError(t, err, doorlog.ErrInvalid, field)
	}
	_, err := s.Person(t.Context(), "a")
	wantError(t, err, doorlog.ErrNotFound, `person "a"`)
	wantError(t, s.SetAutoUnlock(t.Context(), "a", true), doorlog.ErrNotFound, `"a"`)
	wantError(t, s.DeletePerson(t.Context(), "a"), doorlog.ErrNotFound, `"a"`)
	wantError(t, s.DeletePerson(t.Context(), ""), doorlog.ErrInvalid, "name")
}

func TestAutoUnlockNames(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	for _, name := range []string{"carol", "alice", "bob"} {
		s.putPerson(t, doorlog.PersonInput{Name: name})
	}
	if err := s.SetAutoUnlock(ctx, "bob", false); err != nil {
		t.Fatal(err)
	}
	if names, err := s.AutoUnlockNames(ctx); err != nil || !slices.Equal(names, []string{"alice", "carol"}) {
		t.Errorf("%v, %v", names, err)
	}
	if err := s.SetAutoUnlock(ctx, "bob", true); err != nil {
		t.Fatal(err)
	}
	if names, err := s.AutoUnlockNames(ctx); err != nil || len(names) != 3 {
		t.Errorf("%v, %v", names, err)
	}
}

// A resident who moves out is still who came home and opened the door last week.
func TestDeletePersonLeavesHistoryAlone(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	s.putPerson(t, doorlog.PersonInput{Name: "alice"})
	s.putPerson(t, doorlog.PersonInput{Name: "alic"}) // a prefix is somebody else
	var want []doorlog.Event
	for i := range doorlog.FoldAt + 20 { // some are folded, some are in the tail
		e := fullEvent()
		e.RecordedAt = e.RecordedAt.AddDate(0, 0, -1-i)
		e.Person = []string{"alice", "alic", "", "bob"}[i%4]
		want = append(want, s.write(t, e)...)
	}
	tail := motion("garage", 0)
	tail.Person = "alice"
	want = append(want, s.write(t, tail)...)
	want = append(want, s.writeFrame(t, tail, jpegFrame(t, 8, 8)))
	answers := func() []any {
		activity, err := s.PersonActivity(ctx, doorlog.Scope{})
		summary, serr := s.Summary(ctx, doorlog.Scope{})
		n, cerr := s.Count(ctx, doorlog.Query{Persons: []string{"alice"}})
		unlocks, uerr := s.Count(ctx, doorlog.Query{Persons: []string{"alice"}, UnlockGranted: new(true)})
		if err := errors.Join(err, serr, cerr, uerr); err != nil || unlocks == 0 {
			t.Fatal(unlocks, err)
		}
		return []any{activity, summary, n, unlocks}
	}
	before := answers()
	if err := s.DeletePerson(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	for _, e := range want {
		wantEvent(t, s.event(t, e.ID), e)
	}
	if after := answers(); !reflect.DeepEqual(before, after) {
		t.Errorf("answers\n was %+v\n are %+v", before, after)
	}
	if _, err := s.Thumbnail(ctx, want[len(want)-1].ID); err != nil {
		t.Error(err)
	}
	if persons, err := s.Persons(ctx); err != nil || len(persons) != 1 || persons[0].Name != "alic" {
		t.Errorf("%+v, %v", persons, err)
	}
	wantError(t, s.DeletePerson(ctx, "alice"), doorlog.ErrNotFound, "alice")
	wantError(t, s.DeletePerson(ctx, "bob"), doorlog.ErrNotFound, "bob") // who is in events only
	// To take the name away is another call, also for who is not listed any more.
	if receipt, err := s.ErasePerson(ctx, "alice", doorlog.EraseName); err != nil || receipt.Events != before[2].(int) {
		t.Errorf("receipt is %+v, %v", receipt, err)
	}
}

func TestSyncPersonsFromAFolderOfFaces(t *testing.T) {
	s := newStore(t)
	dir := t.TempDir()
	for _, name := range []string{
		"alice_1.jpg", "alice_2.JPG", "mary_ann_front.jpeg", "bob_x.png", "carol_.bmp", "_1.jpg", "dave.jpg",
		"eve_1.gif", "readme.txt", "._alice_1.jpg", "zoé_1.bmp",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder_1.jpg"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.putPerson(t, doorlog.PersonInput{Name: "bob", DisplayName: "Uncle Bob", AutoUnlock: new(false)})
	got, err := s.SyncPersons(t.Context(), dir)
	want := doorlog.PersonSync{
		Added:   []string{"alice", "mary_ann", "zoé"},
		Known:   []string{"bob"},
		Skipped: []string{"._alice_1.jpg", "_1.jpg", "carol_.bmp", "dave.jpg", "eve_1.gif", "folder_1.jpg", "readme.txt"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v, %v", got, want, err)
	}
	files, err := doorlog.FilesOfPersons(dir)
	again, serr := s.SyncPersonFiles(t.Context(), files)
	want.Added, want.Known = nil, []string{"alice", "bob", "mary_ann", "zoé"}
	if err != nil || serr != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("by names, got %+v\nwant %+v, %v, %v", again, want, err, serr)
	}
	if p, err := s.Person(t.Context(), "bob"); err != nil || p.AutoUnlock || p.DisplayName != "Uncle Bob" {
		t.Errorf("bob became %+v, %v", p, err)
	}
	if _, err := s.SyncPersons(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("a missing folder is no error")
	}
}

func TestPersonJSON(t *testing.T) {
	p := doorlog.Person{Name: "bob", DisplayName: "Bob", CreatedAt: now}
	got, err := json.Marshal(p)
	want := `{"name":"bob","display_name":"Bob","auto_unlock":false,"created_at":"2026-02-25T18:30:00Z"}`
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	var back doorlog.Person
	if err := json.Unmarshal(got, &back); err != nil || back != p {
		t.Errorf("%+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"name":"x"}`), &back); err != nil || !back.AutoUnlock {
		t.Errorf("auto unlock is not the default: %+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"nom":"x"}`), &back); err == nil {
		t.Error("an unknown field is no error")
	}
}
