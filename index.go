package doorlog

import (
	"bytes"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// The index buckets. Each holds posting lists: the IDs of the events that have
// a value, in the order of time (buckets.go draws the keys).
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

// An indexEntry is a key of an index bucket.
type indexEntry struct {
	index int
	key   []byte
}

// indexEntries returns all index entries of an event, whose detections are loaded.
func indexEntries(r *record) []indexEntry {
	entries := make([]indexEntry, 0, indexCount+len(r.Detections))
	add := func(index int, value string) {
		entries = append(entries, indexEntry{index, indexKey(value, r.ID)})
	}
	add(byCamera, r.Camera)
	add(byPerson, r.Person)
	add(byType, string(r.Type))
	if r.Door != NoAction {
		add(byDoor, r.Door.String())
	}
	if r.RecordingID != "" {
		add(byRecording, r.RecordingID)
	}
	if r.ThumbnailPath != "" && r.ThumbnailPath != thumbnailPath(r.ID) {
		add(byThumbnail, r.ThumbnailPath)
	}
	for _, label := range labelsOf(r.Detections) {
		add(byLabel, label)
	}
	return entries
}

// labelsOf returns the labels of detections, each once.
func labelsOf(detections []Detection) []string {
	labels := make([]string, len(detections))
	for i := range detections {
		labels[i] = detections[i].Label
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// indexKey returns value 0x00 ID.
func indexKey(value string, id ID) []byte {
	key := make([]byte, 0, len(value)+1+len(id))
	key = append(key, value...)
	key = append(key, 0)
	return append(key, id[:]...)
}

// indexValue returns the value of an index key; ok is false if it is none.
func indexValue(key []byte) (value []byte, ok bool) {
	at := len(key) - len(ID{}) - 1
	if at < 0 || bytes.IndexByte(key, 0) != at {
		return nil, false
	}
	return key[:at], true
}

// errOrder: the keys of a damaged file are not in their order, in which a search
// that begins anew from what it finds would come back to it for ever.
var errOrder = fmt.Errorf("%w: keys are not in their order", ErrCorrupt)

// A postings iterates over the posting list of a value, newest first.
type postings struct {
	cursor *bolt.Cursor
	prefix []byte
	key    []byte
}

// postingsOf begins the posting list of a value in an index bucket.
func postingsOf(bucket *bolt.Bucket, value string) *postings {
	p := &postings{cursor: bucket.Cursor(), prefix: append([]byte(value), 0)}
	end := append([]byte(value), 1) // no key begins so: 0x00 ends a value
	p.key, _ = seekBefore(p.cursor, end)
	return p
}

// next returns the next older ID of the list; ok is false at its end.
func (p *postings) next() (id ID, ok bool) {
	if !bytes.HasPrefix(p.key, p.prefix) || len(p.key) != len(p.prefix)+len(id) {
		return ID{}, false
	}
	id = ID(p.key[len(p.prefix):])
	p.key, _ = p.cursor.Prev()
	return id, true
}

// An indexChange is an index key to put or to delete.
type indexChange struct {
	key    []byte
	remove bool
}

// indexChanges gathers the index changes of a transaction, so that the keys of
// each bucket are put in their order: neighbours then share a page that is at hand.
type indexChanges [indexCount][]indexChange

func (c *indexChanges) put(entries []indexEntry) {
	for _, e := range entries {
		c[e.index] = append(c[e.index], indexChange{key: e.key})
	}
}

// replace takes away those of the old entries that are not new ones, and puts
// those of the new ones that are not old.
func (c *indexChanges) replace(old, now []indexEntry) {
	among := func(list []indexEntry, e indexEntry) bool {
		return slices.ContainsFunc(list, func(o indexEntry) bool {
			return o.index == e.index && bytes.Equal(o.key, e.key)
		})
	}
	for _, e := range old {
		if !among(now, e) {
			c[e.index] = append(c[e.index], indexChange{e.key, true})
		}
	}
	c.put(slices.DeleteFunc(slices.Clone(now), func(e indexEntry) bool { return among(old, e) }))
}

// take returns the changes of one index, in the order of their keys, and
// forgets them.
func (c *indexChanges) take(index int) []indexChange {
	changes := c[index]
	c[index] = nil
	// Stable: of two changes of one key the later one must win.
	slices.SortStableFunc(changes, func(a, b indexChange) int { return bytes.Compare(a.key, b.key) })
	return changes
}
