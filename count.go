package doorlog

import (
	"context"
	"time"
)

// Count returns the number of events that q asks for. Limit and Offset do not count.
//
// If rollups can answer q, Count adds them up. They can for any range, with at most one camera
// and at most one person, label or type. If the indexes can answer q, Count counts their
// entries. Otherwise it reads records.
func (sn *Snapshot) Count(q Query) (int, error) {
	n, err := sn.count(q)
	return n, failed("count", err)
}

func (sn *Snapshot) count(q Query) (n int, err error) {
	if err := sn.usable(); err != nil {
		return 0, err
	}
	q = q.normal()
	if err := q.validate(); err != nil {
		return 0, err
	}
	if q, err = sn.withSpellings(q); err != nil { // rollups count each spelling by itself
		return 0, err
	}
	q.OldestFirst = true
	from, until := q.bounds()
	countIDs := func(from, until ID) {
		if err == nil && from.Compare(until) < 0 {
			err = sn.overIDs(q, from, until, func(ID) { n++ })
		}
	}
	pick := q.rollupCount()
	if pick == nil {
		countIDs(from, until)
		return n, err
	}
	first, last := wholeUnits(from, until, secondsADay*time.Second)
	if !first.Before(last) {
		countIDs(from, until)
		return n, err
	}
	through, terr := sn.through()
	if terr != nil {
		return 0, terr
	}
	countIDs(from, minID(until, idFrom(first)))
	if err == nil {
		var sum int64
		sum, err = sn.sumRollups(&q, first, last, pick)
		n += int(sum)
	}
	countIDs(maxID(idFrom(first), firstAfter(through)), minID(until, idFrom(last))) // the tail
	countIDs(maxID(from, idFrom(last)), until)
	return n, err
}

// rollupCount returns a function that reads the number of matching events from a rollup. The
// decoder must stand after the counts. It returns nil if rollups cannot answer the query.
func (q *Query) rollupCount() func(d *decoder, c counts) int64 {
	if len(q.Cameras) > 1 || len(q.Doors) > 0 || q.Stranger != nil || q.MinConfidence > 0 || q.RecordingID != "" ||
		q.UnlockGranted != nil || q.AlertSent != nil || q.HasThumbnail != nil || q.Pinned != nil || q.Hours != nil || len(q.Weekdays) > 0 ||
		len(q.Attributes) > 0 || len(q.Methods) > 0 || q.Reviewed != nil ||
		len(q.Persons)+len(q.Labels)+len(q.Types) > 1 {
		return nil
	}
	const perName, perLabel = 2, 4 // values of an entry
	switch {
	case len(q.Types) == 1:
		return func(d *decoder, _ counts) int64 {
			d.skip(1)
			return d.find(string(q.Types[0]), perName)
		}
	case len(q.Persons) == 1:
		return func(d *decoder, _ counts) int64 {
			d.skip(2)
			return d.find(q.Persons[0], perName)
		}
	case len(q.Labels) == 1:
		return func(d *decoder, _ counts) int64 {
			d.skip(3)
			return d.find(q.Labels[0], perLabel)
		}
	}
	return func(_ *decoder, c counts) int64 { return c.events }
}

// find returns the first number of the entry for a name in a list. Each entry has the given
// number of values. It returns 0 if the name is not there.
func (d *decoder) find(name string, values int) (found int64) {
	for n := d.array(); n >= values && !d.bad; n -= values {
		text := d.text()
		first := d.integer()
		if string(text) == name {
			found = first
		}
		d.skip(values - 2)
	}
	return found
}

func (sn *Snapshot) sumRollups(q *Query, first, last time.Time, pick func(*decoder, counts) int64) (sum int64, err error) {
	camera := ""
	if len(q.Cameras) == 1 {
		camera = q.Cameras[0]
	}
	err = sn.eachRollup(camera, first, last, func(_ []byte, _ uint32, d *decoder, c counts) error {
		sum += pick(d, c)
		return d.err()
	})
	return sum, err
}

// Count is [Snapshot.Count] on a snapshot of its own.
func (s *Store) Count(ctx context.Context, q Query) (int, error) {
	return analytic(ctx, s, "count", func(sn *Snapshot) (int, error) { return sn.Count(q) })
}
