package doorlog

import (
	"context"
	"errors"
	"iter"
)

// ChangeOptions say which changes a reader wants, and what of them. nil stands for all changes,
// with their events and persons.
type ChangeOptions struct {
	// Query, if not nil, selects changes of events that match it now. An update of an event
	// that does not match is told too, with Change.NoMatch, because the event may have matched
	// before; so is every deletion. Changes of persons are left out. The query must have no
	// Limit, Offset and OldestFirst.
	Query *Query

	// IDsOnly leaves out Change.Event and Change.Person. That is faster.
	IDsOnly bool
}

// A ChangePage is a part of the changes of a store.
type ChangePage struct {
	// Changes are in the order in which they were committed.
	Changes List[Change] `json:"changes"`

	// Next is the place after all changes that were looked at: go on from there. With a query
	// it can move although Changes is empty.
	Next Cursor `json:"next"`

	// More says that there are more changes already.
	More bool `json:"more"`
}

// A page of changes has at most mostChanges changes, and ends early after changeBytes bytes of
// records, or when changeTries changes were looked at.
const (
	mostChanges = 256
	changeBytes = 1 << 20
	changeTries = 4096
)

// Changes iterates over the changes after a cursor, in the order in which they were committed,
// and then waits for more. It tells every change of an event or a person since then, whatever made
// it: a write, an import, a rename, an erasure, retention. It ends when ctx does, when the store
// is closed ([ErrClosed]), and with [ErrGone] if changes after the cursor are not kept any more; it
// yields that error last, with a zero [Change].
//
// A reader that wants everything begins with the zero [Cursor]. If that is ErrGone, or if it
// begins with what is there now, it takes a snapshot ([Store.View]) and goes on from
// [Snapshot.Cursor]. It remembers Change.Cursor of the last change that it has dealt with, and
// begins there after a restart: then it misses nothing, and may get the last changes again.
//
// While it waits it has no snapshot, no goroutine and no more memory than a page of 256 changes.
// The body of the loop may take its time, and may write.
func (s *Store) Changes(ctx context.Context, after Cursor) iter.Seq2[Change, error] {
	return s.ChangesWith(ctx, after, nil)
}

// ChangesWith is [Store.Changes] with options.
func (s *Store) ChangesWith(ctx context.Context, after Cursor, options *ChangeOptions) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			page, err := s.ChangePage(ctx, after, 0, options)
			for _, c := range page.Changes {
				if !yield(c, nil) {
					return
				}
			}
			if after = page.Next; err == nil && !page.More {
				err = s.AwaitChange(ctx, after)
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
		}
	}
}

// AwaitChange waits until there is a change after a cursor, and returns nil. The error is that of
// ctx when ctx ends first, [ErrClosed] when the store is closed, and [ErrGone] if the cursor
// cannot be continued.
func (s *Store) AwaitChange(ctx context.Context, after Cursor) error {
	for {
		more := s.feed.listen() // before the look, so that nothing is missed in between
		last, err := s.lastChange(ctx, after)
		if err != nil || last > after.seq {
			return failed("changes", err)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return failed("changes", ctx.Err())
		case <-s.life.Done():
			return failed("changes", ErrClosed)
		}
	}
}

// lastChange returns the number of the last change, if those after a cursor are kept.
func (s *Store) lastChange(ctx context.Context, after Cursor) (last uint64, err error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	err = sn.read(func(in guarded) error {
		h, err := in.history()
		if last = h.last; err == nil {
			_, err = in.follow(&h, after)
		}
		return err
	})
	return last, err
}

// ChangePage returns the next changes after a cursor, at most limit and at most 256; 0 means as many
// as fit in a page. It does not wait: if there are none, Changes is empty. All are of one state of the
// store. The error is [ErrGone] if changes after the cursor are not kept any more.
func (s *Store) ChangePage(ctx context.Context, after Cursor, limit int, options *ChangeOptions) (ChangePage, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return ChangePage{Next: after}, failed("changes", err)
	}
	defer sn.close()
	return sn.ChangePage(after, limit, options)
}

// ChangePage is [Store.ChangePage] for the changes that the snapshot has. A cursor from after the
// snapshot is [ErrGone].
func (sn *Snapshot) ChangePage(after Cursor, limit int, options *ChangeOptions) (ChangePage, error) {
	page := ChangePage{Next: after}
	p, err := sn.newChangePager(options)
	if err != nil {
		return page, failed("changes", err)
	}
	if limit < 0 {
		return page, failed("changes", invalid("limit", "%d is negative", limit))
	}
	if limit = min(limit, mostChanges); limit == 0 {
		limit = mostChanges
	}
	return page, failed("changes", sn.read(func(in guarded) error { return p.fill(in, &page, limit) }))
}

// Cursor returns the place after the last change of the snapshot. Whoever takes over the state of
// the snapshot goes on from there and misses nothing.
func (sn *Snapshot) Cursor() (c Cursor, err error) {
	if err = sn.usable(); err == nil {
		err = sn.read(func(in guarded) (err error) {
			c, err = in.lastCursor()
			return err
		})
	}
	return c, failed("cursor", err)
}

// Cursor returns the place after the last change.
func (s *Store) Cursor(ctx context.Context) (Cursor, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Cursor{}, failed("cursor", err)
	}
	defer sn.close()
	return sn.Cursor()
}

func (in guarded) lastCursor() (Cursor, error) {
	h, err := in.history()
	if err != nil || h.last == h.trimmed {
		return Cursor{h.store, h.incarnation, h.last, 0}, err
	}
	c, err := in.changesFrom(&h, h.last).next()
	return h.cursorAt(h.last, c), err
}

// A changePager fills a page of changes.
type changePager struct {
	idsOnly bool
	filter  *condition // nil: all changes
	mem     arena
	persons map[ID]Person // by Key; nil: not read yet
	bytes   int
}

func (sn *Snapshot) newChangePager(options *ChangeOptions) (*changePager, error) {
	if err := sn.usable(); err != nil {
		return nil, err
	}
	p := &changePager{mem: sn.manyEvents()}
	if options == nil {
		return p, nil
	}
	p.idsOnly = options.IDsOnly
	if options.Query == nil {
		return p, nil
	}
	q := options.Query.normal()
	if q.Limit != 0 || q.Offset != 0 || q.OldestFirst {
		return nil, invalid("ChangeOptions.Query", "has a limit, an offset or an order")
	}
	if err := q.validate(); err != nil {
		return nil, err
	}
	q, err := sn.withSpellings(q)
	if err != nil {
		return nil, err
	}
	all := newFilter(&q).all
	p.filter = &all
	return p, nil
}

// fill adds the changes after page.Next, and moves it.
func (p *changePager) fill(in guarded, page *ChangePage, limit int) error {
	h, err := in.history()
	if err != nil {
		return err
	}
	scan, err := in.follow(&h, page.Next)
	if err != nil {
		return err
	}
	for tries := 0; len(page.Changes) < limit && p.bytes < changeBytes && tries < changeTries; tries++ {
		c, err := scan.next()
		if errors.Is(err, errChanges) {
			break
		}
		if err != nil {
			return err
		}
		told := Change{Cursor: h.cursorAt(scan.seq-1, c), Op: c.op, ID: c.id}
		wanted, err := p.complete(in, &told)
		if err != nil {
			return err
		}
		page.Next = told.Cursor
		if wanted {
			page.Changes = append(page.Changes, told)
		}
	}
	page.More = page.Next.seq < h.last
	return nil
}

// complete adds the event or the person to a change, and reports whether the reader wants it.
func (p *changePager) complete(in guarded, c *Change) (wanted bool, err error) {
	switch c.Op {
	case EventDeleted:
		return true, nil
	case PersonPut, PersonRemoved:
		return p.filter == nil, p.person(in, c)
	}
	if p.idsOnly && p.filter == nil {
		return true, nil
	}
	found, err := in.find(c.ID)
	if err != nil {
		return false, about(c.ID[:], err)
	}
	if found.event == nil { // it has been deleted since, which a later change tells
		return p.filter == nil, nil
	}
	if p.filter != nil {
		matches, err := in.matches(p.filter, &found)
		if err != nil {
			return false, about(c.ID[:], err)
		}
		if !matches {
			c.NoMatch = true
			return c.Op == EventUpdated, nil
		}
	}
	if p.idsOnly {
		return true, nil
	}
	var r record
	if err := in.decode(&found, &p.mem, &r); err != nil {
		return false, about(c.ID[:], err)
	}
	p.bytes += len(found.event) + len(found.detected)
	c.Event = &r.Event
	return true, nil
}

// matches reports whether an event that exists matches.
func (in guarded) matches(c *condition, f *found) (bool, error) {
	id := f.id
	if from, until := c.q.bounds(); less(&id, &from) || !less(&id, &until) || !c.time.matches(id[:]) {
		return false, nil
	}
	if !c.needsHead {
		return true, nil
	}
	h, ok, err := c.matchesRecord(id[:], f.event)
	if err != nil || !ok {
		return false, err
	}
	switch {
	case !c.needsDetections:
		return true, nil
	case h.detections == 0:
		return false, nil
	}
	detected, err := in.detections(f)
	if err != nil {
		return false, err
	}
	return anyDetection(id[:], detected, c.matchesDetection)
}

// person adds the person to a change, unless he or she has been removed since.
func (p *changePager) person(in guarded, c *Change) error {
	if p.idsOnly || p.filter != nil || c.Op == PersonRemoved {
		return nil
	}
	if p.persons == nil {
		p.persons = make(map[ID]Person)
		cursor := in.Cursor(personsSum)
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			person, err := decodePerson(string(k), v)
			if err != nil {
				return err
			}
			p.persons[person.Key] = person
		}
	}
	if person, ok := p.persons[c.ID]; ok {
		c.Person = &person
	}
	return nil
}
