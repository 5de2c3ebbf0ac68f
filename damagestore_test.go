package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/doorlog/doorlog"
)

// A specimen is a store that was closed, whose file is to be damaged, and what
// it answers.
type specimen struct {
	file, older, previous []byte // as it is, as it was some time before, and before it was closed
	thumbs                map[string][]byte
	answers               *answers

	// versions are all that each event ever was, deleted ones too.
	versions map[doorlog.ID][]doorlog.Event
}

// newSpecimen makes a store with everything in it: events that were folded and
// a tail, late arrivals, updates, detections, persons, thumbnails, and free pages
// where events were deleted. Without a frame there are no thumbnails.
func newSpecimen(t testing.TB, seed uint64, events int, frame []byte) *specimen {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	s := newStoreWith(t, doorlog.Options{Entropy: rand.NewChaCha8([32]byte{byte(seed)}), MinFree: -1, Scrub: -1})
	sp := &specimen{thumbs: make(map[string][]byte), versions: make(map[doorlog.ID][]doorlog.Event)}
	m := new(model)
	ctx := t.Context()
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		s.putPerson(t, doorlog.PersonInput{Name: name, AutoUnlock: new(name < "c")})
	}
	for len(m.events) < events {
		m.writeMany(t, s, rng)
		sp.note(m)
		if rng.IntN(3) == 0 {
			for range 5 {
				m.update(t, s, rng)
				sp.note(m)
				m.remove(t, s, rng)
			}
		}
		if rng.IntN(4) == 0 && frame != nil {
			id, err := idOf(s.WriteEventWithFrame(ctx, randomEvent(rng), frame))
			if err != nil {
				t.Fatal(err)
			}
			m.put(s.event(t, id))
		}
		sp.note(m)
		if sp.older == nil && len(m.events) > events*3/4 {
			s.reopen(t)
			sp.older = readFile(t, s.path)
		}
	}
	if err := s.DeletePerson(ctx, "dave"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		s.write(t, randomEvent(rng)) // a tail
	}
	sp.answers = ask(t, s.Store)
	for _, e := range sp.answers.events {
		sp.versions[e.ID] = append(sp.versions[e.ID], e)
		if b, err := s.Thumbnail(ctx, e.ID); err == nil {
			sp.thumbs[e.ThumbnailPath] = b
		}
	}
	if err := s.Check(ctx); err != nil {
		t.Fatal(err)
	}
	sp.previous = readFile(t, s.path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sp.file = readFile(t, s.path)
	return sp
}

// note keeps the versions of the events as they are now.
func (sp *specimen) note(m *model) {
	for _, e := range m.events {
		if v := sp.versions[e.ID]; len(v) == 0 || !reflect.DeepEqual(v[len(v)-1], e) {
			sp.versions[e.ID] = append(v, e)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lay puts a damaged file, and the thumbnails, into a new folder.
func (sp *specimen) lay(t testing.TB, dir string, file []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, "events.db")
	err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), os.WriteFile(path, file, 0o600))
	for name, b := range sp.thumbs {
		to := filepath.Join(dir, "thumbnails", filepath.FromSlash(name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Answers are what a store says to every question.
type answers struct {
	events     []doorlog.Event
	persons    []doorlog.Person
	lists      map[string][]doorlog.ID
	counts     map[string]int
	analysis   []any
	thumbnails map[doorlog.ID]string
}

// questions ask every index, and some of them two.
func questions() map[string]doorlog.Query {
	qs := map[string]doorlog.Query{
		"strangers": {Stranger: new(true)}, "oldest first": {OldestFirst: true}, "unlocked": {Doors: []doorlog.DoorAction{doorlog.Unlocked}},
		"locked": {Doors: []doorlog.DoorAction{doorlog.Locked}}, "recording": {RecordingID: "rec7"},
		"since": {Since: now.AddDate(0, -2, 0), Cameras: []string{"camera1"}, Labels: []string{"label2"}, OldestFirst: true},
	}
	for i := range 3 {
		qs[fmt.Sprint("camera", i)] = doorlog.Query{Cameras: []string{fmt.Sprint("camera", i)}}
		qs[fmt.Sprint("label", i)] = doorlog.Query{Labels: []string{fmt.Sprint("label", i)}}
	}
	for _, typ := range []doorlog.EventType{doorlog.Motion, doorlog.Ding, "noise"} {
		qs[string(typ)] = doorlog.Query{Types: []doorlog.EventType{typ}}
	}
	for _, name := range []string{"alice", "bob"} {
		qs[name] = doorlog.Query{Persons: []string{name}}
	}
	return qs
}

func ask(t testing.TB, st *doorlog.Store) *answers {
	t.Helper()
	a, err := answersOf(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// errAnswers: a store gives two answers to one question.
var errAnswers = errors.New("answers differ")

// answersOf asks a store everything. An error is the first of any answer.
func answersOf(ctx context.Context, st *doorlog.Store) (a *answers, err error) {
	a = &answers{lists: make(map[string][]doorlog.ID), counts: make(map[string]int), thumbnails: make(map[doorlog.ID]string)}
	for e, err := range st.Events(ctx, doorlog.Query{}) {
		if err != nil {
			return nil, err
		}
		a.events = append(a.events, e)
	}
	for _, e := range a.events {
		if got, err := st.Event(ctx, e.ID); err != nil || !reflect.DeepEqual(got, e) {
			return nil, fmt.Errorf("%w: event %s is %+v by ID and %+v by time: %w", errAnswers, e.ID, got, e, err)
		}
		if e.FrameWidth == 0 {
			continue
		}
		b, err := st.Thumbnail(ctx, e.ID)
		if err == nil {
			a.thumbnails[e.ID] = string(b)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, doorlog.ErrNotFound) {
			return nil, err
		}
	}
	var recent []doorlog.Event
	if recent, err = st.Recent(ctx, len(a.events)+1); err != nil || len(recent)+len(a.events) > 0 && !reflect.DeepEqual(recent, a.events) {
		return nil, fmt.Errorf("%w: the %d recent events are not the %d in all: %w", errAnswers, len(recent), len(a.events), err)
	}
	for name, q := range questions() {
		a.lists[name] = []doorlog.ID{}
		for e, err := range st.Events(ctx, q) {
			if err != nil {
				return nil, err
			}
			a.lists[name] = append(a.lists[name], e.ID)
		}
		if a.counts[name], err = st.Count(ctx, q); err != nil {
			return nil, err
		}
	}
	if a.persons, err = st.Persons(ctx); err != nil {
		return nil, err
	}
	return a, a.analyse(ctx, st)
}

func (a *answers) analyse(ctx context.Context, st *doorlog.Store) (err error) {
	add := func(answer any, e error) {
		a.analysis = append(a.analysis, answer)
		err = errors.Join(err, e)
	}
	for _, sc := range []doorlog.Scope{{}, {Camera: "camera1"}, {Since: now.AddDate(0, -1, 0)}} {
		summary, err := st.Summary(ctx, sc)
		add(summary, err)
		heatmap, err := st.Heatmap(ctx, sc)
		add(heatmap, err)
		timeline, err := st.Timeline(ctx, sc)
		add(timeline, err)
		hours, err := st.PeakHours(ctx, sc)
		add(hours, err)
		labels, err := st.LabelBreakdown(ctx, sc)
		add(labels, err)
		persons, err := st.PersonActivity(ctx, sc)
		add(persons, err)
	}
	stats, serr := st.Stats(ctx)
	add([3]int{stats.Events, stats.Persons, stats.Detected}, serr)
	return err
}

// differs says what another store answers differently; "" is nothing.
func (a *answers) differs(b *answers) string {
	switch {
	case !reflect.DeepEqual(a.events, b.events):
		return fmt.Sprintf("the events: %d and %d", len(a.events), len(b.events))
	case !slices.Equal(a.persons, b.persons):
		return fmt.Sprintf("the persons: %v and %v", a.persons, b.persons)
	case !maps.Equal(a.counts, b.counts):
		return fmt.Sprintf("the counts: %v and %v", a.counts, b.counts)
	case !reflect.DeepEqual(a.lists, b.lists):
		return "what the indexes find"
	case !reflect.DeepEqual(a.analysis, b.analysis):
		return "an analysis"
	case !maps.Equal(a.thumbnails, b.thumbnails):
		return "the thumbnails"
	}
	return ""
}

// had reports whether an event is, or once was, in the store like this. Of one
// that was salvaged from pages of different ages the parts may be: see Unsure.
func (sp *specimen) had(e doorlog.Event, ever, stripped bool) bool {
	versions := sp.versions[e.ID]
	if !ever {
		at, found := slices.BinarySearchFunc(sp.answers.events, e.ID, func(v doorlog.Event, id doorlog.ID) int { return id.Compare(v.ID) })
		if !found {
			return false
		}
		versions = sp.answers.events[at : at+1]
	}
	without := e
	without.Detections = nil
	event := slices.ContainsFunc(versions, func(v doorlog.Event) bool {
		v.Detections = nil
		return reflect.DeepEqual(v, without)
	})
	return event && (stripped && e.Detections == nil || slices.ContainsFunc(versions, func(v doorlog.Event) bool {
		return reflect.DeepEqual(v.Detections, e.Detections)
	}))
}
