package doorlog

import (
	"context"
)

// A checker compares the buckets of one state of a store with each other. Each finding names
// the broken invariant by its number in design/schema.md.
//
// It runs after an examination, which has read every page, verified every record and summed
// every bucket. The checker sums the index entries and rollups that the events should have,
// and compares the sums. So its memory does not grow with the store.
type checker struct {
	*examination
	ctx context.Context
	in  guarded
	mem arena

	progress *progress // counts events
	expected sums
	posting  []byte // buffer for an index entry
	day      uint32 // the day whose rollups are being added up
	rollups  rollupChanges
}

func (c *checker) run() error {
	if err := checkSchema(c.in.View); err != nil {
		c.report(InvariantMeta, "%v", err)
		return nil
	}
	c.rollups = make(rollupChanges)
	if err := c.events(); err != nil {
		return err
	}
	if err := c.persons(); err != nil {
		return err
	}
	if err := c.checkChanges(c.ctx, c.in); err != nil {
		return err
	}
	if c.damaged[eventsSum] == 0 && c.damaged[detectionsSum] == 0 {
		c.derived()
	}
	return nil
}

// events checks every event with its detections.
func (c *checker) events() error {
	detected := 0
	c.progress.knows(int64(c.sums[eventsSum].entries))
	cursor := c.in.Cursor(eventsSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		c.progress.add(1)
		if err := c.ctx.Err(); err != nil {
			return err
		}
		id, err := asID(k)
		if err != nil || !validID(id) {
			c.report(InvariantKeys, "events: key %x is no ID", k)
			continue
		}
		rec := c.in.Get(detectionsSum, k)
		if rec != nil {
			detected++
		}
		if id.Compare(c.known.through) > 0 {
			c.report(InvariantTail, "event %s is after indexed_through and not in the tail", id)
		}
		c.event(id, v, rec)
	}
	c.endDay()
	if err := c.tail(&detected); err != nil {
		return err
	}
	c.progress.finish()
	if all := c.sums[detectionsSum].entries; all > uint64(detected) {
		c.report(InvariantDetections, "there are detections of %d events that are not there", all-uint64(detected))
	}
	return nil
}

// tail checks the events of the tail, and counts those with detections.
func (c *checker) tail(detected *int) error {
	n := 0
	cursor := c.in.Cursor(tailNumber)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		id, err := asID(k)
		if err != nil || !validID(id) {
			c.report(InvariantKeys, "tail: key %x is no ID", k)
			continue
		}
		event, rec, err := splitTail(v)
		if err != nil {
			continue // the examination has reported it
		}
		if rec != nil {
			*detected++
		}
		if n++; id.Compare(c.known.through) <= 0 {
			c.report(InvariantTail, "event %s is in the tail and not after indexed_through", id)
		}
		c.event(id, event, rec)
	}
	if n >= maxTail {
		c.report(InvariantTail, "the tail has %d events", n)
	}
	return nil
}

// event checks one event. detected is the record of its detections; nil if it has none.
func (c *checker) event(id ID, rec, detected []byte) {
	payload, err := eventRecord.open(id[:], rec)
	if err != nil {
		return // the examination has reported it
	}
	var r record
	if err := decodeEventPayload(id, payload, &c.mem, &r); err != nil {
		c.report(InvariantEvents, "event %s: %v", id, err)
		c.damaged[eventsSum]++
		return
	}
	switch {
	case r.detections > 0:
		if r.Detections, err = decodeDetections(id[:], detected, &c.mem, r.detections); err != nil {
			c.report(InvariantDetections, "event %s: detections: %v", id, err)
			c.damaged[detectionsSum]++
			c.detections -= countDetections(id[:], detected)
		}
	case detected != nil:
		c.report(InvariantDetections, "event %s has no detections, but there is a record of some", id)
	}
	if err := r.validate(maxIDTime); err != nil {
		c.report(InvariantValid, "event %s: %v", id, err)
	}
	if id.Compare(c.known.through) > 0 {
		return
	}
	for _, e := range indexEntries(&r) {
		c.posting = appendIndexKey(c.posting[:0], e.value, id)
		c.expected.add(indexSums+e.index, c.posting, 0)
	}
	if day := dayOf(r.RecordedAt); day != c.day {
		c.endDay()
		c.day = day
	}
	c.rollups.addEvent(&r, 1)
}

// endDay sums the rollups of a day after its last event.
func (c *checker) endDay() {
	for k, sum := range c.rollups {
		key := k.bytes()
		c.expected.add(rollupsSum, key, recordSum(encodeRollup(key, sum)))
	}
	clear(c.rollups)
}

// derived compares the index entries and rollups that exist with those that the events
// should have.
func (c *checker) derived() {
	for i := rollupsSum; i < sumCount; i++ {
		if i == changesSum || i == consumersSum { // not derived from the events
			continue
		}
		invariant := InvariantIndexes
		if i == rollupsSum {
			invariant = InvariantRollups
		}
		switch got, want := c.sums[i], c.expected[i]; {
		case got.entries != want.entries:
			c.report(invariant, "%s: there are %d entries, and the events have %d", summed[i], got.entries, want.entries)
		case got.hashes != want.hashes:
			c.report(invariant, "%s: the %d entries are not those of the events", summed[i], got.entries)
		}
	}
}

func (c *checker) persons() error {
	cursor := c.in.Cursor(personsSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := validName("name", string(k)); err != nil {
			c.report(InvariantPersons, "person %q: %v", k, err)
		}
		payload, err := personRecord.open(k, v)
		if err != nil {
			continue // the examination has reported it
		}
		if _, err := decodePersonPayload(string(k), payload); err != nil {
			c.report(InvariantPersons, "person %q: %v", k, err)
		}
	}
	return nil
}
