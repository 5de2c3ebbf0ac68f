package doorlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// An indexEntry identifies a posting list that an event belongs to.
type indexEntry struct {
	index int
	value string
}

// indexEntries returns all index entries of an event. Its detections must be loaded.
func indexEntries(r *record) []indexEntry {
	return appendIndexEntries(make([]indexEntry, 0, indexCount+len(r.Detections)), r)
}

func appendIndexEntries(entries []indexEntry, r *record) []indexEntry {
	add := func(index int, value string) { entries = append(entries, indexEntry{index, value}) }
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
	return attributeEntries(entries, r)
}

// attributeEntries appends the index entries of the attributes of an event.
func attributeEntries(entries []indexEntry, r *record) []indexEntry {
	for name, value := range r.Attributes {
		e := indexEntry{byAttribute, attributeEntry(normalName(name), normalName(value))}
		if !slices.Contains(entries, e) { // two spellings of one attribute have one entry
			entries = append(entries, e)
		}
	}
	return entries
}

// longestIndexed is the length of the longest value of an attribute, in bytes, that stands in the
// index as it is.
const longestIndexed = 64

// attributeEntry returns the value of an attribute in the index: name=value, both in normal form. A
// long value, one with a NUL, and a name with a = are replaced by a hash; what is in clear never
// begins with =.
func attributeEntry(name, value string) string {
	if len(value) <= longestIndexed && !strings.Contains(name, "=") && !strings.Contains(value, "\x00") {
		return name + "=" + value
	}
	sum := sha256.Sum256([]byte(name + "\x00" + value))
	return "=" + hex.EncodeToString(sum[:16])
}

// labelsOf returns the labels of detections, without duplicates.
func labelsOf(detections []Detection) []string {
	labels := make([]string, len(detections))
	for i := range detections {
		labels[i] = detections[i].Label
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// appendIndexKey appends an index key: value, 0x00, ID.
func appendIndexKey(to []byte, value string, id ID) []byte {
	to = append(to, value...)
	to = append(to, 0)
	return append(to, id[:]...)
}

// indexValue returns the value of an index key. ok is false if key is not an index key.
func indexValue(key []byte) (value []byte, ok bool) {
	at := len(key) - len(ID{}) - 1
	if at < 0 || bytes.IndexByte(key, 0) != at {
		return nil, false
	}
	return key[:at], true
}

// An indexChange adds an ID to a posting list or removes it.
type indexChange struct {
	id     ID
	remove bool
}

// indexChanges collects the index changes of a transaction by value, so that all changes of one
// block of a posting list (postingblock.go) are made together.
type indexChanges [indexCount]map[string][]indexChange

func (c *indexChanges) put(id ID, entries []indexEntry) {
	for _, e := range entries {
		c.add(e, indexChange{id: id})
	}
}

func (c *indexChanges) add(e indexEntry, change indexChange) {
	if c[e.index] == nil {
		c[e.index] = make(map[string][]indexChange)
	}
	c[e.index][e.value] = append(c[e.index][e.value], change)
}

// replace removes the old entries of an event that are not among the new ones, and adds the
// new entries that are not among the old ones.
func (c *indexChanges) replace(id ID, old, now []indexEntry) {
	for _, e := range old {
		if !slices.Contains(now, e) {
			c.add(e, indexChange{id, true})
		}
	}
	c.put(id, slices.DeleteFunc(slices.Clone(now), func(e indexEntry) bool { return slices.Contains(old, e) }))
}

// take calls fn for each value of an index, in order, with its changes in order. Then it forgets
// the changes.
func (c *indexChanges) take(index int, fn func(value string, changes []indexChange) error) error {
	values := c[index]
	c[index] = nil
	for _, value := range slices.Sorted(maps.Keys(values)) {
		changes := values[value]
		byID := func(a, b indexChange) int { return a.id.Compare(b.id) }
		if !slices.IsSortedFunc(changes, byID) { // stable, so that of two changes of one ID the later one wins
			slices.SortStableFunc(changes, byID)
		}
		if err := fn(value, changes); err != nil {
			return err
		}
	}
	return nil
}
