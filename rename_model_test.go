package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/doorlog/doorlog"
)

// The names in the model of renames; some have other spellings.
var (
	modelCameras = []string{"camera0", "camera1", "camera2", composed}
	modelPersons = []string{"alice", "bob", composed}
)

// anySpelling returns a name, or another spelling of it.
func anySpelling(rng *rand.Rand, name string) string {
	if name == composed {
		return spelled[rng.IntN(len(spelled))]
	}
	return name
}

// renamableEvent is randomEvent with the names of the model in any spelling.
func renamableEvent(rng *rand.Rand) doorlog.Event {
	e := randomEvent(rng)
	e.Camera = anySpelling(rng, modelCameras[rng.IntN(len(modelCameras))])
	e.Person = anySpelling(rng, append(modelPersons, "")[rng.IntN(len(modelPersons)+1)])
	return e
}

// normalNames returns an event as it is stored.
func normalNames(e doorlog.Event) doorlog.Event {
	e.Camera, e.Person = norm.NFC.String(e.Camera), norm.NFC.String(e.Person)
	return e
}

// Events are renamed while others write, update and delete; calls are ended in the middle
// and repeated, and the process is killed in between. What is there then is what a slice
// has in which the names were replaced.
func TestRenamesDoWhatTheyDoToASlice(t *testing.T) {
	budget := time.Duration(extent(3, 15, 60)) * time.Second
	seed := uint64(time.Now().UnixNano())
	for begun := time.Now(); time.Since(begun) < budget && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { renameLikeASlice(t, seed) })
	}
}

func renameLikeASlice(t *testing.T, seed uint64) {
	s, m := newStore(t), new(model)
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 300 { // of an earlier version
		e := renamableEvent(rng)
		e.CreatedAt = now
		m.put(asStored(e, doorlog.WriteAsBefore(t, s.Store, e)))
	}
	s.reopen(t)
	// First the spellings of the earlier version go, so that the slice can be compared.
	m.renamed(t, s, byCameraName, composed, "camera2", rng)
	m.renamed(t, s, byPersonName, composed, "bob", rng)
	m.compareRenamed(t, s, rng)
	calls, ended := 0, 0
	for range 5 {
		c, n := m.renameBesideWriters(t, s, rng)
		calls, ended = calls+c, ended+n
		if rng.IntN(2) == 0 {
			s.kill(t)
		}
		m.compareRenamed(t, s, rng)
		if t.Failed() {
			return
		}
	}
	s.closeAndVerify(t)
	s.open(t)
	t.Logf("%d calls, of which %d were ended; %d events are left", calls, ended, len(m.events))
}

const byCameraName, byPersonName = 0, 1

// call renames in the store.
func (s *testStore) renameName(ctx context.Context, by int, from, to string) (*doorlog.Renamed, error) {
	if by == byPersonName {
		return s.RenamePerson(ctx, from, to)
	}
	return s.RenameCamera(ctx, from, to)
}

// nameOf returns the name of an event that is renamed.
func nameOf(e *doorlog.Event, by int) *string {
	if by == byPersonName {
		return &e.Person
	}
	return &e.Camera
}

// rename renames in the slice.
func (m *model) rename(by int, from, to string) (events int) {
	for i := range m.events {
		name := nameOf(&m.events[i], by)
		if norm.NFC.String(*name) == from {
			*name = to
			events++
		}
	}
	if at := m.personNamed(from); by == byPersonName && at >= 0 {
		p := m.persons[at]
		m.persons = slices.Delete(m.persons, at, at+1)
		if there := m.personNamed(to); there >= 0 {
			m.persons[there].AutoUnlock = m.persons[there].AutoUnlock && p.AutoUnlock
		} else {
			p.Name = to
			m.persons = append(m.persons, p)
		}
	}
	slices.SortFunc(m.persons, func(a, b doorlog.Person) int { return strings.Compare(a.Name, b.Name) })
	return events
}

func (m *model) personNamed(name string) int {
	return slices.IndexFunc(m.persons, func(p doorlog.Person) bool { return p.Name == name })
}

// renamed renames while nobody else writes, and compares the account.
func (m *model) renamed(t *testing.T, s *testStore, by int, from, to string, rng *rand.Rand) {
	t.Helper()
	got, err := s.renameName(t.Context(), by, anySpelling(rng, from), to)
	if n := m.rename(by, from, to); n > 0 && (err != nil || got.Events != n || got.Left != 0) {
		t.Fatalf("%q to %q: %+v, %v; there were %d", from, to, got, err, n)
	}
}

// renameBesideWriters puts persons on the list, and renames one camera or person while
// others write. Some calls are ended in the middle; the last one is alone.
func (m *model) renameBesideWriters(t *testing.T, s *testStore, rng *rand.Rand) (calls, ended int) {
	t.Helper()
	by := rng.IntN(2)
	names := [...][]string{byCameraName: modelCameras, byPersonName: modelPersons}[by]
	for _, name := range some(rng, modelPersons...) {
		m.listPerson(t, s, name, rng)
	}
	from, to := names[rng.IntN(len(names))], append([]string{"someone new"}, names...)[rng.IntN(len(names)+1)]
	if from == to {
		return 0, 0
	}
	m.writeBatch(t, s, rng)
	var stop atomic.Bool
	var writers sync.WaitGroup
	lanes := make([]*model, 3)
	for i := range lanes {
		lanes[i] = new(model)
		laneRNG := rand.New(rand.NewPCG(rng.Uint64(), 3))
		writers.Go(func() {
			for n := 0; n < 20 || !stop.Load() && n < 300; n++ {
				lanes[i].writeBeside(t, s, laneRNG)
			}
		})
	}
	for range 1 + rng.IntN(4) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(40_000))*time.Microsecond)
		_, err := s.renameName(ctx, by, anySpelling(rng, from), anySpelling(rng, to))
		cancel()
		calls++
		if errors.Is(err, context.DeadlineExceeded) {
			ended++
		} else if err != nil && !errors.Is(err, doorlog.ErrNotFound) {
			t.Error(err)
		}
	}
	stop.Store(true)
	writers.Wait()
	for _, lane := range lanes {
		for _, e := range lane.events {
			m.put(e)
		}
	}
	got, err := s.renameName(t.Context(), by, from, to) // with the rest
	if m.rename(by, from, to); err == nil && got.Left > 0 || err != nil && !errors.Is(err, doorlog.ErrNotFound) {
		t.Errorf("%+v, %v", got, err)
	}
	return calls + 1, ended
}

// writeBatch writes many events at once.
func (m *model) writeBatch(t *testing.T, s *testStore, rng *rand.Rand) {
	t.Helper()
	events := make([]doorlog.Event, 100+rng.IntN(900))
	for i := range events {
		events[i] = renamableEvent(rng)
	}
	ids, err := storedIDs(s.WriteEvents(t.Context(), events))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		m.put(normalNames(asStored(events[i], id)))
	}
}

// writeBeside writes, updates or deletes events of its own.
func (m *model) writeBeside(t *testing.T, s *testStore, rng *rand.Rand) {
	e := renamableEvent(rng)
	switch op := rng.IntN(10); {
	case op < 6 || len(m.events) == 0:
		id, err := idOf(s.WriteEvent(context.Background(), e))
		if err != nil {
			t.Error(err)
			return
		}
		m.put(normalNames(asStored(e, id)))
	case op < 9:
		at := rng.IntN(len(m.events))
		e.ID, e.RecordedAt, e.CreatedAt = m.events[at].ID, m.events[at].RecordedAt, m.events[at].CreatedAt
		if !e.EndedAt.IsZero() {
			e.EndedAt = e.RecordedAt.Add(time.Minute)
		}
		if err := s.UpdateEvent(context.Background(), e); err != nil {
			t.Error(err)
		}
		m.events[at] = normalNames(e)
	default:
		at := rng.IntN(len(m.events))
		if err := s.DeleteEvent(context.Background(), m.events[at].ID); err != nil {
			t.Error(err)
		}
		m.events = slices.Delete(m.events, at, at+1)
	}
}

// listPerson puts a person on the list.
func (m *model) listPerson(t *testing.T, s *testStore, name string, rng *rand.Rand) {
	t.Helper()
	p := s.putPerson(t, doorlog.PersonInput{Name: name, DisplayName: fmt.Sprint("Dr ", rng.IntN(9)), AutoUnlock: new(rng.IntN(3) > 0)})
	if at := m.personNamed(name); at >= 0 {
		m.persons[at] = p
	} else {
		m.persons = append(m.persons, p)
	}
	slices.SortFunc(m.persons, func(a, b doorlog.Person) int { return strings.Compare(a.Name, b.Name) })
}

// compareRenamed compares every question with the slice.
func (m *model) compareRenamed(t *testing.T, s *testStore, rng *rand.Rand) {
	t.Helper()
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("invariants: %v", err)
	}
	wantEvents(t, s.all(t, doorlog.Query{}), m.events)
	if persons, err := s.Persons(t.Context()); err != nil || !slices.Equal(persons, m.persons) {
		t.Errorf("persons\n got %+v\nwant %+v, %v", persons, m.persons, err)
	}
	m.compareLists(t, s)
	for range 20 {
		m.compareQuery(t, s, randomQuery(rng))
	}
	for _, name := range append(modelCameras, "someone new") {
		m.compareQuery(t, s, doorlog.Query{Cameras: []string{name}})
		m.compareQuery(t, s, doorlog.Query{Persons: []string{name}})
	}
	m.compareScope(t, s, randomScope(rng))
	for range 10 {
		m.compareRecording(t, s, m.events[rng.IntN(len(m.events))])
	}
}
