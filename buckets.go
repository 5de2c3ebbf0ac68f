package doorlog

import (
	"slices"
)

// The buckets of the bolt file, and the keys in them:
//
//	meta         name                   → value              (below)
//	events       ID                     → event record       (codec.go)
//	detections   ID of the event        → detections record; no key where there are none
//	tail         ID                     → both records of a new event (tail.go)
//	persons      name                   → person record
//	rollups      camera 0x00 day        → sums of the day (rollup.go)
//	by_camera    camera       0x00 ID   → more IDs (postings.go)
//	by_person    person       0x00 ID   → more IDs; a stranger has the empty name
//	by_label     label        0x00 ID   → more IDs; once per label and event
//	by_type      type         0x00 ID   → more IDs
//	by_door      door action  0x00 ID   → more IDs; only where the door did something
//	by_recording recording    0x00 ID   → more IDs; only where there is one
//	by_thumbnail path         0x00 ID   → more IDs; only where the file is not named by the ID
//
// An ID is 16 bytes (id.go). Values are UTF-8 without NUL, so that the first
// 0x00 ends the value, and all keys of one value stand together in the order
// of the IDs: a posting list.
var (
	metaBucket       = []byte("meta")
	eventsBucket     = []byte("events")
	detectionsBucket = []byte("detections")
	personsBucket    = []byte("persons")
	rollupsBucket    = []byte("rollups")
)

// The keys of meta, and their values.
var (
	metaFormat = []byte("format") // formatName
	metaSchema = []byte("schema") // schemaVersion, 4 bytes, big-endian
	metaState  = []byte("state")  // state.go

	metaLastBackup = []byte("last_backup") // lastbackup.go; may be absent
	metaRemoving   = []byte("removing")    // removing.go; may be absent
	metaLineage    = []byte("lineage")     // lineage.go; may be absent
	metaClock      = []byte("clock")       // clock.go; may be absent
	metaVain       = []byte("vain")        // keepfree.go; may be absent
	metaHeldBack   = []byte("held_back")   // heldback.go; may be absent
)

const (
	tailInSchema = 2 // the first schema that has it
)

const (
	oldestSchema = 1
)

// The index buckets. Each holds posting lists: the IDs of the events that have
// a value, in the order of time (postings.go draws them).
//
// A commit of new events does not touch them, because each more tree is three
// more pages to write. Events are folded into them later, up to the ID that
// meta keeps as indexed_through: every event up to there has all of its index
// entries, and no event after it, the tail, has any (see writeTx.fold).
const (
	byCamera = iota
	byPerson
	byLabel
	byType
	byDoor
	byRecording
	byThumbnail
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
}

// summed are the buckets that have sums, in the order in which meta has them.
var summed = func() (names [][]byte) {
	names = append(names, eventsBucket, detectionsBucket, personsBucket, rollupsBucket)
	return append(names, indexes[:]...)
}()

// stored are the buckets that have numbers: those that have sums, and after them
// the tail, whose records are counted as those of events and detections.
var stored = append(slices.Clone(summed), tailBucket)

const (
	tailNumber    = int(sumCount)
	storedBuckets = tailNumber + 1

	// metaNumber is the number of meta, the last of all buckets.
	metaNumber = storedBuckets
)

// buckets are all of them, by their numbers.
var buckets = append(slices.Clone(stored), metaBucket)

const (
	eventsSum = iota
	detectionsSum
	personsSum
	rollupsSum
	indexSums // the first of them
	sumCount  = indexSums + indexCount
)

// The tail is the events after indexed_through. They are in a bucket of their
// own, a small one, because a commit writes every page on the way to the keys that
// it puts: of a small tree that is one or two, of each of the two large ones
// three. A fold (writeTx.fold) moves them where they stay.
//
//	ID → | length of the event record, 4 bytes, big-endian | event record | detections record, if there are any |
//
// The records are those of events and detections, and so are their sums (sums.go).
var tailBucket = []byte("tail")
