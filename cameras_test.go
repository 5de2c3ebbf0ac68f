package doorlog_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/doorlog/doorlog"
)

// compareLists holds Cameras and Types against a loop over the slice, and against Count.
func (m *model) compareLists(t testing.TB, s *testStore) {
	t.Helper()
	cameras, types := []doorlog.CameraInfo{}, []doorlog.TypeInfo{}
	for _, e := range slices.Backward(m.events) { // oldest first
		camera, kind := norm.NFC.String(e.Camera), doorlog.EventType(norm.NFC.String(string(e.Type)))
		at, found := slices.BinarySearchFunc(cameras, camera, func(c doorlog.CameraInfo, name string) int { return strings.Compare(c.Camera, name) })
		if !found {
			cameras = slices.Insert(cameras, at, doorlog.CameraInfo{Camera: camera, First: e.RecordedAt})
		}
		cameras[at].Events, cameras[at].Last = cameras[at].Events+1, e.RecordedAt
		at, found = slices.BinarySearchFunc(types, kind, func(c doorlog.TypeInfo, name doorlog.EventType) int {
			return strings.Compare(string(c.Type), string(name))
		})
		if !found {
			types = slices.Insert(types, at, doorlog.TypeInfo{Type: kind, First: e.RecordedAt})
		}
		types[at].Events, types[at].Last = types[at].Events+1, e.RecordedAt
	}
	if got, err := s.Cameras(t.Context()); err != nil || !reflect.DeepEqual(got, cameras) {
		t.Errorf("cameras\n got %+v\nwant %+v, %v", got, cameras, err)
	}
	if got, err := s.Types(t.Context()); err != nil || !reflect.DeepEqual(got, types) {
		t.Errorf("types\n got %+v\nwant %+v, %v", got, types, err)
	}
	for _, c := range cameras {
		if n, err := s.Count(t.Context(), doorlog.Query{Cameras: []string{c.Camera}}); err != nil || n != c.Events {
			t.Errorf("count of camera %q is %d, %v; want %d", c.Camera, n, err, c.Events)
		}
	}
	for _, c := range types {
		if n, err := s.Count(t.Context(), doorlog.Query{Types: []doorlog.EventType{c.Type}}); err != nil || n != c.Events {
			t.Errorf("count of type %q is %d, %v; want %d", c.Type, n, err, c.Events)
		}
	}
}

func TestCamerasAndTypesAreThoseOfTheEvents(t *testing.T) {
	s, m := newStore(t), new(model)
	m.compareLists(t, s) // there are none yet
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range 6 {
		for range 8 {
			m.put(s.write(t, randomEvent(rng))[0])
			m.compareLists(t, s)
		}
		m.writeMany(t, s, rng)
		for range 10 {
			m.update(t, s, rng)
			m.remove(t, s, rng)
		}
		m.compareLists(t, s)
	}
	s.reopen(t)
	m.compareLists(t, s)
}

// Spellings of an earlier version are one camera, and one type.
func TestCamerasAndTypesJoinTheSpellingsOfAName(t *testing.T) {
	for _, n := range []int{5, 2*doorlog.FoldAt + 30} { // in the tail alone, and on both sides
		s := newStore(t)
		s.before(t, n)
		m := model{events: s.all(t, doorlog.Query{})}
		m.compareLists(t, s)
		if cameras, err := s.Cameras(t.Context()); err != nil || len(cameras) != 1 || cameras[0].Camera != "camera "+composed || cameras[0].Events != n {
			t.Errorf("%+v, %v", cameras, err)
		}
	}
}

// The ends of a camera are exact, to the nanosecond, also if an event arrives late.
func TestCamerasSayTheFirstAndTheLastEventExactly(t *testing.T) {
	s := newStore(t)
	for i := range 2 * doorlog.FoldAt {
		s.write(t, motion(fmt.Sprint("camera", i%2), 3*doorlog.FoldAt-i))
	}
	early, late := motion("camera0", 10_000), motion("camera0", 0)
	early.RecordedAt, late.RecordedAt = early.RecordedAt.Add(1), late.RecordedAt.Add(7)
	s.write(t, late, early)
	err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
		cameras, err := sn.Cameras()
		if err != nil || len(cameras) != 2 || !cameras[0].First.Equal(early.RecordedAt) || !cameras[0].Last.Equal(late.RecordedAt) {
			t.Errorf("%+v, %v", cameras, err)
		}
		types, err := sn.Types()
		if len(types) != 1 || types[0].Events != 2*doorlog.FoldAt+2 || !types[0].First.Equal(early.RecordedAt) {
			t.Errorf("%+v, %v", types, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
