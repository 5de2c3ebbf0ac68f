package doorlog

import (
	"bytes"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// check compares every bucket with every other, and the thumbnails with the
// events, and returns what is wrong. Each finding begins with the number that
// the broken invariant has in design/schema.md.
func (sn *Snapshot) check() (problems []string, err error) {
	if err := sn.usable(); err != nil {
		return nil, err
	}
	c := checker{tx: sn.r.tx, thumbs: sn.store.thumbs, mem: arena{names: &sn.store.names}, rollups: map[string]*rollup{}}
	if err := c.run(); err != nil {
		return nil, err
	}
	return c.problems, nil
}

type checker struct {
	tx       *bolt.Tx
	thumbs   *thumbnails
	mem      arena
	problems []string
	expected [indexCount][][]byte // the index keys that there should be
	rollups  map[string]*rollup   // the rollups that there should be, by key
}

func (c *checker) report(invariant int, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("I%d: ", invariant)+fmt.Sprintf(format, args...))
}

func (c *checker) run() error {
	for err := range c.tx.Check() {
		c.report(1, "%v", err)
	}
	if err := checkSchema(c.tx); err != nil {
		c.report(2, "%v", err)
		return nil
	}
	through, err := indexedThrough(c.tx)
	if err != nil {
		return err
	}
	c.events(through)
	c.orphanedDetections()
	c.indexes()
	c.sums()
	c.people()
	return nil
}

func (c *checker) events(through ID) {
	tail := 0
	detections := readable(c.tx, detectionsBucket)
	cursor := readable(c.tx, eventsBucket).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		id, err := asID(k)
		if err != nil || !validID(id) {
			c.report(3, "events: key %x is no ID", k)
			continue
		}
		var r record
		if err := decodeEvent(k, v, &c.mem, &r); err != nil {
			c.report(4, "event %s: %v", id, err)
			continue
		}
		rec := detections.Get(k)
		switch {
		case r.detections > 0:
			if r.Detections, err = decodeDetections(k, rec, &c.mem, r.detections); err != nil {
				c.report(5, "event %s: detections: %v", id, err)
			}
		case rec != nil:
			c.report(5, "event %s has no detections, but there is a record of some", id)
		}
		if err := r.validate(maxIDTime); err != nil {
			c.report(6, "event %s: %v", id, err)
		}
		c.thumbnail(&r)
		if id.Compare(through) > 0 {
			tail++
			continue
		}
		for _, e := range indexEntries(&r) {
			c.expected[e.index] = append(c.expected[e.index], e.key)
		}
		key := string(rollupKey{r.Camera, dayOf(r.RecordedAt)}.bytes())
		if c.rollups[key] == nil {
			c.rollups[key] = new(rollup)
		}
		c.rollups[key].addEvent(&r, 1)
	}
	if tail >= foldAt {
		c.report(7, "the tail has %d events", tail)
	}
}

// thumbnail checks that a file that doorlog made is there and what it was.
func (c *checker) thumbnail(r *record) {
	if !r.thumb.known {
		return
	}
	if _, err := c.thumbs.read(r.ThumbnailPath, r.thumb); err != nil {
		c.report(10, "event %s: thumbnail: %v", r.ID, err)
	}
}

func (c *checker) orphanedDetections() {
	events := readable(c.tx, eventsBucket)
	cursor := readable(c.tx, detectionsBucket).Cursor()
	for k, _ := cursor.First(); k != nil; k, _ = cursor.Next() {
		if events.Get(k) == nil {
			c.report(5, "detections: %x is of no event", k)
		}
	}
}

func (c *checker) indexes() {
	for i, name := range indexes {
		slices.SortFunc(c.expected[i], bytes.Compare)
		want := c.expected[i]
		cursor := readable(c.tx, name).Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			if _, ok := indexValue(k); !ok || len(v) > 0 {
				c.report(8, "%s: %q is no index entry", name, k)
				continue
			}
			for len(want) > 0 && bytes.Compare(want[0], k) < 0 {
				c.report(8, "%s: %q is missing", name, want[0])
				want = want[1:]
			}
			if len(want) == 0 || !bytes.Equal(want[0], k) {
				c.report(8, "%s: %q should not be there", name, k)
				continue
			}
			want = want[1:]
		}
		for _, k := range want {
			c.report(8, "%s: %q is missing", name, k)
		}
	}
}

func (c *checker) sums() {
	cursor := readable(c.tx, rollupsBucket).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		want := c.rollups[string(k)]
		delete(c.rollups, string(k))
		switch got, err := decodeRollup(k, v); {
		case err != nil:
			c.report(11, "rollup %q: %v", k, err)
		case want == nil:
			c.report(11, "rollup %q is of no events", k)
		case !bytes.Equal(encodeRollup(k, want), v):
			c.report(11, "rollup %q is %+v, want %+v", k, got.counts, want.counts)
		}
	}
	for k := range c.rollups {
		c.report(11, "rollup %q is missing", k)
	}
}

func (c *checker) people() {
	cursor := readable(c.tx, personsBucket).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := validName("name", string(k)); err != nil {
			c.report(9, "person %q: %v", k, err)
		}
		if _, err := decodePerson(string(k), v); err != nil {
			c.report(9, "person %q: %v", k, err)
		}
	}
}
