package doorlog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// attributed writes an event with these attributes, so many minutes ago.
func (s *testStore) attributed(t testing.TB, minutesAgo int, attributes map[string]string) doorlog.Event {
	t.Helper()
	e := motion("garage", minutesAgo)
	e.Attributes = attributes
	return s.write(t, e)[0]
}

func zoned(zones ...string) doorlog.Query {
	return doorlog.Query{Attributes: map[string][]string{"zone": zones}}
}

// Attributes are found in the tail and in the index, by themselves and together.
func TestEventsAreFoundByTheirAttributes(t *testing.T) {
	s := newStore(t)
	long := strings.Repeat("a long value ", 20)
	porch := s.attributed(t, 900, map[string]string{"zone": "porch", "plate": "B AB 1"})
	lawn := s.attributed(t, 800, map[string]string{"zone": "lawn", "plate": "B AB 1"})
	odd := s.attributed(t, 700, map[string]string{"zone=porch": "x", "zone": "", "nul": "a\x00b", "long": long})
	s.attributed(t, 600, map[string]string{"zones": "porch", "place": "porch"})
	for _, where := range []string{"tail", "folded"} {
		t.Run(where, func(t *testing.T) {
			for _, test := range []struct {
				asked map[string][]string
				want  []doorlog.Event
			}{
				{map[string][]string{"zone": {"porch"}}, []doorlog.Event{porch}},
				{map[string][]string{"zone": {"porch", "lawn", "porch"}}, []doorlog.Event{lawn, porch}},
				{map[string][]string{"zone": {"porch", "lawn"}, "plate": {"B AB 1"}}, []doorlog.Event{lawn, porch}},
				{map[string][]string{"zone": {"lawn"}, "plate": {"B AB 2"}}, nil},
				{map[string][]string{"zone": {""}}, []doorlog.Event{odd}},
				{map[string][]string{"zone=porch": {"x"}}, []doorlog.Event{odd}},
				{map[string][]string{"zone": {"porch=x"}}, nil},
				{map[string][]string{"nul": {"a\x00b"}, "long": {long}}, []doorlog.Event{odd}},
				{map[string][]string{"nul": {"a"}}, nil},
				{map[string][]string{"long": {long[1:]}}, nil},
			} {
				q := doorlog.Query{Attributes: test.asked}
				wantEvents(t, s.all(t, q), test.want)
				if n, err := s.Count(t.Context(), q); err != nil || n != len(test.want) {
					t.Errorf("%v: count %d, %v", test.asked, n, err)
				}
			}
		})
		for i := range 4 * doorlog.FoldAt {
			s.write(t, motion("driveway", i))
		}
	}
}

// A count by attributes alone reads index entries and no records, but those of the tail.
func TestACountByAttributesReadsTheIndex(t *testing.T) {
	s := newStore(t)
	for i := range 10 * doorlog.FoldAt {
		s.attributed(t, 2000-i, map[string]string{"zone": []string{"porch", "lawn"}[i%2]})
	}
	q := zoned("porch")
	p, err := s.Explain(t.Context(), q)
	if err != nil || p.Scan || len(p.Lists) != 1 || p.Lists[0].Index != "by_attribute" || p.Lists[0].Value != "zone=porch" {
		t.Errorf("%+v, %v", p, err)
	}
	q.Limit = 20
	if p, err = s.Explain(t.Context(), q); err != nil || p.RecordsRead > 20+p.TailRead {
		t.Errorf("%+v, %v", p, err)
	}
	if n, err := s.Count(t.Context(), q); err != nil || n != 5*doorlog.FoldAt {
		t.Errorf("%d, %v", n, err)
	}
}

// What somebody sees as one name is found in every spelling, wherever it stands, and an
// attribute that an event has in two spellings is there once.
func TestAttributesAreFoundInEverySpelling(t *testing.T) {
	s := newStore(t)
	const composed, apart = "K\u00fcche", "Ku\u0308che"
	longest := strings.Repeat("\u0958", doorlog.MaxNameLen/3) // whose normal form is twice as long
	one := s.attributed(t, 900, map[string]string{composed: apart, longest: longest})
	two := s.attributed(t, 800, map[string]string{apart: composed})
	both := s.attributed(t, 700, map[string]string{composed: composed, apart: apart})
	for range 2 {
		for _, name := range []string{composed, apart} {
			for _, value := range []string{composed, apart} {
				wantEvents(t, s.all(t, doorlog.Query{Attributes: map[string][]string{name: {value}}}), []doorlog.Event{both, two, one})
			}
		}
		wantEvents(t, s.all(t, doorlog.Query{Attributes: map[string][]string{longest: {longest}}}), []doorlog.Event{one})
		for i := range 4 * doorlog.FoldAt {
			s.write(t, motion("driveway", i))
		}
	}
	p := doorlog.Policy{Rules: []doorlog.Rule{{Match: doorlog.Match{Attributes: map[string][]string{apart: {composed}}}, MaxAge: time.Hour}}}
	if gone := s.prune(t, p); gone.Events != 3 {
		t.Errorf("%+v", gone)
	}
}

// An update and a deletion take the index entries along, and so does an erasure.
func TestAttributesThatAreGoneAreNotFound(t *testing.T) {
	for _, where := range []string{"tail", "folded"} {
		t.Run(where, func(t *testing.T) {
			s := newStore(t)
			e := s.attributed(t, 900, map[string]string{"zone": "porch", "seen": "alice"})
			gone := s.attributed(t, 800, map[string]string{"zone": "porch"})
			if where == "folded" {
				for i := range 4 * doorlog.FoldAt {
					s.write(t, motion("driveway", i))
				}
			}
			seen := doorlog.Query{Attributes: map[string][]string{"seen": {"alice"}}}
			wantEvents(t, s.all(t, seen), []doorlog.Event{e})
			erased, err := s.ErasePerson(t.Context(), "alice", doorlog.EraseName)
			if err != nil || erased.Attributes != 1 || erased.Occurrences != 0 {
				t.Fatalf("%+v, %v", erased, err)
			}
			wantEvents(t, s.all(t, seen), nil)
			e.Attributes = map[string]string{"zone": "lawn"}
			if err := s.UpdateEvent(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if err := s.DeleteEvent(t.Context(), gone.ID); err != nil {
				t.Fatal(err)
			}
			wantEvents(t, s.all(t, zoned("porch")), nil)
			wantEvents(t, s.all(t, zoned("lawn")), []doorlog.Event{e})
		})
	}
}

// A method is no person, though it may have the name of one.
func TestErasingAPersonLeavesMethods(t *testing.T) {
	s := newStore(t)
	e := motion("garage", 1)
	e.Person, e.Method = "alice", "alice"
	e = s.write(t, e)[0]
	if _, err := s.ErasePerson(t.Context(), "alice", doorlog.EraseName); err != nil {
		t.Fatal(err)
	}
	e.Person = ""
	wantEvent(t, s.event(t, e.ID), e)
}

func TestRulesKnowAttributesAndMethods(t *testing.T) {
	s := newStore(t)
	plain := s.attributed(t, 300, nil)
	s.attributed(t, 301, map[string]string{"zone": "street"})
	s.attributed(t, 302, map[string]string{"zone": "lawn"})
	both := s.attributed(t, 303, map[string]string{"zone": "porch", "plate": "B AB 1"})
	auto := motion("garage", 304)
	auto.Method = doorlog.MethodAuto
	s.write(t, auto)
	keypad := motion("garage", 305)
	keypad.Method = doorlog.MethodKeypad
	keypad = s.write(t, keypad)[0]
	gone := s.prune(t, doorlog.Policy{Rules: []doorlog.Rule{
		{Match: doorlog.Match{Attributes: map[string][]string{"zone": {"street", "lawn"}}}, MaxAge: time.Hour},
		{Match: doorlog.Match{Attributes: map[string][]string{"zone": {"porch"}, "plate": {"B AB 2"}}}, MaxAge: time.Hour},
		{Match: doorlog.Match{Methods: []doorlog.Method{doorlog.MethodAuto}}, MaxAge: time.Hour},
	}})
	if gone.By[0].Events != 2 || gone.By[1].Events != 0 || gone.By[2].Events != 1 {
		t.Errorf("%+v", gone.By)
	}
	wantEvents(t, s.all(t, doorlog.Query{}), []doorlog.Event{plain, both, keypad})

	for text, match := range map[string]doorlog.Match{
		`Policy.Rules[0].Match.Attributes: "zone" has no values`: {Attributes: map[string][]string{"zone": {}}},
		"Policy.Rules[0].Match.Methods: is empty":                {Methods: []doorlog.Method{""}},
	} {
		_, err := s.WouldPrune(t.Context(), doorlog.Policy{Rules: []doorlog.Rule{{Match: match}}})
		wantError(t, err, doorlog.ErrInvalid, text)
	}
}

// The end of an event is set when it is known, and has the limits of other times.
func TestTheEndOfAnEventIsSetLater(t *testing.T) {
	clock := now
	s := newStoreWith(t, doorlog.Options{Now: func() time.Time { return clock }})
	e := s.write(t, motion("garage", 5))[0]
	e.EndedAt = now.Add(-time.Minute).In(time.FixedZone("CET", 3600))
	if err := s.UpdateEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	e.EndedAt = e.EndedAt.UTC()
	wantEvent(t, s.event(t, e.ID), e)

	wrong := e
	wrong.EndedAt = e.RecordedAt.Add(-1)
	wantError(t, s.UpdateEvent(t.Context(), wrong), doorlog.ErrInvalid, "ended_at: ")
	wrong.EndedAt = now.AddDate(0, 0, 2)
	wantError(t, s.UpdateEvent(t.Context(), wrong), doorlog.ErrInvalid, "ended_at: 2026-02-27T18:30:00Z lies too far in the future")
	wrong.EndedAt = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
	wantError(t, s.UpdateEvent(t.Context(), wrong), doorlog.ErrInvalid, "ended_at: ")
	wantEvent(t, s.event(t, e.ID), e)

	clock = now.AddDate(-1, 0, 0) // it has stepped back: what is stored stays as it is
	e.Person = "alice"
	if err := s.UpdateEvent(t.Context(), e); err != nil {
		t.Error(err)
	}
	e.EndedAt = time.Time{}
	if err := s.UpdateEvent(t.Context(), e); err != nil {
		t.Error(err)
	}
	wantEvent(t, s.event(t, e.ID), e)

	e.EndedAt = now // another content than before
	_, err := s.WriteEvent(t.Context(), e)
	wantError(t, err, doorlog.ErrExists, "")
}

// A camera without a clock reports the end by the same clock, before 1970 in UTC.
func TestTheEndInTheFirstHoursOf1970MovesWithItsBeginning(t *testing.T) {
	s := newStore(t)
	at := time.Date(1970, 1, 1, 0, 0, 5, 0, time.FixedZone("CET", 3600))
	for name, test := range map[string]struct{ given, want time.Time }{
		"before 1970 in UTC": {at.Add(90 * time.Second), time.Unix(90, 0)},
		"after it":           {time.Unix(3600, 0), time.Unix(3600, 0)},
		"none":               {},
	} {
		e := doorlog.Event{Camera: "front", Type: doorlog.Ding, RecordedAt: at, EndedAt: test.given}
		stored, err := s.WriteEvent(t.Context(), e)
		if err != nil || !stored.EndedAt.Equal(test.want) {
			t.Errorf("%s: %v, %v", name, stored.EndedAt, err)
		}
	}
	_, err := s.WriteEvent(t.Context(), doorlog.Event{Camera: "front", Type: doorlog.Ding, RecordedAt: at, EndedAt: at.Add(-time.Second)})
	wantError(t, err, doorlog.ErrInvalid, "ended_at: ")
}

func TestMarkReviewed(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	events := s.write(t, motion("garage", 3), motion("garage", 2), motion("garage", 1))
	for i := range 4 * doorlog.FoldAt {
		s.write(t, motion("driveway", i))
	}
	newest := s.write(t, motion("garage", 0))[0]
	unknown := doorlog.ID{1}
	wantError(t, s.MarkReviewed(ctx, events[0].ID, unknown), doorlog.ErrNotFound, "doorlog: mark reviewed: event "+unknown.String())
	wantEvent(t, s.event(t, events[0].ID), events[0]) // all or none
	if err := s.MarkReviewed(ctx); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.MarkReviewed(ctx, newest.ID, events[0].ID, events[1].ID, newest.ID); err != nil {
			t.Fatal(err)
		}
	}
	newest.Reviewed, events[0].Reviewed, events[1].Reviewed = true, true, true
	wantEvents(t, s.all(t, doorlog.Query{Reviewed: new(true)}), []doorlog.Event{newest, events[1], events[0]})
	wantEvents(t, s.all(t, doorlog.Query{Reviewed: new(false), Cameras: []string{"garage"}}), events[2:])

	// A producer that repeats its write does not know of a review.
	repeated := newest
	repeated.Reviewed = false
	if got, err := s.WriteEvent(ctx, repeated); err != nil || !got.Reviewed {
		t.Errorf("written again: %+v, %v", got, err)
	}
	repeated = events[2]
	repeated.Reviewed = true
	_, err := s.WriteEvent(ctx, repeated)
	wantError(t, err, doorlog.ErrExists, "")
	newest.Reviewed = false
	if err := s.UpdateEvent(ctx, newest); err != nil {
		t.Fatal(err)
	}
	wantEvent(t, s.event(t, newest.ID), newest)
}

func TestDoorsDoWhatTheyAreSaidToDo(t *testing.T) {
	s := newStore(t)
	texts := []string{"none", "unlocked", "locked", "opened", "closed", "jammed", "failed"}
	for i, text := range texts {
		door, err := doorlog.ParseDoorAction(text)
		if err != nil || int(door) != i || door.String() != text {
			t.Errorf("%s: %v, %v", text, door, err)
		}
		e := motion("garage", i)
		e.Door = door
		e = s.write(t, e)[0]
		wantEvents(t, s.all(t, doorlog.Query{Doors: []doorlog.DoorAction{door}}), []doorlog.Event{e})
	}
	_, err := doorlog.ParseDoorAction("ajar")
	wantError(t, err, doorlog.ErrInvalid, strings.Join(texts, ", "))
}

// A null in a list of values would otherwise become the empty value, which can be asked for.
func TestJSONOfAttributesThatAreAskedForIsStrict(t *testing.T) {
	for text, problem := range map[string]string{
		`{"attributes":{"zone":["porch",null]}}`:           "attributes.zone.1: is not text",
		`{"attributes":{"zone":[1]}}`:                      "attributes.zone.0: is not text",
		`{"attributes":{"zone":["a"],"zone":["b"]}}`:       "attributes.zone: is given twice",
		`{"attributes":{"zone":"porch"}}`:                  "attributes: is of the wrong kind",
		`{"attributes":["zone"]}`:                          "attributes: is of the wrong kind",
		`{"attributes":{"zone":["\ud83d"]}}`:               `attributes.zone.0: has \ud83d`,
		`{"methods":"keypad"}`:                             "methods: is of the wrong kind",
		`{"method":["keypad"]}`:                            "method: is not a field",
		`{"attributes":{"zone":["porch"]},"attribute":{}}`: "attribute: is not a field",
	} {
		for _, into := range []any{new(doorlog.Query), new(doorlog.Match)} {
			err := json.Unmarshal([]byte(text), into)
			wantError(t, err, doorlog.ErrInvalid, problem)
			if err != nil && !strings.HasPrefix(err.Error(), problem) {
				t.Errorf("%v: want %s at the beginning", err, problem)
			}
		}
	}
	defaults := map[string][]string{"zone": {"porch"}}
	m := doorlog.Match{Attributes: defaults}
	if err := json.Unmarshal([]byte(`{"attributes":{"plate":["x"]}}`), &m); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Attributes) != "map[plate:[x]]" || fmt.Sprint(slicesOf(defaults)) != "[zone]" {
		t.Errorf("%v was read over %v", m.Attributes, defaults)
	}
}

func slicesOf(m map[string][]string) (names []string) {
	for name := range maps.Keys(m) {
		names = append(names, name)
	}
	return names
}
