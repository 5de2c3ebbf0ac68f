package doorlog

import "fmt"

// An Invariant is a property of every sound store. It has the number that design/schema.md
// gives it.
type Invariant int

// The invariants that [Store.Verify] and [Verify] check.
const (
	InvariantPages      Invariant = 1  // pages are sound, and each is either used once or free
	InvariantMeta       Invariant = 2  // the bucket meta is sound, and all buckets exist
	InvariantKeys       Invariant = 3  // every key of an event is an ID
	InvariantEvents     Invariant = 4  // every record of an event verifies
	InvariantDetections Invariant = 5  // every event has its detections, and they verify
	InvariantValid      Invariant = 6  // every event would be accepted again
	InvariantTail       Invariant = 7  // the tail has the events that are not indexed yet
	InvariantIndexes    Invariant = 8  // indexes have the entries of the events
	InvariantPersons    Invariant = 9  // every record of a person verifies
	InvariantThumbnails Invariant = 10 // thumbnails exist and are as they were saved
	InvariantRollups    Invariant = 11 // rollups are the sums of the events
	InvariantSums       Invariant = 12 // every entry that was stored exists
	InvariantChanges    Invariant = 13 // every kept change has its number, once, and consumers lie inside

	invariantCount = 14 // the numbers begin with 1
)

var invariantNames = [invariantCount]string{
	InvariantPages: "pages", InvariantMeta: "meta", InvariantKeys: "keys", InvariantEvents: "events",
	InvariantDetections: "detections", InvariantValid: "valid", InvariantTail: "tail", InvariantIndexes: "indexes",
	InvariantPersons: "persons", InvariantThumbnails: "thumbnails", InvariantRollups: "rollups", InvariantSums: "sums",
	InvariantChanges: "changes",
}

// String returns the number as in design/schema.md, such as "I4".
func (i Invariant) String() string { return fmt.Sprintf("I%d", int(i)) }

// Name returns a word for what the invariant is about, such as "events". It is empty if there is
// no such invariant.
func (i Invariant) Name() string {
	if i < 0 || i >= invariantCount {
		return ""
	}
	return invariantNames[i]
}
