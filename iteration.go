package doorlog

import (
	"context"
	"iter"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A page of an iteration has between leastEvents and mostEvents events. The first pages are
// small, so that a loop that ends soon has not read many events. A page ends early if its
// records have pageBytes bytes, or if it has at least one event and pageTries places were
// looked at. (A page without events does not end early: the caller gets nothing from it
// anyway.)
const (
	leastEvents, mostEvents = 20, 256

	pageBytes = 1 << 20
	pageTries = 4096
)

// An iteration goes through the answer to a query. It reads a page of events in one short
// snapshot, and the page after it in a newer snapshot. So a slow loop holds no snapshot: pages
// of the file can be used again, and the loop itself may write.
type iteration struct {
	store *Store
	ctx   context.Context
	query Query

	from, until ID // the range of the next page
	left        int
	size        int // of the next page
	page        []record
	mem         arena
	done        bool // there are no more pages

	// found is the number of events, with those before the Offset. state is the state of
	// the first page. changed says that a later page had another state.
	found   int
	state   stateOf
	changed bool
}

// A stateOf identifies a state of a store.
type stateOf struct {
	file *boltfile.File
	txID uint64
}

func (sn *Snapshot) stateOf() stateOf { return stateOf{sn.r.File, sn.r.ID()} }

// Events iterates over the events that q asks for. If there is an error, it yields the error
// last, with a zero [Event].
//
// It reads pages of at most 256 events, each page in a newer snapshot. An event that is written
// meanwhile appears if the loop has not passed its place in the order yet. No event appears
// twice, and no event that exists all the time is left out. [Snapshot.Events] shows one moment.
//
// The body of the loop may take its time, call any method of the store, and write: it may, for
// example, delete each event that it gets. After [Store.Close] the iteration ends with
// [ErrClosed].
//
// If q asks for all events, nobody writes meanwhile, and there are more or fewer events than
// there should be, the error is [ErrCorrupt].
func (s *Store) Events(ctx context.Context, q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		q := q.normal()
		err := q.validate()
		if err != nil {
			yield(Event{}, failed("events", err))
			return
		}
		it := s.iterate(ctx, q)
		defer it.end()
		for err == nil && !it.done {
			err = it.read()
			for i := range it.page {
				if ended := it.usable(); ended != nil {
					err = ended
					break
				}
				if !yield(it.page[i].Event, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(Event{}, failed("events", err))
		}
	}
}

// iterate begins the iteration over the answer to a query that is valid.
func (s *Store) iterate(ctx context.Context, q Query) *iteration {
	it, ok := s.pages.Get().(*iteration)
	if !ok {
		it = new(iteration)
	}
	*it = iteration{
		store: s, ctx: ctx, query: q, left: q.Limit, size: leastEvents, page: it.page,
		mem: arena{names: &s.names, chunk: readChunk},
	}
	if 0 < q.Limit && q.Limit <= mostEvents { // the caller wants this many
		it.size = q.Limit
	}
	it.from, it.until = q.bounds()
	return it
}

// end keeps the memory of the page for another iteration: allocating it takes longer than
// reading a few events.
func (it *iteration) end() {
	s := it.store
	*it = iteration{page: it.page[:0]}
	s.pages.Put(it)
}

// usable returns an error if the rest of the page must not be yielded any more.
func (it *iteration) usable() error {
	if damage := it.store.damage.Load(); damage != nil {
		return *damage
	}
	return it.ctx.Err()
}

// read reads the next page. If it returns an error, the page may have some events all the
// same.
func (it *iteration) read() error {
	it.page = it.page[:0]
	sn, err := it.store.snapshot(it.ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	s, err := sn.search(it.query, it.from, it.until)
	if err != nil {
		return err
	}
	if now := sn.stateOf(); it.state == (stateOf{}) {
		it.state = now
	} else {
		it.changed = it.changed || it.state != now
	}
	for ; it.query.Offset > 0; it.query.Offset-- {
		if ok, err := s.event(nil, nil, false); !ok || err != nil {
			return it.finish(sn, err)
		}
		it.found++
	}
	if cap(it.page) < it.size {
		it.page = make([]record, 0, it.size)
	}
	for full := false; !full; full = it.isFull(s) {
		n := len(it.page)
		if ok, err := s.event(&it.mem, &it.page[:n+1][n], true); !ok || err != nil {
			return it.finish(sn, err)
		}
		it.page = it.page[:n+1]
	}
	it.goOn()
	return nil
}

func (it *iteration) isFull(s *search) bool {
	n := len(it.page)
	return n >= it.size || n == it.left || s.bytes >= pageBytes || s.tried >= pageTries
}

// goOn sets the range of the next page: it begins after the last event of this one.
func (it *iteration) goOn() {
	n := len(it.page)
	it.found += n
	if it.left > 0 {
		it.left -= n
		it.done = it.left == 0
	}
	if last := it.page[n-1].ID; it.query.OldestFirst {
		it.from = firstAfter(last)
	} else {
		it.until = last
	}
	it.size = min(2*it.size, mostEvents)
}

// finish is called after the last event. If the loop has seen all events of one state, it
// compares their number with that of the state.
func (it *iteration) finish(sn *Snapshot, err error) error {
	it.done = true
	it.found += len(it.page)
	if err != nil || it.changed || !it.query.asksForAll() {
		return err
	}
	return sn.hasAll(eventsSum, it.found)
}
