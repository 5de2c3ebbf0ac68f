package doorlog

import (
	"bytes"
	"encoding/binary"
	"runtime/debug"
	"time"

	"github.com/doorlog/doorlog/internal/fault"
)

// A tally adds up the events of a scope: whole rollups, and single events at the ends
// of the range and in the tail.
type tally struct {
	sn     *Snapshot
	sc     *Scope
	wants  wanted
	total  counts
	labels map[string]labelCounts
	clock  localClock
}

// wanted says which parts of the rollups a question needs.
type wanted struct {
	labels bool

	// hours, if it is not nil, is called with the counts of each quarter hour of each
	// camera and its local time. Some quarter hours come one event at a time. Calls for
	// neighbouring quarter hours mostly follow each other.
	hours func(local localTime, c counts)

	// quarters is called as hours is, with the camera and the quarter hour of the UTC day.
	quarters func(camera string, day uint32, quarter int, c counts)
}

func (w *wanted) parts() bool { return w.hours != nil || w.quarters != nil }

// tally adds up the events of a scope.
func (sn *Snapshot) tally(sc *Scope, wants wanted) (t *tally, err error) {
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	if err := sn.usable(); err != nil {
		return nil, err
	}
	if err := sc.validate(); err != nil {
		return nil, err
	}
	if err := validLocation(sc.location()); err != nil {
		return nil, err
	}
	t = &tally{sn: sn, sc: sc, wants: wants, labels: make(map[string]labelCounts), clock: localClock{location: sc.location()}}
	q := sc.query()
	from, until := q.bounds()
	if from.Compare(until) >= 0 {
		return t, nil
	}
	through, err := sn.through()
	if err != nil {
		return nil, err
	}
	// Rollups give the counts of the whole units inside the range: days if labels are
	// wanted, else quarter hours. The events of the cut units at both ends are read.
	unit := quarterHour
	if wants.labels {
		unit = secondsADay * time.Second
	}
	first, last := wholeUnits(from, until, unit)
	if !first.Before(last) || sc.readsEvents() { // no whole unit, or none that says enough
		return t, t.addEvents(from, until)
	}
	if err := t.addEvents(from, minID(until, idFrom(first))); err != nil {
		return nil, err
	}
	if err := t.addRollups(first, last); err != nil {
		return nil, err
	}
	if err := t.addEvents(maxID(idFrom(first), firstAfter(through)), minID(until, idFrom(last))); err != nil { // the tail
		return nil, err
	}
	return t, t.addEvents(maxID(from, idFrom(last)), until)
}

// addEvents reads the events in [from, until) and adds them.
func (t *tally) addEvents(from, until ID) error {
	if from.Compare(until) >= 0 {
		return nil
	}
	s, err := t.sn.search(t.sc.query(), from, until)
	if err != nil {
		return err
	}
	mem := t.sn.manyEvents()
	var r record
	for {
		if err := t.sn.usable(); err != nil {
			return err
		}
		ok, err := s.event(&mem, &r, true)
		if !ok || err != nil {
			return err
		}
		c := countsOf(r.Type, r.Person, r.UnlockGranted)
		t.total.plus(&c)
		t.addPart(r.Camera, dayOf(r.RecordedAt), quarterOf(r.RecordedAt), c)
		if t.wants.labels {
			addLabels(t.labels, r.Detections, 1)
		}
	}
}

// addPart tells who wants parts of a part of a quarter hour.
func (t *tally) addPart(camera string, day uint32, quarter int, c counts) {
	if t.wants.hours != nil {
		t.wants.hours(t.clock.at(day, quarter), c)
	}
	if t.wants.quarters != nil {
		t.wants.quarters(camera, day, quarter, c)
	}
}

// addRollups adds the counts that rollups have for [first, last), which are whole
// units.
func (t *tally) addRollups(first, last time.Time) error {
	add := func(camera []byte, day uint32, d *decoder, c counts) error {
		start := startOfDay(day)
		whole := !start.Before(first) && !start.Add(secondsADay*time.Second).After(last)
		if whole && !t.wants.parts() {
			t.total.plus(&c)
			d.skip(1)
		} else {
			t.addQuarters(d, camera, day, first, last)
		}
		if t.wants.labels {
			d.skip(2) // types, persons
			d.labelTally(t.labels)
		}
		return d.err()
	}
	if t.sc.Camera == "" {
		return t.sn.eachRollup("", first, last, add)
	}
	cameras, err := t.sn.spell(byCamera, []string{normalName(t.sc.Camera)})
	for i := 0; i < len(cameras) && err == nil; i++ {
		err = t.sn.eachRollup(cameras[i], first, last, add)
	}
	return err
}

func (t *tally) addQuarters(d *decoder, camera []byte, day uint32, first, last time.Time) {
	name := ""
	if t.wants.quarters != nil {
		name = string(camera)
	}
	start := startOfDay(day)
	from := int64(max(0, first.Sub(start)/quarterHour))
	to := int64(min(quartersADay, last.Sub(start)/quarterHour))
	for q := d.quarters(); !q.ended(); {
		i, c := q.next()
		if i < from || i >= to {
			continue
		}
		t.total.plus(&c)
		t.addPart(name, day, int(i), c)
	}
}

func (d *decoder) err() error {
	if d.bad {
		return errPayload
	}
	return nil
}

// eachRollup calls fn with the rollups of a camera, or of all cameras if camera is
// empty, each camera's in the order of the days, on the UTC days that [first, last) touches. c are the counts, and d decodes
// the rest of the record. The name of the camera is that of the bucket: fn must not keep it.
func (sn *Snapshot) eachRollup(camera string, first, last time.Time, fn func(camera []byte, day uint32, d *decoder, c counts) error) error {
	return sn.read(func(in guarded) error { return in.eachRollup(camera, first, last, fn) })
}

func (in guarded) eachRollup(camera string, first, last time.Time, fn func(camera []byte, day uint32, d *decoder, c counts) error) error {
	cursor := in.Cursor(rollupsSum)
	from, to := dayOf(first), dayOf(last.Add(-1))
	mem := arena{}
	k, v := cursor.First()
	if camera != "" {
		k, v = cursor.Seek(rollupKey{camera, from}.bytes())
	}
	for last := []byte(nil); k != nil; {
		if bytes.Compare(k, last) <= 0 {
			return errOrder
		}
		last = k
		at := len(k) - 5
		if at < 1 || k[at] != 0 {
			return errPayload
		}
		switch day := binary.BigEndian.Uint32(k[at+1:]); {
		case camera != "" && string(k[:at]) != camera:
			return nil
		case day < from: // to this camera's first day in the range
			k, v = cursor.Seek(binary.BigEndian.AppendUint32(bytes.Clone(k[:at+1]), from))
		case day > to: // to the next camera
			k, v = cursor.Seek(append(bytes.Clone(k[:at]), 1))
		default:
			payload, err := rollupRecord.open(k, v)
			if err != nil {
				return err
			}
			d := decoder{b: payload, mem: &mem}
			if d.array() < rollupFields {
				return errPayload
			}
			if err := fn(k[:at], day, &d, d.counts()); err != nil {
				return err
			}
			k, v = cursor.Next()
		}
	}
	return nil
}

// localDay returns the day of a time in a location.
func localDay(t time.Time, location *time.Location) int {
	year, month, day := t.In(location).Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/secondsADay) + dayShift
}
