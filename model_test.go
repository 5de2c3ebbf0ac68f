package doorlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A model is what a store should hold: a slice, and loops over it.
type model struct {
	events  []doorlog.Event // newest first
	persons []doorlog.Person
}

func (m *model) put(e doorlog.Event) {
	at, _ := slices.BinarySearchFunc(m.events, e, func(a, b doorlog.Event) int { return b.ID.Compare(a.ID) })
	m.events = slices.Insert(m.events, at, e)
}

// find is a query, in loops.
func (m *model) find(q doorlog.Query) (found []doorlog.Event) {
	for _, e := range m.events {
		if asksFor(q, e) {
			found = append(found, e)
		}
	}
	if q.OldestFirst {
		slices.Reverse(found)
	}
	found = found[min(q.Offset, len(found)):]
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	return found
}

func asksFor(q doorlog.Query, e doorlog.Event) bool {
	loc := q.Location
	if loc == nil {
		loc = time.UTC
	}
	at := e.RecordedAt.In(loc)
	inHours := q.Hours == nil
	for h := 0; q.Hours != nil && h < 24; h++ {
		hour := (q.Hours.From + h) % 24
		if h > 0 && hour == q.Hours.Until%24 {
			break
		}
		inHours = inHours || hour == at.Hour()
	}
	label := len(q.Labels) == 0 && q.MinConfidence == 0
	for _, d := range e.Detections {
		label = label || (len(q.Labels) == 0 || slices.Contains(q.Labels, d.Label)) && d.Confidence >= q.MinConfidence
	}
	in := func(n int, contains bool) bool { return n == 0 || contains }
	is := func(asked *bool, value bool) bool { return asked == nil || *asked == value }
	return (q.Since.IsZero() || !e.RecordedAt.Before(q.Since)) && (q.Until.IsZero() || e.RecordedAt.Before(q.Until)) &&
		in(len(q.Cameras), slices.Contains(q.Cameras, e.Camera)) && in(len(q.Types), slices.Contains(q.Types, e.Type)) &&
		in(len(q.Doors), slices.Contains(q.Doors, e.Door)) && in(len(q.Persons), slices.Contains(q.Persons, e.Person)) &&
		in(len(q.Weekdays), slices.Contains(q.Weekdays, at.Weekday())) && inHours && label &&
		is(q.Stranger, e.Person == "") && is(q.UnlockGranted, e.UnlockGranted) && is(q.AlertSent, e.AlertSent) &&
		in(len(q.Methods), slices.Contains(q.Methods, e.Method)) && is(q.Reviewed, e.Reviewed) && hasAttributes(q.Attributes, e) &&
		is(q.HasThumbnail, e.ThumbnailPath != "") && is(q.Pinned, e.Pinned) && (q.RecordingID == "" || q.RecordingID == e.RecordingID)
}

func hasAttributes(asked map[string][]string, e doorlog.Event) bool {
	for name, values := range asked {
		value, has := e.Attributes[name]
		if !has || !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

// Random writes, updates and deletes of events and persons, with the store
// closed, or killed, and opened again in between, give what a slice gives, and
// every invariant holds all along.
func TestStoreDoesWhatASliceDoes(t *testing.T) {
	steps, budget := extent(1000, 2000, 10_000), time.Duration(extent(3, 8, 60))*time.Second
	seed := uint64(time.Now().UnixNano())
	for begun := time.Now(); time.Since(begun) < budget && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { actLikeASlice(t, seed, steps) })
	}
}

func actLikeASlice(t *testing.T, seed uint64, steps int) {
	s, m := newStore(t), new(model)
	rng := rand.New(rand.NewPCG(seed, 1))
	kills, churns, prunes := 0, 0, 0
	for step := range steps {
		m.step(t, s, rng)
		switch {
		case step%100 == 99:
			m.compare(t, s, rng)
		case step%200 == 150:
			s.kill(t)
			kills++
		case step%400 == 250:
			s.closeAndVerify(t)
			s.open(t)
		case step%300 == 275:
			m.prune(t, s, randomPolicy(rng, len(m.events)))
			prunes++
		case step%500 == 450:
			m.churn(t, s, rng)
			churns++
		default:
			continue
		}
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("invariants: %v", err)
		}
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
	t.Logf("%d steps, %d kills, %d times most deleted, %d prunes; %d events are left", steps, kills, churns, prunes, len(m.events))
}

// kill goes on with the file as it is, of a store that is not closed.
func (s *testStore) kill(t testing.TB) {
	t.Helper()
	killed, path := s.Store, s.path
	s.path = filepath.Join(filepath.Dir(path), fmt.Sprintf("after-%d.db", rand.Uint64()))
	if err := os.WriteFile(s.path, readFile(t, path), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if err := errors.Join(killed.Close(), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
}

// closeAndVerify closes a store and checks that nothing is wrong or left over.
func (s *testStore) closeAndVerify(t testing.TB) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := doorlog.Verify(t.Context(), s.path, &s.options)
	if err != nil || !v.Sound() || v.Orphaned > 0 {
		t.Errorf("closed: %+v, %v", v, err)
	}
}

// churn deletes most of the events, many at once, and writes as many again.
func (m *model) churn(t testing.TB, s *testStore, rng *rand.Rand) {
	t.Helper()
	rng.Shuffle(len(m.events), func(i, j int) { m.events[i], m.events[j] = m.events[j], m.events[i] })
	keep := len(m.events) / 10
	var deleting sync.WaitGroup
	for part := range slices.Chunk(m.events[keep:], 1+len(m.events)/16) {
		deleting.Go(func() {
			for _, e := range part {
				if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	deleting.Wait()
	before := len(m.events)
	m.events = m.events[:keep]
	slices.SortFunc(m.events, func(a, b doorlog.Event) int { return b.ID.Compare(a.ID) })
	for len(m.events) < before {
		m.writeMany(t, s, rng)
	}
}

func (m *model) step(t *testing.T, s *testStore, rng *rand.Rand) {
	t.Helper()
	ctx := t.Context()
	op := rng.IntN(20)
	if len(m.events) > 1000 { // more would only be slower
		op = 13 + rng.IntN(7)
	}
	switch {
	case op < 9:
		if rng.IntN(20) == 0 {
			m.writeWithFrame(t, s, rng)
			return
		}
		m.put(s.write(t, randomEvent(rng))[0])
	case op < 10:
		m.writeMany(t, s, rng)
	case op < 12:
		e := randomEvent(rng)
		at := slices.IndexFunc(m.events, func(o doorlog.Event) bool {
			return e.RecordingID != "" && o.Camera == e.Camera && o.RecordingID == e.RecordingID
		})
		stored, existed, err := s.WriteEventOnce(ctx, e, nil)
		switch {
		case e.RecordingID == "":
			wantError(t, err, doorlog.ErrInvalid, "recording_id")
		case err != nil || existed != (at >= 0):
			t.Errorf("once: existed %v, want %v, %v", existed, at >= 0, err)
		case !existed:
			m.put(asStored(e, stored.ID))
		}
	case op < 13:
		name := []string{"alice", "bob", "carol"}[rng.IntN(3)]
		if rng.IntN(10) == 0 {
			m.deletePerson(t, s, name)
		} else {
			m.putPerson(t, s, name, rng)
		}
	case len(m.events) == 0:
	case op < 16:
		m.update(t, s, rng)
	case op < 17 && rng.IntN(3) == 0:
		at := rng.IntN(len(m.events))
		pin := s.Pin
		if m.events[at].Pinned = rng.IntN(2) == 0; !m.events[at].Pinned {
			pin = s.Unpin
		}
		if err := pin(ctx, m.events[at].ID); err != nil {
			t.Error(err)
		}
	case op < 17 && rng.IntN(2) == 0:
		var ids []doorlog.ID
		for range rng.IntN(4) {
			at := rng.IntN(len(m.events))
			m.events[at].Reviewed = true
			ids = append(ids, m.events[at].ID)
		}
		if err := s.MarkReviewed(ctx, ids...); err != nil {
			t.Error(err)
		}
	case op < 17:
		at := rng.IntN(len(m.events))
		m.events[at].AlertSent = true
		if err := s.MarkAlertSent(ctx, m.events[at].ID); err != nil {
			t.Error(err)
		}
	default:
		m.remove(t, s, rng)
	}
}

func (m *model) update(t testing.TB, s *testStore, rng *rand.Rand) {
	t.Helper()
	if len(m.events) == 0 {
		return
	}
	at := rng.IntN(len(m.events))
	e := randomEvent(rng)
	e.ID, e.RecordedAt, e.CreatedAt = m.events[at].ID, m.events[at].RecordedAt, m.events[at].CreatedAt
	if !e.EndedAt.IsZero() {
		e.EndedAt = e.RecordedAt.Add(time.Minute)
	}
	if err := s.UpdateEvent(t.Context(), e); err != nil {
		t.Error(err)
	}
	m.events[at] = e
}

func (m *model) remove(t testing.TB, s *testStore, rng *rand.Rand) {
	t.Helper()
	if len(m.events) == 0 {
		return
	}
	at := rng.IntN(len(m.events))
	if err := s.DeleteEvent(t.Context(), m.events[at].ID); err != nil {
		t.Error(err)
	}
	m.events = slices.Delete(m.events, at, at+1)
}

// writeMany writes a batch of any size around the one at which the tail is folded.
func (m *model) writeMany(t testing.TB, s *testStore, rng *rand.Rand) {
	t.Helper()
	events := make([]doorlog.Event, rng.IntN(2*doorlog.FoldAt+2))
	for i := range events {
		events[i] = randomEvent(rng)
	}
	ids, err := storedIDs(s.WriteEvents(t.Context(), events))
	if err != nil {
		t.Error(err)
	}
	for i, id := range ids {
		m.put(asStored(events[i], id))
	}
}

func (m *model) deletePerson(t *testing.T, s *testStore, name string) {
	t.Helper()
	before := len(m.persons)
	m.persons = slices.DeleteFunc(m.persons, func(p doorlog.Person) bool { return p.Name == name })
	known := len(m.persons) < before // the events keep the name
	if err := s.DeletePerson(t.Context(), name); (err == nil) != known || err != nil && !errors.Is(err, doorlog.ErrNotFound) {
		t.Errorf("delete person: %v; known %v", err, known)
	}
}

func (m *model) putPerson(t testing.TB, s *testStore, name string, rng *rand.Rand) {
	t.Helper()
	p := doorlog.PersonInput{Name: name, DisplayName: fmt.Sprint("Dr ", name, rng.IntN(9)), AutoUnlock: new(rng.IntN(2) == 0)}
	at, there := slices.BinarySearchFunc(m.persons, name, func(p doorlog.Person, name string) int { return strings.Compare(p.Name, name) })
	if !there {
		m.persons = slices.Insert(m.persons, at, doorlog.Person{Name: name, CreatedAt: now})
	}
	m.persons[at].DisplayName, m.persons[at].AutoUnlock = p.DisplayName, *p.AutoUnlock
	m.persons[at].Key = s.putPerson(t, p).Key
}

func (m *model) writeWithFrame(t testing.TB, s *testStore, rng *rand.Rand) {
	t.Helper()
	e := randomEvent(rng)
	e.ThumbnailPath = ""
	id, err := idOf(s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 16, 8)))
	if err != nil {
		t.Fatal(err)
	}
	e = asStored(e, id)
	e.ThumbnailPath, e.FrameWidth, e.FrameHeight = e.RecordedAt.Format("2006/01/02/")+id.String()+".jpg", 16, 8
	m.put(e)
}

func (m *model) compare(t *testing.T, s *testStore, rng *rand.Rand) {
	t.Helper()
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("invariants: %v", err)
	}
	wantEvents(t, s.all(t, doorlog.Query{}), m.events)
	if persons, err := s.Persons(t.Context()); err != nil || !slices.Equal(persons, m.persons) {
		t.Errorf("persons %v, want %v, %v", persons, m.persons, err)
	}
	for range 30 {
		m.compareQuery(t, s, randomQuery(rng))
	}
	m.compareScope(t, s, randomScope(rng))
	for range min(10, len(m.events)) {
		want := m.events[rng.IntN(len(m.events))]
		wantEvent(t, s.event(t, want.ID), want)
		if want.FrameWidth > 0 && want.ThumbnailPath != "" { // which a prune takes
			if _, err := s.Thumbnail(t.Context(), want.ID); err != nil {
				t.Error(err)
			}
		}
		m.compareRecording(t, s, want)
	}
}

// compareRecording looks an event up by its recording, if it has one. The newest is found.
func (m *model) compareRecording(t *testing.T, s *testStore, want doorlog.Event) {
	t.Helper()
	if want.RecordingID == "" {
		return
	}
	got, err := s.EventByRecording(t.Context(), want.Camera, want.RecordingID)
	newest := slices.IndexFunc(m.events, func(e doorlog.Event) bool {
		return e.Camera == want.Camera && e.RecordingID == want.RecordingID
	})
	if err != nil || got.ID != m.events[newest].ID {
		t.Errorf("by recording: %v, want %v, %v", got.ID, m.events[newest].ID, err)
	}
}

// The tail is folded when it has FoldAt events, and what is asked for is found
// on both sides of the boundary.
func TestEventsAreFoundOnBothSidesOfTheWatermark(t *testing.T) {
	for _, n := range []int{0, 1, doorlog.FoldAt - 1, doorlog.FoldAt, doorlog.FoldAt + 1, 2 * doorlog.FoldAt, 10 * doorlog.FoldAt} {
		for _, batch := range []int{1, 7, doorlog.FoldAt, 1000} {
			t.Run(fmt.Sprintf("events=%d,batch=%d", n, batch), func(t *testing.T) {
				s := newStore(t)
				for i := 0; i < n; i += batch {
					var events []doorlog.Event
					for j := i; j < min(i+batch, n); j++ {
						e := motion("garage", n-j)
						e.RecordingID = fmt.Sprint("rec", j)
						events = append(events, e)
					}
					if _, err := s.WriteEvents(t.Context(), events); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Check(t.Context()); err != nil {
					t.Error(err)
				}
				for i := range n {
					if _, err := s.EventByRecording(t.Context(), "garage", fmt.Sprint("rec", i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// The checker finds what is wrong, or its silence would mean nothing.
func TestCheckerFindsDamage(t *testing.T) {
	for name, want := range doorlog.Damages {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			for i := range doorlog.FoldAt + 10 {
				e := fullEvent()
				e.RecordedAt = e.RecordedAt.Add(time.Duration(i) * time.Minute)
				s.write(t, e)
			}
			s.putPerson(t, doorlog.PersonInput{Name: "alice"})
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			repair := s.Damage(t, name)
			err := s.Check(t.Context())
			if err == nil || !strings.Contains("\n"+err.Error(), "\n"+want+": ") {
				t.Errorf("the checker says %v, want %s", err, want)
			}
			repair()
		})
	}
}
