package doorlog

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// A search finds the events that match a query, in the query's order. It reads the
// whole tail, and finds folded events by intersecting posting lists. The tail comes
// first if the order is newest first, and last if it is oldest first. A search
// allocates when it begins, and little after that.
type search struct {
	ctx      context.Context
	tried    int // candidates so far: ctx is checked now and then
	q        *Query
	filter   filter
	events   boltfile.KeyCursor // the position of the scan of a part; anywhere if there is none
	beside   scan               // its detections cursor
	tail     boltfile.KeyCursor
	inTail   bool   // the last candidate was in the tail
	detected []byte // its detections, if it was in the tail
	parts    []part
	explains Plan
	id       ID    // the last candidate that was found in lists
	bytes    int   // of the records that were decoded
	stopped  error // error of the context, while lists were intersected
}

// A part is a range of IDs, [from, until), whose candidates are all found in the same
// way.
type part struct {
	from, until ID
	lists       []list // nil: read all events
	tail        bool

	started bool
	at      ID // the next candidate is at this ID or beyond
}

// search begins a search over the IDs in [from, until). The names of q must be normal.
func (sn *Snapshot) search(q Query, from, until ID) (s *search, err error) {
	err = sn.read(func(in guarded) (err error) {
		s, err = in.search(q, from, until)
		return err
	})
	return s, err
}

func (in guarded) search(q Query, from, until ID) (s *search, err error) {
	through, err := in.indexedThrough()
	if err != nil {
		return nil, err
	}
	if q, err = in.withSpellings(q); err != nil {
		return nil, err
	}
	s = &search{ctx: in.ctx, q: &q, filter: newFilter(&q), events: in.Cursor(eventsSum)}
	s.tail = in.Cursor(tailNumber)
	s.beside = scan{detections: in.Cursor(detectionsSum), oldestFirst: q.OldestFirst}
	tail := part{from: maxID(from, firstAfter(through)), until: until, tail: true}
	folded := part{from: from, until: minID(until, firstAfter(through)), lists: s.lists(in.View)}
	if s.parts = []part{tail, folded}; q.OldestFirst {
		slices.Reverse(s.parts)
	}
	s.parts = slices.DeleteFunc(s.parts, func(p part) bool { return p.from.Compare(p.until) >= 0 })
	s.explains.Scan = folded.lists == nil
	return s, nil
}

// lists returns a list for each field of the query that has an index. The filter of the
// folded part (filter.rest) leaves these fields out.
func (s *search) lists(v *boltfile.View) (lists []list) {
	add := func(index int, values []string) {
		slices.Sort(values)
		values = slices.Compact(values)
		var of []*postingList
		for _, value := range values {
			of = append(of, newPostingList(v.Cursor(indexSums+index), index, value, s.q.OldestFirst))
			s.explains.Lists = append(s.explains.Lists, PlanList{Index: string(indexes[index]), Value: value})
		}
		lists = append(lists, list{of, s.q.OldestFirst})
	}
	if len(s.q.Cameras) > 0 {
		add(byCamera, slices.Clone(s.q.Cameras))
	}
	switch {
	case len(s.q.Persons) > 0:
		add(byPerson, slices.Clone(s.q.Persons))
	case s.q.Stranger != nil && *s.q.Stranger:
		add(byPerson, []string{""})
	}
	if len(s.q.Labels) > 0 {
		add(byLabel, slices.Clone(s.q.Labels))
	}
	if len(s.q.Types) > 0 {
		add(byType, stringsOf(s.q.Types))
	}
	if len(s.q.Doors) > 0 && !slices.Contains(s.q.Doors, NoAction) { // NoAction is not indexed
		var names []string
		for _, d := range s.q.Doors {
			names = append(names, d.String())
		}
		add(byDoor, names)
	}
	if s.q.RecordingID != "" {
		add(byRecording, recordingForms(s.q.RecordingID))
	}
	for _, name := range slices.Sorted(maps.Keys(s.q.Attributes)) {
		var entries []string
		for _, value := range s.q.Attributes[name] {
			entries = append(entries, attributeEntry(name, value))
		}
		add(byAttribute, entries)
	}
	return lists
}

// event reads the next event that matches into r; ok is false at the end. If load is
// not set it only steps over the event.
func (s *search) event(mem *arena, r *record, load bool) (ok bool, err error) {
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	key, rec, err := s.next()
	if key == nil || err != nil {
		return false, err
	}
	if !load {
		return true, nil
	}
	s.explains.Returned++
	return true, about(key, s.read(key, rec, mem, r))
}

// read reads an event with its detections into r. rec is nil if the record was not
// loaded yet.
func (s *search) read(key, rec []byte, mem *arena, r *record) (err error) {
	if rec == nil {
		s.explains.RecordsRead++
		if rec, err = s.load(key); err != nil {
			return err
		}
	}
	s.bytes += len(rec)
	if err := decodeEvent(key, rec, mem, r); err != nil || r.detections == 0 {
		return err
	}
	k, v := s.detectionsOf(key)
	if k == nil {
		return errNoDetections
	}
	s.bytes += len(v)
	r.Detections, err = decodeDetections(k, v, mem, r.detections)
	return err
}

// detectionsOf returns the record of a candidate's detections, or a nil key.
func (s *search) detectionsOf(key []byte) (k, v []byte) {
	if !s.inTail {
		return s.beside.detectionsOf(key)
	}
	if s.detected == nil {
		return nil, nil
	}
	return key, s.detected
}

// next returns the next event that matches, or a nil key at the end.
func (s *search) next() (key, rec []byte, err error) {
	for len(s.parts) > 0 {
		p := &s.parts[0]
		if err := s.heard(); err != nil {
			return nil, nil, err
		}
		key, rec = s.candidate(p)
		if s.stopped != nil {
			return nil, nil, s.stopped
		}
		if key == nil {
			s.parts = s.parts[1:]
			continue
		}
		if p.tail {
			s.explains.TailRead++
		}
		rec, matches, err := s.matches(p, key, rec)
		if err != nil {
			return nil, nil, about(key, err)
		}
		if matches {
			return key, rec, nil
		}
	}
	return nil, nil, nil
}

// heard returns the context's error if it has ended. It looks only now and then, but
// also where nothing matches for long.
func (s *search) heard() error {
	const often = 256
	if s.tried++; s.tried%often != 0 {
		return nil
	}
	return s.ctx.Err()
}

// matches checks a candidate against the part of the query that its lists do not
// decide. It returns the candidate's record if that had to be loaded.
func (s *search) matches(p *part, key, rec []byte) (loaded []byte, ok bool, err error) {
	f := &s.filter.all
	if p.lists != nil {
		f = &s.filter.rest
	}
	if !f.time.matches(key) {
		return rec, false, nil
	}
	if !f.needsHead {
		return rec, true, nil
	}
	s.explains.RecordsRead++
	if rec == nil {
		if rec, err = s.load(key); err != nil {
			return nil, false, err
		}
	}
	h, ok, err := f.matchesRecord(key, rec)
	if err != nil || !ok {
		return rec, false, err
	}
	if !f.needsDetections {
		return rec, true, nil
	}
	if h.detections == 0 {
		return rec, false, nil
	}
	k, v := s.detectionsOf(key)
	if k == nil {
		return rec, false, errNoDetections
	}
	ok, err = anyDetection(k, v, f.matchesDetection)
	return rec, ok, err
}

// candidate returns the next event of a part, or a nil key at its end. If the candidate
// was found in lists, rec is nil (see load).
func (s *search) candidate(p *part) (key, rec []byte) {
	s.inTail = p.tail
	if p.lists != nil {
		return s.listed(p), nil
	}
	c := s.events
	if p.tail {
		c = s.tail
	}
	switch {
	case p.started && s.q.OldestFirst:
		key, rec = c.Next()
	case p.started:
		key, rec = c.Prev()
	case s.q.OldestFirst:
		key, rec = c.Seek(p.from[:])
	default:
		key, rec = seekBefore(c, p.until[:])
	}
	if p.started = true; p.tail {
		key, rec, s.detected = tailEntry(key, rec)
	}
	s.explains.ScanKeys++
	if key == nil || bytes.Compare(key, p.from[:]) < 0 || bytes.Compare(key, p.until[:]) >= 0 {
		return nil, nil
	}
	return key, rec
}

// seekBefore moves a cursor to the last key before key.
func seekBefore(c boltfile.KeyCursor, key []byte) (k, v []byte) {
	if k, _ = c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// listed returns the next event whose ID is in all lists of a part. Each list in turn
// seeks the ID that the list before it has reached (leapfrog join), so long lists are
// not stepped through.
func (s *search) listed(p *part) (key []byte) {
	if !p.started {
		p.started = true
		if p.at = p.from; !s.q.OldestFirst {
			p.at = lastBefore(p.until)
		}
	}
	for agreed, i := 0, 0; agreed < len(p.lists); i = (i + 1) % len(p.lists) {
		if s.stopped = s.heard(); s.stopped != nil {
			return nil
		}
		id, ok := p.lists[i].seek(p.at)
		if !ok || less(&id, &p.from) || !less(&id, &p.until) {
			return nil
		}
		if agreed++; id != p.at {
			p.at, agreed = id, 1
		}
	}
	s.id = p.at
	if s.q.OldestFirst {
		p.at = firstAfter(s.id)
	} else {
		p.at = lastBefore(s.id)
	}
	return s.id[:]
}

// load returns the record of a candidate that was found in lists.
func (s *search) load(key []byte) ([]byte, error) {
	k, rec := s.events.Seek(key)
	if !bytes.Equal(k, key) {
		return nil, errNoEvent
	}
	return rec, nil
}

var errNoEvent = fmt.Errorf("%w: an index names it, but it does not exist", ErrCorrupt)

// A list is the union of the posting lists of the values of one field.
type list struct {
	of          []*postingList
	oldestFirst bool
}

// seek returns the first ID of the union at target or beyond it.
func (l *list) seek(target ID) (first ID, ok bool) {
	if len(l.of) == 1 {
		return l.of[0].seek(target)
	}
	for _, p := range l.of {
		id, there := p.seek(target)
		if !there {
			continue
		}
		if !ok || l.oldestFirst == (id.Compare(first) < 0) {
			first, ok = id, true
		}
	}
	return first, ok
}

// hasAll returns ErrCorrupt if a bucket should have another number of entries than were
// found.
func (sn *Snapshot) hasAll(bucket, found int) error {
	st, err := sn.state()
	if n := st.sums[bucket].entries; err == nil && uint64(found) != n {
		err = fmt.Errorf("%w: I12: %s: %d were found, and there are %d", ErrCorrupt, summed[bucket], found, n)
	}
	return err
}

// asksForAll reports whether q matches every event.
func (q *Query) asksForAll() bool {
	from, until := q.bounds()
	return from == ID{} && until == lastID && q.Limit == 0 && q.Hours == nil && len(q.Weekdays) == 0 && !newFilter(q).all.needsHead
}
