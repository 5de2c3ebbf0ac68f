package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A replica is what a reader of changes has made of them.
type replica struct {
	query   *doorlog.Query // nil: of all events, and of persons
	at      doorlog.Cursor
	events  map[doorlog.ID]doorlog.Event
	persons map[doorlog.ID]doorlog.Person

	applied, compared, resets int
}

func (r *replica) apply(c doorlog.Change) {
	r.applied++
	r.at = c.Cursor
	switch {
	case c.Op == doorlog.EventDeleted || c.NoMatch:
		delete(r.events, c.ID)
	case c.Event != nil:
		r.events[c.ID] = *c.Event
	case c.Op == doorlog.PersonRemoved:
		delete(r.persons, c.ID)
	case c.Person != nil:
		r.persons[c.ID] = *c.Person
	}
}

// reset takes over the store as it is.
func (r *replica) reset(t testing.TB, s *testStore) {
	t.Helper()
	r.resets++
	r.events, r.persons = make(map[doorlog.ID]doorlog.Event), make(map[doorlog.ID]doorlog.Person)
	err := s.View(t.Context(), func(sn *doorlog.Snapshot) (err error) {
		r.fill(t, sn)
		r.at, err = sn.Cursor()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *replica) fill(t testing.TB, sn *doorlog.Snapshot) {
	t.Helper()
	q := doorlog.Query{}
	if r.query != nil {
		q = *r.query
	}
	for e, err := range sn.Events(q) {
		if err != nil {
			t.Fatal(err)
		}
		r.events[e.ID] = e
	}
	if r.query != nil {
		return
	}
	persons, err := sn.Persons()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range persons {
		r.persons[p.Key] = p
	}
}

// read reads some pages, and compares the replica with the store if it comes to the end.
// trimmed is the last change that the store does not keep.
func (r *replica) read(t testing.TB, s *testStore, rng *rand.Rand, another bool) {
	t.Helper()
	st := s.stats(t)
	trimmed := st.Change - uint64(st.Changes)
	for range 1 + rng.IntN(6) {
		page, err := s.ChangePage(t.Context(), r.at, rng.IntN(400), &doorlog.ChangeOptions{Query: r.query})
		if errors.Is(err, doorlog.ErrGone) {
			if r.at.Seq() > trimmed && !another {
				t.Fatalf("%v, and the changes after %d are kept", err, trimmed)
			}
			r.reset(t, s)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range page.Changes {
			if r.query == nil && c.Cursor.Seq() != r.at.Seq()+1 {
				t.Fatalf("change %d comes after %d", c.Cursor.Seq(), r.at.Seq())
			}
			if i == len(page.Changes)-1 && r.query == nil && c.Cursor != page.Next {
				t.Fatalf("the page ends at %v and its last change is at %v", page.Next, c.Cursor)
			}
			r.apply(c)
		}
		if r.at = page.Next; !page.More {
			r.compare(t, s)
			return
		}
	}
}

func (r *replica) compare(t testing.TB, s *testStore) {
	t.Helper()
	want := &replica{query: r.query, events: make(map[doorlog.ID]doorlog.Event), persons: make(map[doorlog.ID]doorlog.Person)}
	err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
		want.fill(t, sn)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.compared++; !reflect.DeepEqual(r.events, want.events) || !reflect.DeepEqual(r.persons, want.persons) {
		t.Fatalf("the changes up to %v give %d events and %d persons, and there are %d and %d, or they differ",
			r.at, len(r.events), len(r.persons), len(want.events), len(want.persons))
	}
}

// Whatever happens to a store, and wherever a reader stops: who replays the changes onto the state
// of a cursor gets the store as it is, or is told that the cursor is gone.
func TestFeedReplaysToTheStore(t *testing.T) {
	steps, budget := extent(300, 2000, 10_000), time.Duration(extent(3, 10, 600))*time.Second
	seed := uint64(time.Now().UnixNano())
	compared := 0
	for begun := time.Now(); time.Since(begun) < budget && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { compared += replayFeed(t, seed, steps) })
	}
	t.Logf("%d replicas were compared with their stores", compared)
}

func replayFeed(t *testing.T, seed uint64, steps int) (compared int) {
	rng := rand.New(rand.NewPCG(seed, 2))
	s, m := newStoreWith(t, doorlog.Options{KeepChanges: 100 + rng.IntN(500)}), new(model)
	readers := []*replica{
		{},
		{},
		{},
		{},
		{query: &doorlog.Query{Persons: []string{"alice"}}},
		{query: &doorlog.Query{Labels: []string{"label1"}, MinConfidence: 0.5, AlertSent: new(false)}},
		{query: &doorlog.Query{Cameras: []string{"camera1"}, Since: now.AddDate(0, -2, 0), Pinned: new(false)}},
	}
	for _, r := range readers {
		r.reset(t, s)
	}
	restores := 0
	for step := range steps {
		another := false
		switch rng.IntN(300) {
		case 0:
			s.kill(t)
		case 1:
			s.reopen(t)
		case 2:
			m.prune(t, s, randomPolicy(rng, len(m.events)))
		case 3:
			m.churn(t, s, rng)
		case 4:
			if _, err := s.Compact(t.Context()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
				t.Fatal(err)
			}
		case 5:
			m.erase(t, s, rng)
		case 6:
			s.restored(t)
			restores++
			for _, r := range readers { // each has the cursor of another history
				if _, err := s.ChangePage(t.Context(), r.at, 1, nil); !errors.Is(err, doorlog.ErrGone) {
					t.Fatalf("after a restore: %v", err)
				}
				r.reset(t, s)
			}
			another = true
		default:
			m.step(t, s, rng)
		}
		if rng.IntN(4) == 0 {
			readers[rng.IntN(len(readers))].read(t, s, rng, another)
		}
		if step%150 == 149 {
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("invariants: %v", err)
			}
		}
	}
	applied, resets := 0, 0
	for _, r := range readers {
		for range 200 {
			if before := r.compared; r.compared == before {
				r.read(t, s, rng, false)
			}
		}
		compared, applied, resets = compared+r.compared, applied+r.applied, resets+r.resets
	}
	t.Logf("%d steps, %d restores: %d changes were replayed, %d replicas compared, %d taken anew", steps, restores, applied, compared, resets)
	return compared
}

// erase erases a person of the model, whose events stay without the name or go.
func (m *model) erase(t *testing.T, s *testStore, rng *rand.Rand) {
	t.Helper()
	name := []string{"alice", "bob"}[rng.IntN(2)]
	how := []doorlog.Erasure{doorlog.EraseName, doorlog.EraseEvents}[rng.IntN(2)]
	if _, err := s.ErasePerson(t.Context(), name, how); err != nil && !errors.Is(err, doorlog.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	m.events = s.all(t, doorlog.Query{})
	persons, err := s.Persons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.persons = persons
}

// restored goes on with a store that was restored from a backup of this one.
func (s *testStore) restored(t testing.TB) {
	t.Helper()
	var backup bytes.Buffer
	if _, err := s.Backup(t.Context(), &backup, nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(t.Context(), dir, &backup, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.path, s.thumbs = filepath.Join(dir, "events.db"), filepath.Join(dir, "thumbnails")
	s.open(t)
}

// Readers that wait get every change of all writers, once, in order, and end with their context.
func TestAThousandReadersGetWhatManyWrite(t *testing.T) {
	readers, writers, each := 1000, 64, extent(3, 10, 30)
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	at, err := s.Cursor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var reading, writing sync.WaitGroup
	for i := range readers {
		reading.Go(func() {
			seq := at.Seq()
			var ended error
			for c, err := range s.ChangesWith(ctx, at, &doorlog.ChangeOptions{IDsOnly: i > 0}) {
				if ended = err; err != nil {
					break
				}
				if seq++; c.Cursor.Seq() != seq || c.Op != doorlog.EventCreated {
					t.Errorf("change %d is %+v", seq, c)
					return
				}
				if seq == at.Seq()+uint64(writers*each) {
					break
				}
			}
			if ended != nil {
				t.Error(ended)
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if _, err := s.WriteEvent(ctx, motion(fmt.Sprint("camera", w), i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	reading.Wait()
}

// A reader that waits ends when its context does, when the store is closed, and when damage is found.
func TestWaitingForChangesEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end func(s *doorlog.Store, cancel func())
		is  error
	}{
		"context": {func(_ *doorlog.Store, cancel func()) { cancel() }, context.Canceled},
		"close":   {func(s *doorlog.Store, _ func()) { _ = s.Close() }, doorlog.ErrClosed},
		"damage":  {func(s *doorlog.Store, _ func()) { s.Condemn() }, doorlog.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			told, ended := make(chan doorlog.Change), make(chan error)
			go func() {
				for c, err := range s.Changes(ctx, doorlog.Cursor{}) {
					if err != nil {
						ended <- err
						return
					}
					told <- c
				}
				ended <- nil
			}()
			<-told
			test.end(s, cancel)
			if err := <-ended; !errors.Is(err, test.is) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// What a cursor cannot be continued for is said, each with its reason.
func TestCursorsThatAreGone(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	for i := range 3 * doorlog.FoldAt {
		s.write(t, motion("garage", i))
	}
	at, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := func(at doorlog.Cursor, says string) {
		t.Helper()
		_, err := s.ChangePage(t.Context(), at, 0, nil)
		wantError(t, err, doorlog.ErrGone, says)
		wantError(t, s.AwaitChange(t.Context(), at), doorlog.ErrGone, says)
		_, err = s.Consumer(t.Context(), "reader", &doorlog.ConsumerOptions{From: at})
		wantError(t, err, doorlog.ErrGone, says)
	}
	changed := func(part int, to string) doorlog.Cursor {
		t.Helper()
		parts := bytes.Split([]byte(at.String()), []byte("."))
		parts[part] = []byte(to)
		c, err := doorlog.ParseCursor(string(bytes.Join(parts, []byte("."))))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := doorlog.ID{1}.String()
	gone(doorlog.Cursor{}, "are not kept")
	gone(changed(0, other), "of another store")
	gone(changed(1, other), "of another history")
	gone(changed(2, "1000000"), "older copy")
	gone(changed(2, "1"), "not kept any more")
	gone(changed(3, "00000000"), "is another one")
	s.restored(t)
	gone(at, "of another history")
	if _, err := doorlog.ParseCursor("somewhere"); !errors.Is(err, doorlog.ErrInvalid) {
		t.Errorf("a text that is no cursor: %v", err)
	}
}

// Salvage and repair tell their readers that the history has ended, and a compaction does not.
func TestWhatEndsAHistoryOfChanges(t *testing.T) {
	s := newStore(t)
	for i := range 2 * doorlog.FoldAt {
		s.write(t, motion("garage", i))
	}
	middle, err := s.ChangePage(t.Context(), doorlog.Cursor{}, 10, nil)
	if err != nil || len(middle.Changes) != 10 {
		t.Fatalf("%+v, %v", middle, err)
	}
	if _, err := s.Compact(t.Context()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	s.reopen(t)
	if page, err := s.ChangePage(t.Context(), middle.Next, 1, nil); err != nil || page.Changes[0].Cursor.Seq() != 11 {
		t.Errorf("after a compaction: %+v, %v", page, err)
	}
	end, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	salvaged := filepath.Join(filepath.Dir(s.path), "salvaged.db")
	if _, err := doorlog.Salvage(t.Context(), s.path, salvaged, nil); err != nil {
		t.Fatal(err)
	}
	s.path = salvaged
	s.open(t)
	for _, at := range []doorlog.Cursor{{}, middle.Next, end} {
		_, err := s.ChangePage(t.Context(), at, 1, nil)
		wantError(t, err, doorlog.ErrGone, "not kept")
	}
	at, err := s.Cursor(t.Context())
	if err != nil || at.Seq() <= end.Seq() {
		t.Errorf("the numbers go on at %d after %d, %v", at.Seq(), end.Seq(), err)
	}
	s.write(t, motion("garage", 0))
	if page, err := s.ChangePage(t.Context(), at, 0, nil); err != nil || len(page.Changes) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

// A consumer goes on where it was, and has kept for it what it has yet to get, up to its limit.
func TestAConsumerIsWaitedFor(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	ctx := t.Context()
	_, err := s.Consumer(ctx, "fleet", &doorlog.ConsumerOptions{Hold: 500})
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int) {
		t.Helper()
		for i := range n {
			s.write(t, motion("garage", i))
		}
	}
	write(450)
	s.reopen(t)
	c, err := s.Consumer(ctx, "fleet", nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := uint64(0)
	for change, err := range c.Changes(ctx, nil) {
		if err != nil || change.Cursor.Seq() != seen+1 {
			t.Fatalf("%+v, %v", change, err)
		}
		if seen++; seen == 300 {
			if err := c.Ack(ctx, change.Cursor); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	list, err := s.Consumers(ctx)
	if err != nil || len(list) != 1 || list[0].Behind != 150 || list[0].Gone || list[0].Hold != 500 || list[0].Cursor.Seq() != 300 {
		t.Errorf("%+v, %v", list, err)
	}
	write(700) // it falls behind too far
	if list, err = s.Consumers(ctx); err != nil || !list[0].Gone {
		t.Errorf("%+v, %v", list, err)
	}
	for _, err := range c.Changes(ctx, nil) {
		wantError(t, err, doorlog.ErrGone, "not kept any more")
		break
	}
	at, err := s.Cursor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Ack(ctx, at), s.RemoveConsumer(ctx, "fleet")); err != nil {
		t.Error(err)
	}
	wantError(t, c.Ack(ctx, at), doorlog.ErrNotFound, "fleet")
	wantError(t, s.RemoveConsumer(ctx, "fleet"), doorlog.ErrNotFound, "fleet")
	_, err = s.Consumer(ctx, "", nil)
	wantError(t, err, doorlog.ErrInvalid, "consumer")
}

// Changes go by their age, by a clock that is believed.
func TestOldChangesGo(t *testing.T) {
	s := newClockedStore(t, now)
	write := func(n int) {
		t.Helper()
		for i := range n {
			s.write(t, motion("garage", i))
		}
	}
	kept := func() int { return s.stats(t).Changes }
	write(5 * doorlog.FoldAt)
	s.hands.run(20 * day)
	write(doorlog.FoldAt)
	s.hands.set(now.AddDate(9, 0, 0)) // for a moment
	write(4 * doorlog.FoldAt)
	if n := kept(); n != 10*doorlog.FoldAt {
		t.Errorf("%d changes are kept", n)
	}
	s.hands.set(now.Add(20 * day))
	s.hands.run(11 * day)
	write(4 * doorlog.FoldAt)
	if n := kept(); n != 10*doorlog.FoldAt { // the last block that is too old stays
		t.Errorf("%d changes are kept", n)
	}
}

// A kept change takes at most 30 bytes of the file, whether the events came one by one, in
// batches, or were changed and deleted since; and a trimmed one takes none.
func TestAChangeTakesFewBytes(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 6000})
	events := make([]doorlog.Event, 100)
	for i := range 80 {
		for j := range events {
			events[j] = motion("garage", 100*i+j)
		}
		if _, err := s.WriteEvents(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 * doorlog.FoldAt {
		e := s.write(t, motion("porch", i))[0]
		if i%2 == 0 {
			if err := s.MarkAlertSent(t.Context(), e.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.prune(t, doorlog.Policy{MaxEvents: 7000})
	st := s.stats(t)
	if bytes := st.Buckets["changes"]; st.Changes < 6000 || st.Changes > 7000 || bytes > 30*int64(st.Changes) {
		t.Errorf("%d changes take %d bytes", st.Changes, bytes)
	}
}

// No change names a person: what is erased does not live on in the feed.
func TestChangesNameNobody(t *testing.T) {
	s := newStore(t)
	p := s.putPerson(t, doorlog.PersonInput{Name: "zaphod"})
	if err := s.DeletePerson(t.Context(), "zaphod"); err != nil {
		t.Fatal(err)
	}
	page, err := s.ChangePage(t.Context(), doorlog.Cursor{}, 0, nil)
	if err != nil || len(page.Changes) != 2 || page.Changes[1].ID != p.Key || page.Changes[1].Op != doorlog.PersonRemoved {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := s.Compact(t.Context()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	} else if err == nil && bytes.Contains(readFile(t, s.path), []byte("zaphod")) {
		t.Error("the file has the name")
	}
}

// The text of a cursor is read back, and nothing else is.
func FuzzParseCursor(f *testing.F) {
	f.Add("01KJB11A2000001VAJWYQVB6B7.01KJB11A2000001VAJWYQVB6B8.12.0123abcd")
	f.Add("")
	f.Add("01KJB11A2000001VAJWYQVB6B7.01KJB11A2000001VAJWYQVB6B8.-1.0123abcd")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := doorlog.ParseCursor(text)
		if err != nil {
			if !errors.Is(err, doorlog.ErrInvalid) || !c.IsZero() {
				t.Fatalf("%v, %v", c, err)
			}
			return
		}
		if again, err := doorlog.ParseCursor(c.String()); err != nil || again != c {
			t.Fatalf("%q is read as %v, and that as %v, %v", text, c, again, err)
		}
	})
}

// Changes are trimmed also while the oldest of them is that of an event which is not indexed yet.
func TestChangesOfALongTailAreTrimmed(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	s.write(t, motion("garage", 1))
	for i := range 1000 {
		s.putPerson(t, doorlog.PersonInput{Name: "alice", AutoUnlock: new(i%2 == 0)})
	}
	if st := s.stats(t); st.Changes > 700 {
		t.Errorf("%d changes are kept", st.Changes)
	}
}

// A reader who has every change goes on after a quiet time, however long it was.
func TestAQuietTimeCutsNobodyOff(t *testing.T) {
	s := newClockedStore(t, now)
	write := func(n int) {
		t.Helper()
		for i := range n {
			s.write(t, motion("garage", i))
		}
	}
	write(5 * doorlog.FoldAt)
	at, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.hands.run(100 * day)
		write(doorlog.FoldAt)
		page, err := s.ChangePage(t.Context(), at, 0, nil)
		if err != nil || len(page.Changes) != doorlog.FoldAt {
			t.Fatalf("%d changes, %v", len(page.Changes), err)
		}
		at = page.Next
	}
	if st := s.stats(t); st.Changes > 3*doorlog.FoldAt {
		t.Errorf("%d changes are kept", st.Changes)
	}
}
