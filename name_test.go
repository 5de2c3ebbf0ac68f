package doorlog_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// One name in three spellings: as one code point each, taken apart, and half so.
const (
	composed   = "Zoë Nguyễn"
	decomposed = "Zoe\u0308 Nguye\u0302\u0303n"
	mixed      = "Zoë Nguyê\u0303n"
)

var spelled = []string{composed, decomposed, mixed}

// spelledEvent returns an event all of whose names are spelled in this way.
func spelledEvent(name string, minutesAgo int) doorlog.Event {
	e := motion("camera "+name, minutesAgo)
	e.Type, e.Person, e.RecordingID = doorlog.EventType("type "+name), name, "recording "+name
	e.Detections = []doorlog.Detection{{Label: "face", Confidence: 0.9}, {Label: "label " + name, Confidence: 0.5}}
	return e
}

// askedBy returns the questions that a spelledEvent answers.
func askedBy(name string) map[string]doorlog.Query {
	return map[string]doorlog.Query{
		"camera":       {Cameras: []string{"camera " + name}},
		"type":         {Types: []doorlog.EventType{doorlog.EventType("type " + name)}},
		"person":       {Persons: []string{name}},
		"label":        {Labels: []string{"label " + name}},
		"sure label":   {Labels: []string{"label " + name}, MinConfidence: 0.4},
		"recording":    {RecordingID: "recording " + name},
		"all of them":  {Cameras: []string{"camera " + name, "x"}, Persons: []string{name}, Labels: []string{"label " + name}},
		"oldest first": {Persons: []string{name}, OldestFirst: true},
	}
}

func TestANameIsStoredInOneFormWhateverTheSpelling(t *testing.T) {
	s := newStore(t)
	for i, name := range spelled {
		e := spelledEvent(name, i)
		id, err := idOf(s.WriteEvent(t.Context(), e))
		if err != nil {
			t.Fatal(err)
		}
		if e.Detections[1].Label != "label "+name {
			t.Error("the caller's event was changed")
		}
		wantEvent(t, s.event(t, id), asStored(spelledEvent(composed, i), id))
		e.ID = id // the same event again, in another spelling
		for _, again := range spelled {
			repeated := spelledEvent(again, i)
			repeated.ID = id
			if _, err := s.WriteEvent(t.Context(), repeated); err != nil {
				t.Errorf("written again as %q: %v", again, err)
			}
		}
		for _, person := range []func() error{
			func() error { _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: name}); return err },
			func() error { return s.SetAutoUnlock(t.Context(), name, true) },
			func() error { _, err := s.Person(t.Context(), name); return err },
		} {
			if err := person(); err != nil {
				t.Error(err)
			}
		}
	}
	s.wantNames(t, 3)
	persons, err := s.Persons(t.Context())
	if err != nil || len(persons) != 1 || persons[0].Name != composed || persons[0].DisplayName != composed {
		t.Errorf("%+v, %v", persons, err)
	}
	if err := s.DeletePerson(t.Context(), mixed); err != nil {
		t.Error(err)
	}
	_, existed, err := s.WriteEventOnce(t.Context(), spelledEvent(decomposed, 9), nil)
	if err != nil || !existed {
		t.Errorf("the recording was written again: %v", err)
	}
}

// wantNames wants so many events by each name, however it is spelled.
func (s *testStore) wantNames(t testing.TB, want int) {
	t.Helper()
	for _, name := range spelled {
		for what, q := range askedBy(name) {
			if got := len(s.all(t, q)); got != want {
				t.Errorf("by %s as %+q: %d events, want %d", what, name, got, want)
			}
			if got, err := s.Count(t.Context(), q); got != want || err != nil {
				t.Errorf("by %s as %+q: count %d, %v, want %d", what, name, got, err, want)
			}
			q.Limit = 1000
			if page, err := s.Page(t.Context(), q, ""); len(page.Events) != want || err != nil {
				t.Errorf("by %s as %+q: a page of %d, %v", what, name, len(page.Events), err)
			}
		}
		if _, err := s.EventByRecording(t.Context(), "camera "+name, "recording "+name); err != nil {
			t.Error(err)
		}
		sum, err := s.Summary(t.Context(), doorlog.Scope{Camera: "camera " + name})
		if err != nil || sum.Total != want || sum.Known != want {
			t.Errorf("the summary of camera %+q is %+v, %v", name, sum, err)
		}
	}
	active, err := s.PersonActivity(t.Context(), doorlog.Scope{})
	if err != nil || len(active) != 1 || active[0].Person != composed || active[0].Visits != want {
		t.Errorf("activity %+v, %v", active, err)
	}
	labels, err := s.LabelBreakdown(t.Context(), doorlog.Scope{})
	if err != nil || len(labels) != 2 || labels[1].Label != "label "+composed || labels[1].Count != want {
		t.Errorf("labels %+v, %v", labels, err)
	}
}

// before writes what a version stored that did not know of normal forms: folded
// events and a tail, spread over some days, in all spellings.
func (s *testStore) before(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		doorlog.WriteAsBefore(t, s.Store, spelledEvent(spelled[i%len(spelled)], (n-i)*60))
	}
	for _, name := range spelled {
		doorlog.PutPersonAsBefore(t, s.Store, name, name != mixed)
	}
	s.reopen(t)
}

func TestNamesOfBeforeAreFoundInEverySpelling(t *testing.T) {
	const n = 2*doorlog.FoldAt + 30
	s := newStore(t)
	s.before(t, n)
	// Recordings are looked up in two forms; nobody writes a third.
	for _, e := range s.all(t, doorlog.Query{}) {
		if strings.HasSuffix(e.RecordingID, mixed) {
			e.RecordingID = "recording " + decomposed
			if err := s.UpdateEvent(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.wantNames(t, n)
	first := s.all(t, doorlog.Query{OldestFirst: true, Limit: 2, Offset: 1})[0]
	first.CreatedAt = time.Time{}
	if _, err := s.WriteEvent(t.Context(), first); err != nil {
		t.Errorf("the same event again: %v", err)
	}
}

func TestAPersonOfBeforeIsOnePerson(t *testing.T) {
	s := newStore(t)
	s.before(t, 3)
	persons, err := s.Persons(t.Context())
	if err != nil || len(persons) != 1 || persons[0].Name != composed || persons[0].AutoUnlock {
		t.Errorf("%+v, %v", persons, err)
	}
	if names, err := s.AutoUnlockNames(t.Context()); len(names) > 0 || err != nil {
		t.Errorf("the door opens for %q, %v", names, err)
	}
	if err := s.SetAutoUnlock(t.Context(), decomposed, true); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Person(t.Context(), mixed); err != nil || !p.AutoUnlock || p.Name != composed {
		t.Errorf("%+v, %v", p, err)
	}
	if st := s.stats(t); st.Persons != 1 {
		t.Errorf("%d persons are stored", st.Persons)
	}
}

func TestAPolicyMeansEverySpelling(t *testing.T) {
	s := newStore(t)
	s.before(t, 6)
	for _, m := range []doorlog.Match{
		{Persons: []string{decomposed}},
		{Cameras: []string{"camera " + mixed}},
		{Labels: []string{"label " + decomposed}},
		{Types: []doorlog.EventType{"type " + decomposed}},
	} {
		gone, err := s.WouldPrune(t.Context(), doorlog.Policy{Rules: []doorlog.Rule{{Match: m, MaxAge: time.Minute}}})
		if err != nil || gone.Events != 6 {
			t.Errorf("%+v: %+v, %v", m, gone, err)
		}
	}
	gone, err := s.Prune(t.Context(), doorlog.Policy{Rules: []doorlog.Rule{{Match: doorlog.Match{Persons: []string{composed}}, MaxAge: time.Minute}}})
	if err != nil || gone.Events != 6 {
		t.Errorf("%+v, %v", gone, err)
	}
}

func TestErasePersonErasesEverySpelling(t *testing.T) {
	needCompact(t)
	for _, how := range []doorlog.Erasure{doorlog.EraseName, doorlog.EraseEvents} {
		for _, old := range []bool{false, true} {
			s := newStore(t)
			for i := range 2 * doorlog.FoldAt {
				e := motion("garage", 300-i)
				e.Person = spelled[i%len(spelled)]
				e.Attributes = map[string]string{"seen": spelled[(i+1)%len(spelled)]}
				if old {
					doorlog.WriteAsBefore(t, s.Store, e)
				} else {
					s.write(t, e)
				}
			}
			for _, name := range spelled {
				doorlog.PutPersonAsBefore(t, s.Store, name, true)
				e := motion("porch", 1)
				e.Attributes = map[string]string{name: "1", "note": name}
				s.write(t, e)
			}
			note := motion("porch", 1) // which is left, and counted in both spellings
			note.Attributes = map[string]string{"note": "with " + decomposed + " or " + composed}
			s.write(t, note)
			s.reopen(t)
			r, err := s.ErasePerson(t.Context(), mixed, how)
			if err != nil {
				t.Fatal(err)
			}
			if r.Name != composed || r.Events != 2*doorlog.FoldAt || !r.Known || r.Since != 0 {
				t.Errorf("%v: %+v", how, r)
			}
			file := string(readFile(t, s.path))
			apart, together := strings.Count(file, decomposed), strings.Count(file, composed)
			if strings.Contains(file, mixed) || apart == 0 || apart != together || r.Occurrences != apart+together {
				t.Errorf("%v: the name is in the file %d and %d times; the receipt says %d", how, apart, together, r.Occurrences)
			}
			if _, err := s.Person(t.Context(), decomposed); err == nil {
				t.Error("the person is still there")
			}
		}
	}
}

// A text that holds the name may spell one letter so and another one so.
func TestAnErasureFindsTheNameInAnySpelling(t *testing.T) {
	s := newStore(t)
	e := motion("porch", 1)
	e.Person = "Ren\u00e9 H\u00e9"
	e.Attributes = map[string]string{"note": "seen Rene\u0301 H\u00e9 here", "other": "Ren\u00e9 He\u0301, and again Rene\u0301 H\u00e9"}
	s.write(t, e)
	r, err := s.ErasePerson(t.Context(), e.Person, doorlog.EraseName)
	file, want := string(readFile(t, s.path)), 0
	for _, form := range []string{"Ren\u00e9 He\u0301", "Rene\u0301 H\u00e9"} {
		want += strings.Count(file, form)
	}
	if err != nil || want == 0 || r.Occurrences != want {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = s.ErasePerson(t.Context(), "Ren\u00e9 H\u00e8", doorlog.EraseName)
	if err != nil || r.Occurrences != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheLengthOfANameIsThatOfItsNormalForm(t *testing.T) {
	s := newStore(t)
	e := motion(strings.Repeat("e\u0301", doorlog.MaxNameLen/2), 1)
	id := s.write(t, e)[0].ID
	if got := s.event(t, id).Camera; got != strings.Repeat("é", doorlog.MaxNameLen/2) {
		t.Errorf("the camera is %q", got)
	}
	if n := len(s.all(t, doorlog.Query{Cameras: []string{e.Camera}})); n != 1 {
		t.Errorf("found %d", n)
	}
	e.Camera = strings.Repeat("\u0958", doorlog.MaxNameLen/3) // which NFC takes apart
	_, err := s.WriteEvent(t.Context(), e)
	wantError(t, err, doorlog.ErrTooLarge, "camera_id: has 510 bytes")
}

func TestFacesFromAMacAreThoseOfThePersonsWhoAreThere(t *testing.T) {
	s := newStore(t)
	if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: composed}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range spelled {
		if err := os.WriteFile(filepath.Join(dir, name+"_1.jpg"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sync, err := s.SyncPersons(t.Context(), dir)
	if err != nil || len(sync.Added) > 0 || !slices.Equal(sync.Known, []string{composed}) {
		t.Errorf("%+v, %v", sync, err)
	}
}

func TestACursorIsOfTheQueryInEverySpelling(t *testing.T) {
	s := newStore(t)
	s.before(t, 6)
	page, err := s.Page(t.Context(), doorlog.Query{Persons: []string{composed}, Limit: 4}, "")
	if err != nil {
		t.Fatal(err)
	}
	next, err := s.Page(t.Context(), doorlog.Query{Persons: []string{decomposed}, Limit: 4}, page.Next)
	if err != nil || len(page.Events)+len(next.Events) != 6 {
		t.Errorf("pages of %d and %d, %v", len(page.Events), len(next.Events), err)
	}
}

func TestABackupOfOldSpellingsIsRestoredAndFound(t *testing.T) {
	s := newStore(t)
	s.before(t, 6)
	r, w := io.Pipe()
	go func() {
		_, err := s.Backup(context.Background(), w, nil)
		w.CloseWithError(err)
	}()
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(t.Context(), dir, r, nil); err != nil {
		t.Fatal(err)
	}
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if n, err := st.Count(t.Context(), doorlog.Query{Persons: []string{composed}}); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestTheNormalFormOfANameIsThatInWhichItIsStored(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"garage", "Zoe\u0308", "Zo\u00eb", "\u212b"} {
		e := s.write(t, motion(name, 1))[0]
		got, err := s.Event(t.Context(), e.ID)
		if err != nil || got.Camera != doorlog.NormalName(name) {
			t.Errorf("%q is stored as %q, and its normal form is %q (%v)", name, got.Camera, doorlog.NormalName(name), err)
		}
	}
}
