package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// rename is RenameCamera or RenamePerson.
type rename func(ctx context.Context, from, to string) (*doorlog.Renamed, error)

// onRenamed has renamed called after each transaction of a rename.
func (s *testStore) onRenamed(t testing.TB, renamed func()) {
	t.Helper()
	var done int64
	s.options.Progress = func(p doorlog.Progress) {
		if p.Doing != "renaming" {
			return
		}
		more := p.Done > done
		if done = p.Done; more {
			renamed()
		}
	}
	s.reopen(t)
}

func (s *testStore) wantCount(t testing.TB, q doorlog.Query, want int) {
	t.Helper()
	if n, err := s.Count(t.Context(), q); err != nil || n != want {
		t.Errorf("count of %+v is %d, %v; want %d", q, n, err, want)
	}
	if n := len(s.all(t, q)); n != want {
		t.Errorf("%+v finds %d, want %d", q, n, want)
	}
}

func TestRenameCameraFindsEverySpelling(t *testing.T) {
	for _, n := range []int{5, 2*doorlog.FoldAt + 30} { // in the tail alone, and on both sides
		s := newStore(t)
		s.before(t, n)
		want := s.all(t, doorlog.Query{})
		got, err := s.RenameCamera(t.Context(), "camera "+mixed, "pre\u0301")
		if err != nil || *got != (doorlog.Renamed{From: "camera " + composed, To: "pré", Events: n}) {
			t.Fatalf("%+v, %v", got, err)
		}
		for i := range want {
			want[i].Camera = "pré"
		}
		wantEvents(t, s.all(t, doorlog.Query{}), want)
		for _, name := range spelled {
			s.wantCount(t, doorlog.Query{Cameras: []string{"camera " + name}}, 0)
		}
		s.wantCount(t, doorlog.Query{Cameras: []string{"pré"}}, n)
		(&model{events: want}).compareLists(t, s)
		if _, err := s.EventByRecording(t.Context(), "pré", want[0].RecordingID); err != nil {
			t.Error(err)
		}
	}
}

func TestRenamePersonFindsEverySpelling(t *testing.T) {
	s := newStore(t)
	const n = 2*doorlog.FoldAt + 30
	s.before(t, n)
	got, err := s.RenamePerson(t.Context(), decomposed, "zoe")
	if err != nil || *got != (doorlog.Renamed{From: composed, To: "zoe", Events: n, Known: true}) {
		t.Fatalf("%+v, %v", got, err)
	}
	s.wantCount(t, doorlog.Query{Persons: []string{mixed}}, 0)
	s.wantCount(t, doorlog.Query{Persons: []string{"zoe"}}, n)
	persons, err := s.Persons(t.Context())
	if err != nil || len(persons) != 1 || persons[0].Name != "zoe" || persons[0].DisplayName != "Zoe" || persons[0].AutoUnlock {
		t.Errorf("%+v, %v", persons, err)
	}
}

// The events of both cameras have one name afterwards; of a recording that both had, both
// events stay, and the newer one is found.
func TestRenameCameraMergesTwoCameras(t *testing.T) {
	s := newStore(t)
	frame := jpegFrame(t, 32, 32)
	var last doorlog.Event
	for i := range doorlog.FoldAt + 10 {
		e := motion([]string{"porhc", "porch", "garage"}[i%3], 500-i)
		e.RecordingID = fmt.Sprint("rec", i/3)
		stored, err := s.WriteEventWithFrame(t.Context(), e, frame)
		if err != nil {
			t.Fatal(err)
		}
		if e.Camera == "porch" {
			last = stored
		}
	}
	before := s.files(t)
	count := func(camera string) int {
		n, err := s.Count(t.Context(), doorlog.Query{Cameras: []string{camera}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	old, there := count("porhc"), count("porch")
	got, err := s.RenameCamera(t.Context(), "porhc", "porch")
	if err != nil || got.Events != old || !got.Merged || got.Left != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	s.wantCount(t, doorlog.Query{Cameras: []string{"porch"}}, old+there)
	s.wantFiles(t, before...)
	if e, err := s.EventByRecording(t.Context(), "porch", last.RecordingID); err != nil || e.ID != last.ID {
		t.Errorf("%s has %+v, %v", last.RecordingID, e, err)
	}
	again := motion("porch", 0)
	again.RecordingID = last.RecordingID
	if e, existed, err := s.WriteEventOnce(t.Context(), again, nil); err != nil || !existed || e.ID != last.ID {
		t.Errorf("once: %+v, %v, %v", e, existed, err)
	}
	for _, e := range s.all(t, doorlog.Query{}) {
		if _, err := s.Thumbnail(t.Context(), e.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestRenamePersonMovesThePerson(t *testing.T) {
	s := newStore(t)
	added := now.Add(-time.Hour)
	made := s.putPerson(t, doorlog.PersonInput{Name: "mary_ann", CreatedAt: added})
	given := s.putPerson(t, doorlog.PersonInput{Name: "bob", DisplayName: "The Builder", AutoUnlock: new(false)})
	e := motion("porch", 1)
	e.Person = "mary_ann"
	e.Attributes = map[string]string{"seen": "mary_ann"}
	id := s.write(t, e)[0].ID
	for _, r := range []struct{ from, to string }{{"mary_ann", "marianne"}, {"bob", "robert"}} {
		if got, err := s.RenamePerson(t.Context(), r.from, r.to); err != nil || !got.Known || got.Merged {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, err := s.Person(t.Context(), r.from); !errors.Is(err, doorlog.ErrNotFound) {
			t.Errorf("%s: %v", r.from, err)
		}
	}
	made.Name, made.DisplayName, given.Name = "marianne", "Marianne", "robert"
	for _, want := range []doorlog.Person{made, given} {
		if p, err := s.Person(t.Context(), want.Name); err != nil || p != want {
			t.Errorf("got %+v, want %+v, %v", p, want, err)
		}
	}
	e.Person = "marianne" // the attribute is the application's
	wantEvent(t, s.event(t, id), asStored(e, id))
}

// The person who is there stays, but a merge lets in nobody who was not let in.
func TestRenamePersonMergesTwoPersons(t *testing.T) {
	for _, both := range []struct{ old, there bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		s := newStore(t)
		s.putPerson(t, doorlog.PersonInput{Name: "alcie", DisplayName: "Wrong", AutoUnlock: &both.old})
		want := s.putPerson(t, doorlog.PersonInput{Name: "alice", DisplayName: "Alice Smith", AutoUnlock: &both.there, CreatedAt: now.Add(-time.Hour)})
		for i, name := range []string{"alcie", "alice", "alcie"} {
			e := motion("porch", i)
			e.Person = name
			s.write(t, e)
		}
		got, err := s.RenamePerson(t.Context(), "alcie", "alice")
		if err != nil || *got != (doorlog.Renamed{From: "alcie", To: "alice", Events: 2, Merged: true, Known: true}) {
			t.Fatalf("%+v, %v", got, err)
		}
		want.AutoUnlock = both.old && both.there
		persons, err := s.Persons(t.Context())
		if err != nil || len(persons) != 1 || persons[0] != want {
			t.Errorf("%+v: %+v, want %+v, %v", both, persons, want, err)
		}
		s.wantCount(t, doorlog.Query{Persons: []string{"alice"}}, 3)
	}
}

// Among the changes a rename is an update of each event, and one change of the person, whose
// key stays. Only a merge removes a person.
func TestRenamePersonIsToldInTheChanges(t *testing.T) {
	s := newStore(t)
	var ids []doorlog.ID
	for i := range 2*doorlog.FoldAt + 5 {
		e := motion("porch", 1000-i)
		if i%50 == 0 {
			e.Person = "bob"
		}
		if stored := s.write(t, e)[0]; e.Person != "" {
			ids = append(ids, stored.ID)
		}
	}
	bob := s.putPerson(t, doorlog.PersonInput{Name: "bob"})
	told := func(to string, last ...doorlog.ToldChange) {
		t.Helper()
		_, n := doorlog.ToldChanges(t, s.Store, 0)
		if _, err := s.RenamePerson(t.Context(), "bob", to); err != nil {
			t.Fatal(err)
		}
		var want []doorlog.ToldChange
		for _, id := range ids {
			want = append(want, doorlog.ToldChange{Op: doorlog.EventUpdated, ID: id})
		}
		if got, _ := doorlog.ToldChanges(t, s.Store, n); !slices.Equal(got, append(want, last...)) {
			t.Errorf("got %v, want %v and %v", got, want, last)
		}
	}
	told("robert", doorlog.ToldChange{Op: doorlog.PersonPut, ID: bob.Key})
	ids = nil // nobody has the name
	bob = s.putPerson(t, doorlog.PersonInput{Name: "bob"})
	told("robert", doorlog.ToldChange{Op: doorlog.PersonRemoved, ID: bob.Key})
}

// Old spellings of the name that is there go with the merge, and so does what one of them
// forbids.
func TestRenamePersonMergesIntoEverySpelling(t *testing.T) {
	s := newStore(t)
	s.before(t, 3) // of the three records, one does not let the person in
	s.putPerson(t, doorlog.PersonInput{Name: "zoe"})
	if got, err := s.RenamePerson(t.Context(), "zoe", decomposed); err != nil || !got.Merged || !got.Known || got.Events != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	persons, err := s.Persons(t.Context())
	if err != nil || len(persons) != 1 || persons[0].Name != composed || persons[0].AutoUnlock {
		t.Errorf("%+v, %v", persons, err)
	}
	if st := s.stats(t); st.Persons != 1 {
		t.Errorf("%d persons are stored", st.Persons)
	}
}

// A name that only events have, or only the list, can be renamed too.
func TestRenamePersonOfEventsOrOfTheListAlone(t *testing.T) {
	s := newStore(t)
	e := motion("porch", 1)
	e.Person = "alcie"
	s.write(t, e)
	alice := s.putPerson(t, doorlog.PersonInput{Name: "alice"})
	if got, err := s.RenamePerson(t.Context(), "alcie", "alice"); err != nil || got.Events != 1 || got.Known || !got.Merged {
		t.Errorf("%+v, %v", got, err)
	}
	if p, err := s.Person(t.Context(), "alice"); err != nil || p != alice { // nobody else was listed
		t.Errorf("%+v, %v", p, err)
	}
	s.putPerson(t, doorlog.PersonInput{Name: "bob"})
	if got, err := s.RenamePerson(t.Context(), "bob", "robert"); err != nil || got.Events != 0 || !got.Known || got.Merged {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRenameRefusesWhatIsNoName(t *testing.T) {
	s := newStore(t)
	s.before(t, 3)
	for _, by := range []struct {
		prefix string
		call   rename
	}{{"camera ", s.RenameCamera}, {"", s.RenamePerson}} {
		what := by.prefix
		for _, c := range []struct {
			from, to string
			is       error
			text     string
		}{
			{"nobody", "x", doorlog.ErrNotFound, `"nobody" to "x"`},
			{what + composed, what + composed, doorlog.ErrInvalid, "to: is the same name"},
			{what + composed, what + mixed, doorlog.ErrInvalid, "to: is the same name"},
			{"", "x", doorlog.ErrInvalid, "from: is empty"},
			{what + composed, "", doorlog.ErrInvalid, "to: is empty"},
			{what + composed, "a\x00b", doorlog.ErrInvalid, "to: "},
			{what + composed, "a\xff", doorlog.ErrInvalid, "to: "},
			{what + composed, strings.Repeat("x", doorlog.MaxNameLen+1), doorlog.ErrTooLarge, "to: "},
		} {
			got, err := by.call(t.Context(), c.from, c.to)
			wantError(t, err, c.is, c.text)
			if got != nil || !strings.HasPrefix(fmt.Sprint(err), "doorlog: rename ") {
				t.Errorf("%+v, %v", got, err)
			}
		}
	}
	s.wantCount(t, doorlog.Query{Cameras: []string{"camera " + composed}, Persons: []string{composed}}, 3)
	s.close(t)
	s.options.ReadOnly = true
	s.open(t)
	_, err := s.RenameCamera(t.Context(), "camera "+composed, "x")
	wantError(t, err, doorlog.ErrReadOnly, "rename camera")
	if cameras, err := s.Cameras(t.Context()); err != nil || len(cameras) != 1 {
		t.Errorf("%+v, %v", cameras, err)
	}
}

// A call that is ended in the middle, by its context or by Close, leaves whole events, and
// another one goes on with the rest.
func TestRenameGoesOnWhereItWasEnded(t *testing.T) {
	for byClose, is := range map[bool]error{false: context.Canceled, true: doorlog.ErrClosed} {
		t.Run(fmt.Sprint("by Close ", byClose), func(t *testing.T) {
			s := newStore(t)
			s.household(t, 8000)
			const alice = 2000
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.onRenamed(t, func() {
				if !byClose {
					cancel()
					return
				}
				st := s.Store
				go st.Close()
				for err := error(nil); !errors.Is(err, doorlog.ErrClosed); { // it waits for the rename
					_, err = st.Event(context.Background(), doorlog.ID{1})
				}
			})
			first, err := s.RenamePerson(ctx, "alice", "alicia")
			if !errors.Is(err, is) || first == nil || first.Events == 0 || first.Left != alice-first.Events || first.Known {
				t.Fatalf("%+v, %v", first, err)
			}
			s.options.Progress = nil
			s.reopen(t)
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.wantCount(t, doorlog.Query{Persons: []string{"alice"}}, first.Left)
			if p, err := s.Person(t.Context(), "alice"); err != nil { // who follows last
				t.Errorf("%+v, %v", p, err)
			}
			second, err := s.RenamePerson(t.Context(), "alice", "alicia")
			if err != nil || second.Events != first.Left || second.Left != 0 || !second.Known {
				t.Errorf("%+v, %v", second, err)
			}
			s.wantCount(t, doorlog.Query{Persons: []string{"alicia"}}, alice)
			if p, err := s.Person(t.Context(), "alicia"); err != nil || !p.AutoUnlock {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// What is written under the old name meanwhile is renamed too, as long as that ends.
func TestRenameSaysWhatWasWrittenUnderTheOldNameMeanwhile(t *testing.T) {
	for _, times := range []int{1, 1000} {
		s := newStore(t)
		var events []doorlog.Event
		for i := range 700 {
			events = append(events, motion("porhc", 1000-i))
		}
		if _, err := s.WriteEvents(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		written := 0
		s.onRenamed(t, func() {
			if written < times {
				written++
				s.write(t, motion("porhc", 0))
			}
		})
		got, err := s.RenameCamera(t.Context(), "porhc", "porch")
		if err != nil {
			t.Fatal(err)
		}
		if got.Events+got.Left != 700+written || (got.Left > 0) != (times > 1) || got.Merged {
			t.Errorf("%+v; %d were written", got, written)
		}
		s.wantCount(t, doorlog.Query{Cameras: []string{"porhc"}}, got.Left)
		s.wantCount(t, doorlog.Query{Cameras: []string{"porch"}}, got.Events)
	}
}

// Events that take much room are renamed a few at a time: other writes wait for one
// transaction at most.
func TestRenameTakesSmallStepsWithLargeEvents(t *testing.T) {
	s := newStore(t)
	var events []doorlog.Event
	for i := range 200 {
		events = append(events, heavy(i))
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	steps := 0
	s.onRenamed(t, func() { steps++ })
	if got, err := s.RenameCamera(t.Context(), "garage", "barn"); err != nil || got.Events != 200 || steps < 8 {
		t.Errorf("%+v in %d steps, %v", got, steps, err)
	}
	// Small ones are not, while nobody else writes.
	small := newStore(t)
	small.household(t, 2000)
	steps = 0
	small.onRenamed(t, func() { steps++ })
	if got, err := small.RenameCamera(t.Context(), "garage", "barn"); err != nil || got.Events != 1000 || steps != 2 {
		t.Errorf("%+v in %d steps, %v", got, steps, err)
	}
}

// A rename is no write that makes room. If the store is full it ends, and goes on when there
// is room again.
func TestRenameGoesOnWhenThereIsRoomAgain(t *testing.T) {
	needReserve(t)
	s := newStoreWith(t, doorlog.Options{MaxSize: 2 << 20})
	n := s.fullOf(t, 256)
	to := strings.Repeat("a long name ", 20)
	got, err := s.RenameCamera(t.Context(), "camera1", to)
	wantError(t, err, doorlog.ErrFull, "Options.MaxSize")
	if got == nil || got.Events+got.Left != (n+2)/4 || got.Left == 0 {
		t.Fatalf("%+v of %d", got, n)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.close(t)
	s.options.MaxSize = 0
	s.open(t)
	again, err := s.RenameCamera(t.Context(), "camera1", to)
	if err != nil || again.Events != got.Left || again.Left != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	s.wantCount(t, doorlog.Query{Cameras: []string{to}}, (n+2)/4)
}
