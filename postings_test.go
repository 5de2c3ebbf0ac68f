package doorlog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// Two names go in one transaction. The first has so many events that pages of
// the index are emptied, and the lists on either side of these are changed after that.
func TestListsBesideOneThatIsEmptiedInTheSameTransaction(t *testing.T) {
	s := newStore(t)
	var events []doorlog.Event
	for i := range 3000 {
		e := motion("garage", i)
		e.Person = "alice"
		if i%100 == 0 {
			e.Person = []string{"aaron", "bob"}[i/100%2]
		}
		events = append(events, e)
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for _, order := range [][]string{{"alice", "aaron"}, {"bob"}} {
		release := s.Block()
		var all sync.WaitGroup
		for i, name := range order {
			all.Go(func() {
				if err := s.TakeNameOff(t.Context(), name); err != nil {
					t.Error(err)
				}
			})
			s.untilWaiting(i + 1)
		}
		release()
		all.Wait()
		for _, name := range order {
			if n, err := s.Count(t.Context(), doorlog.Query{Persons: []string{name}}); n != 0 || err != nil {
				t.Errorf("%s has %d events, %v", name, n, err)
			}
		}
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.all(t, doorlog.Query{Stranger: new(true)})); n != len(events) {
		t.Errorf("%d strangers", n)
	}
}

// A list is found from every ID on, in both directions, whichever block that is in.
func TestListsFromEveryPlace(t *testing.T) {
	s := newStore(t)
	const n = 400
	var events []doorlog.Event
	for i := range n {
		events = append(events, s.write(t, motion([]string{"garage", "porch"}[i%2], 10*(n-i)))...)
	}
	for i := range 5 { // late arrivals, between full blocks
		events = append(events, s.write(t, motion("garage", 10*(37*i+50)+5))...)
	}
	for _, i := range []int{0, 1, 103, 104, 105, 398} { // ends and insides of blocks
		if err := s.DeleteEvent(t.Context(), events[i].ID); err != nil {
			t.Fatal(err)
		}
	}
	for camera, want := range map[string]int{"garage": 205 - 3, "porch": 200 - 3} {
		newest := s.all(t, doorlog.Query{Cameras: []string{camera}})
		if len(newest) != want {
			t.Errorf("%s: %d events, want %d", camera, len(newest), want)
		}
		for i, e := range newest {
			older := s.all(t, doorlog.Query{Cameras: []string{camera}, Until: e.RecordedAt, Limit: 60})
			wantEvents(t, older, newest[i+1:min(len(newest), i+61)])
			younger := s.all(t, doorlog.Query{Cameras: []string{camera}, Since: e.RecordedAt, Limit: 60, OldestFirst: true})
			for j, got := range younger {
				wantEvent(t, got, newest[i-j])
			}
			if len(younger) != min(60, i+1) {
				t.Errorf("%s from %d on: %d", camera, i, len(younger))
			}
		}
	}
}

// The length in an entry of the tail has no checksum, and the records have.
func TestSalvageDoesNotNeedTheLengthInTheTail(t *testing.T) {
	s := newStore(t)
	var events []doorlog.Event
	for i := range 5 {
		e := motion("garage", i)
		e.Detections = []doorlog.Detection{{Label: "dog", Confidence: 0.5}}
		events = append(events, s.write(t, e)...)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for bit := range 32 {
		t.Run(fmt.Sprint("bit ", bit), func(t *testing.T) {
			dir := t.TempDir()
			path, fresh := filepath.Join(dir, "events.db"), filepath.Join(dir, "fresh.db")
			if err := os.WriteFile(path, readFile(t, s.path), 0o600); err != nil {
				t.Fatal(err)
			}
			(&testStore{path: path}).inFile(t, func(tx *bolt.Tx) error {
				b := tx.Bucket([]byte("tail"))
				k, v := b.Cursor().First()
				v = bytes.Clone(v)
				v[bit/8] ^= 1 << (bit % 8)
				return b.Put(k, v)
			})
			saved, err := doorlog.Salvage(t.Context(), path, fresh, nil)
			if err != nil || saved.LostEvents != 0 || saved.LostDetections != 0 || saved.Events != len(events) {
				t.Errorf("%+v, %v", saved, err)
			}
		})
	}
}
