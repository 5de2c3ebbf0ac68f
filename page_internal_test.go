package doorlog

import (
	"testing"
	"time"
)

// A query for all events has the hash that its fields give it, however it was asked for.
func TestTheHashOfAQueryForAllEvents(t *testing.T) {
	seen := make(map[uint64]bool)
	for _, q := range []Query{
		{},
		{OldestFirst: true},
		{Limit: 20, Offset: 3},
		{Location: time.FixedZone("X", 3600)},
		{Cameras: []string{}},
		{Attributes: map[string][]string{}},
		{Cameras: []string{"a"}},
		{Pinned: new(false)},
		{Weekdays: []time.Weekday{time.Sunday}},
		{Since: time.Unix(1, 0)},
		{MinConfidence: 0.5},
	} {
		if got, want := q.hash(), q.hashFields(); got != want {
			t.Errorf("%+v: hash %x; want %x", q, got, want)
		}
		seen[q.hash()] = true
	}
	if len(seen) != 7 {
		t.Errorf("there are %d hashes; want 7", len(seen))
	}
}
