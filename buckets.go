package doorlog

import (
	"slices"
)

// The buckets of the bolt file, and the keys in them:
//
//	meta         name                   → value              (below)
//	events       ID                     → event record       (codec.go)
//	detections   ID of the event        → detections record; no key if there are none
//	tail         ID                     → both records of a new event (tail.go)
//	persons      name                   → person record
//	rollups      camera 0x00 day        → sums of the day (rollup.go)
//	changes      sequence number        → changes from that number on (changeblock.go)
//	consumers    name                   → its place in the changes (consumerrecord.go)
//	by_camera    camera       0x00 ID   → more IDs (postings.go)
//	by_person    person       0x00 ID   → more IDs; a stranger has the empty name
//	by_label     label        0x00 ID   → more IDs; once per label and event
//	by_type      type         0x00 ID   → more IDs
//	by_door      door action  0x00 ID   → more IDs; only if the door did something
//	by_recording recording    0x00 ID   → more IDs; only if there is one
//	by_thumbnail path         0x00 ID   → more IDs; only if the path does not follow from the ID
//	by_attribute name=value   0x00 ID   → more IDs; once per attribute (index.go)
//
// An ID is 16 bytes (id.go). Values are UTF-8 without NUL, so the first 0x00 ends the value.
// All keys of one value are adjacent, in the order of the IDs: they form a posting list.
var (
	metaBucket       = []byte("meta")
	eventsBucket     = []byte("events")
	detectionsBucket = []byte("detections")
	personsBucket    = []byte("persons")
	rollupsBucket    = []byte("rollups")
	changesBucket    = []byte("changes")
	consumersBucket  = []byte("consumers")
)

// The keys of meta, and their values.
var (
	metaFormat = []byte("format") // formatName
	metaSchema = []byte("schema") // schemaVersion, 4 bytes, big-endian
	metaState  = []byte("state")  // state.go

	metaLastBackup = []byte("last_backup") // lastbackup.go; may be absent
	metaRemoving   = []byte("removing")    // erasedfiles.go; may be absent
	metaLineage    = []byte("lineage")     // meta.go; may be absent
	metaClock      = []byte("clock")       // clock.go; may be absent
	metaVain       = []byte("vain")        // meta.go; may be absent
	metaHeldBack   = []byte("held_back")   // heldback.go; may be absent
)

// The index buckets. Each holds posting lists: the IDs of the events that have
// a value, in the order of time (postings.go draws them).
//
// A commit of new events does not change them, because each tree that it changes costs
// three more pages to write. Later writeTx.fold adds the events to them. meta keeps the ID
// up to which that is done, indexed_through: every event up to that ID has all of its index
// entries, and the events after it, the tail, have none.
const (
	byCamera = iota
	byPerson
	byLabel
	byType
	byDoor
	byRecording
	byThumbnail
	byAttribute
	indexCount
)

var indexes = [indexCount][]byte{
	byCamera:    []byte("by_camera"),
	byPerson:    []byte("by_person"),
	byLabel:     []byte("by_label"),
	byType:      []byte("by_type"),
	byDoor:      []byte("by_door"),
	byRecording: []byte("by_recording"),
	byThumbnail: []byte("by_thumbnail"),
	byAttribute: []byte("by_attribute"),
}

// summed are the buckets that have sums (sums.go), in the order of the sums in meta.
var summed = func() (names [][]byte) {
	names = append(names, eventsBucket, detectionsBucket, personsBucket, rollupsBucket, changesBucket, consumersBucket)
	return append(names, indexes[:]...)
}()

// stored are the buckets of what is stored: those that have sums, and after them the tail.
// The tail has no sums of its own: its records count as those of events, detections and changes.
var stored = append(slices.Clone(summed), tailBucket)

const (
	tailNumber    = int(sumCount)
	storedBuckets = tailNumber + 1

	// metaNumber is the number of meta, the last of all buckets.
	metaNumber = storedBuckets
)

// buckets are all buckets, by number.
var buckets = append(slices.Clone(stored), metaBucket)

const (
	eventsSum = iota
	detectionsSum
	personsSum
	rollupsSum
	changesSum
	consumersSum
	indexSums // the number of the first index
	sumCount  = indexSums + indexCount
)

// The tail is the events after indexed_through. They have a small bucket of their own,
// because a commit writes every page from the root to the keys that it puts. In a small tree
// that is one or two pages; in the trees of events and of detections it is three each. A
// fold (writeTx.fold) moves the events of the tail to these two.
//
//	ID → | length of the event record, 4 bytes | sequence number, 8 bytes | event record | detections record, if there are any |
//
// with big-endian numbers. The sequence number is that of the change that created the event
// (changeblock.go). It is there if the highest bit of the length is set; entries of schema 3 and
// before have none. The records are the same as in events and detections, and are part of the
// sums of those buckets (sums.go).
var tailBucket = []byte("tail")
