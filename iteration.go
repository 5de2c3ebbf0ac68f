package doorlog

import (
	"context"
	"iter"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// How many events are read in one snapshot, or fewer, once their records take pageBytes,
// or so many places were looked at and there is one event. (Where nothing matches for long
// there is nobody to wait for, and one snapshot.) The first pages are smaller, so that a loop which
// ends after a few events has not read many.
const (
	leastEvents, mostEvents = 20, 256

	pageBytes = 1 << 20
	pageTries = 4096
)

// An iteration goes through the answer to a query. It reads a page of events in a short
// snapshot, and the next one, behind the last of its events, in a newer snapshot. So
// whoever is slow to take the events keeps no pages of the file from being used again,
// and may write meanwhile.
type iteration struct {
	store *Store
	ctx   context.Context
	query Query

	from, until ID // where the next page lies
	left        int
	size        int // of the next page
	page        []record
	mem         arena
	done        bool // there are no more pages

	// How many events there were, also before the Offset, and the state of the first
	// page. changed: a later page is of another one.
	found   int
	state   stateOf
	changed bool
}

// A stateOf tells states of a store apart.
type stateOf struct {
	file *boltfile.File
	txID uint64
}

func (sn *Snapshot) stateOf() stateOf { return stateOf{sn.r.File, sn.r.ID()} }

// Events iterates over the events that q asks for. An error is the last thing that it
// yields, with a zero Event.
//
// It reads some events at a time, at most 256, each time in a newer snapshot: an event is
// as it was when those around it were read. One that is written meanwhile is seen if its
// place in the order is still to come. None is seen twice, and none that is there all
// along is left out. Snapshot.Events is of one moment.
//
// The loop's body may take its time, call any method of the store, and write: it may
// delete each event that it gets. After Close the iteration ends with ErrClosed.
//
// It is ErrCorrupt if all events are asked for, nobody writes meanwhile, and there are
// more or fewer than there should be.
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
	if 0 < q.Limit && q.Limit <= mostEvents { // whoever asks for so many takes them
		it.size = q.Limit
	}
	it.from, it.until = q.bounds()
	return it
}

// end keeps the page for another iteration: to allocate one takes longer than to read a
// few events.
func (it *iteration) end() {
	s := it.store
	*it = iteration{page: it.page[:0]}
	s.pages.Put(it)
}

// usable says why the rest of a page is not to be seen any more, if so.
func (it *iteration) usable() error {
	if damage := it.store.damage.Load(); damage != nil {
		return *damage
	}
	return it.ctx.Err()
}

// read reads the next page. Before an error it may have read some events.
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

// goOn puts the next page behind the last event of this one.
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

// finish comes after the last event. If all events of one state were asked for, they
// must be as many as it has.
func (it *iteration) finish(sn *Snapshot, err error) error {
	it.done = true
	it.found += len(it.page)
	if err != nil || it.changed || !it.query.asksForAll() {
		return err
	}
	return sn.hasAll(eventsSum, it.found)
}
