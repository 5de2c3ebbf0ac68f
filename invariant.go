package doorlog

import "fmt"

// An Invariant is something that holds for every sound store. Its number is that in
// design/schema.md.
type Invariant int

// The invariants that Verify compares a store with.
const (
	InvariantPages      Invariant = 1  // pages are sound, and each is in use once or free
	InvariantMeta       Invariant = 2  // the bucket meta is sound, and all buckets are there
	InvariantKeys       Invariant = 3  // every key of an event is an ID
	InvariantEvents     Invariant = 4  // every record of an event verifies
	InvariantDetections Invariant = 5  // every event has its detections, and they verify
	InvariantValid      Invariant = 6  // every event would be accepted again
	InvariantTail       Invariant = 7  // the tail has the events that are not indexed yet
	InvariantIndexes    Invariant = 8  // indexes have the entries of the events
	InvariantPersons    Invariant = 9  // every record of a person verifies
	InvariantThumbnails Invariant = 10 // thumbnails are there, and as they were saved
	InvariantRollups    Invariant = 11 // rollups are the sums of the events
	InvariantSums       Invariant = 12 // every entry that was stored is there

	invariantCount = 13 // and none is 0
)

var invariantNames = [invariantCount]string{
	InvariantPages: "pages", InvariantMeta: "meta", InvariantKeys: "keys", InvariantEvents: "events",
	InvariantDetections: "detections", InvariantValid: "valid", InvariantTail: "tail", InvariantIndexes: "indexes",
	InvariantPersons: "persons", InvariantThumbnails: "thumbnails", InvariantRollups: "rollups", InvariantSums: "sums",
}

// String returns the number as design/schema.md has it, such as "I4".
func (i Invariant) String() string { return fmt.Sprintf("I%d", int(i)) }

// Name returns a word for what the invariant is about, such as "events"; empty: there
// is no such invariant.
func (i Invariant) Name() string {
	if i < 0 || i >= invariantCount {
		return ""
	}
	return invariantNames[i]
}
