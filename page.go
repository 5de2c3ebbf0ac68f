package doorlog

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A Page is a part of the answer to a query.
type Page struct {
	// Events are in the order of the query.
	Events List[Event] `json:"events"`

	// Next is the cursor of the next page, and Prev that of the previous page. Each is
	// empty if there is no such page now.
	Next string `json:"next"`
	Prev string `json:"prev"`
}

// DefaultPageLimit is the number of events in a page if the query has no Limit.
const DefaultPageLimit = 50

// A cursor is a place between two pages: the ID of an event, and the side of it on which the page
// lies. Its text form is the URL-safe base64 of
//
//	 1 byte     1 byte         16 bytes  8 bytes           4 bytes
//	| version | 0 after ID,  | ID      | hash of the     | CRC-32C of |
//	|         | 1 before ID  |         | query           | the rest   |
//
// It holds an ID and not a number of events. So it stays valid while events are written and
// deleted, even if that event is deleted.
type cursor struct {
	before bool
	id     ID
	query  uint64
}

const (
	cursorVersion = 1
	cursorLen     = 1 + 1 + 16 + 8 + 4
)

func (c cursor) String() string {
	b := make([]byte, 0, cursorLen)
	b = append(b, cursorVersion, 0)
	if c.before {
		b[1] = 1
	}
	b = append(b, c.id[:]...)
	b = binary.BigEndian.AppendUint64(b, c.query)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(text string, query uint64) (c cursor, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(b) != cursorLen:
		return c, fmt.Errorf("%w: it is no cursor", ErrBadCursor)
	case crc32.Checksum(b[:cursorLen-4], castagnoli) != binary.BigEndian.Uint32(b[cursorLen-4:]):
		return c, fmt.Errorf("%w: it is damaged", ErrBadCursor)
	case b[0] != cursorVersion || b[1] > 1:
		return c, fmt.Errorf("%w: it is of another version", ErrBadCursor)
	}
	c = cursor{before: b[1] == 1, id: ID(b[2:18]), query: binary.BigEndian.Uint64(b[18:])}
	if c.query != query {
		return c, fmt.Errorf("%w: it is of another query", ErrBadCursor)
	}
	return c, nil
}

// hash returns a hash that identifies the query. Limit and Offset do not count, because they may
// differ from page to page.
func (q *Query) hash() uint64 {
	rest := *q
	rest.Limit, rest.Offset, rest.OldestFirst, rest.Location = 0, 0, false, nil // a zone selects nothing by itself
	switch {
	case !reflect.ValueOf(rest).IsZero():
		return q.hashFields()
	case q.OldestFirst:
		return hashOfOldest
	}
	return hashOfNewest
}

// The hashes of the queries for all events, which are the most frequent.
var (
	hashOfNewest = (&Query{}).hashFields()
	hashOfOldest = (&Query{OldestFirst: true}).hashFields()
)

func (q *Query) hashFields() uint64 {
	h := fnv.New64a()
	list := func(values []string) {
		slices.Sort(values)
		fmt.Fprintf(h, "%q;", slices.Compact(values))
	}
	list(slices.Clone(q.Cameras))
	list(stringsOf(q.Types))
	list(slices.Clone(q.Persons))
	list(slices.Clone(q.Labels))
	weekdays, doors := slices.Clone(q.Weekdays), slices.Clone(q.Doors)
	slices.Sort(weekdays)
	slices.Sort(doors)
	fmt.Fprintf(h, "%v;%v;%v;", slices.Compact(weekdays), slices.Compact(doors), q.MinConfidence)
	for _, b := range [...]*bool{q.Stranger, q.UnlockGranted, q.AlertSent, q.HasThumbnail} {
		if b == nil {
			fmt.Fprint(h, "any;")
		} else {
			fmt.Fprint(h, *b, ";")
		}
	}
	// What follows adds nothing if it is not asked for, so that cursors from before it existed stay
	// valid.
	if q.Pinned != nil {
		fmt.Fprint(h, "pinned ", *q.Pinned, ";")
	}
	if q.Reviewed != nil {
		fmt.Fprint(h, "reviewed ", *q.Reviewed, ";")
	}
	if len(q.Methods) > 0 {
		fmt.Fprint(h, "methods ")
		list(stringsOf(q.Methods))
	}
	for _, name := range slices.Sorted(maps.Keys(q.Attributes)) {
		fmt.Fprintf(h, "attribute %q ", name)
		list(slices.Clone(q.Attributes[name]))
	}
	if q.Hours != nil {
		fmt.Fprint(h, *q.Hours)
	}
	if (q.Hours != nil || len(q.Weekdays) > 0) && q.Location != nil { // nil is UTC
		fmt.Fprint(h, q.Location)
		for _, at := range [...]int64{0, 1e9, 1.1e9, 1.7e9, 1.715e9} { // two zones may have the same name
			_, offset := time.Unix(at, 0).In(q.Location).Zone()
			fmt.Fprint(h, ",", offset)
		}
	} else {
		fmt.Fprint(h, time.UTC, ",0,0,0,0,0")
	}
	from, until := q.bounds()
	fmt.Fprintf(h, ";%q;%v;%v;%v", q.RecordingID, from, until, q.OldestFirst)
	return h.Sum64()
}

// Page returns a part of the answer to q. With an empty cursor it returns the first q.Limit
// events ([DefaultPageLimit] if that is 0). With the Next or Prev of another page of the same
// query it returns the events after or before that page. q.Limit may differ from page to page.
// q.Offset counts only with an empty cursor. Events that are written or deleted meanwhile do not
// shift the pages. If the cursor is damaged or belongs to another query, the error is
// [ErrBadCursor].
func (sn *Snapshot) Page(q Query, at string) (Page, error) {
	p, err := sn.page(q, at)
	return p, failed("page", err)
}

func (sn *Snapshot) page(q Query, at string) (Page, error) {
	if err := sn.usable(); err != nil {
		return Page{}, err
	}
	q = q.normal()
	if err := q.validate(); err != nil {
		return Page{}, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = DefaultPageLimit
	}
	hash := q.hash()
	from, until := q.bounds()
	var c cursor
	if at != "" {
		var err error
		if c, err = parseCursor(at, hash); err != nil {
			return Page{}, err
		}
		q.Offset = 0
		if c.before == q.OldestFirst { // the IDs of the page are below the cursor's ID
			until = minID(until, c.id)
		} else {
			from = maxID(from, firstAfter(c.id))
		}
	}
	forward := q
	forward.OldestFirst = q.OldestFirst != c.before
	events, more, err := sn.collect(forward, from, until, limit)
	if err != nil {
		return Page{}, err
	}
	var p Page
	if p.Events = orEmpty(events); c.before {
		slices.Reverse(p.Events)
	}
	// There is a page on the side where the cursor comes from.
	hasNext, hasPrev := more, at != "" || q.Offset > 0
	if c.before {
		hasNext, hasPrev = true, more
	}
	if len(p.Events) == 0 {
		if at != "" && c.before { // this page is empty: Next or Prev leads back to where the cursor is
			p.Next = cursor{false, beside(c.id, q.OldestFirst), hash}.String()
		} else if at != "" {
			p.Prev = cursor{true, beside(c.id, !q.OldestFirst), hash}.String()
		}
		return p, nil
	}
	if hasNext {
		p.Next = cursor{false, p.Events[len(p.Events)-1].ID, hash}.String()
	}
	if hasPrev {
		p.Prev = cursor{true, p.Events[0].ID, hash}.String()
	}
	return p, nil
}

// beside returns the ID directly before or after id in time.
func beside(id ID, before bool) ID {
	if before {
		return lastBefore(id)
	}
	return firstAfter(id)
}

// collect returns the first events of a search, and whether there are more.
func (sn *Snapshot) collect(q Query, from, until ID, limit int) (events []Event, more bool, err error) {
	s, err := sn.search(q, from, until)
	if err != nil {
		return nil, false, err
	}
	mem := sn.manyEvents()
	var r record
	for n := 0; ; n++ {
		if err := sn.usable(); err != nil {
			return nil, false, err
		}
		last := n-q.Offset >= limit
		ok, err := s.event(&mem, &r, n >= q.Offset && !last)
		if err != nil || !ok || last {
			return events, ok && last, err
		}
		if n >= q.Offset {
			if len(events) == cap(events) { // append would allocate twice what a page of 20 takes
				events = slices.Grow(events, min(limit-len(events), 8+8*len(events)))
			}
			events = append(events, r.Event)
		}
	}
}

// Page is [Snapshot.Page] on a snapshot of its own.
func (s *Store) Page(ctx context.Context, q Query, at string) (Page, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Page{}, failed("page", err)
	}
	defer sn.close()
	return sn.Page(q, at)
}
