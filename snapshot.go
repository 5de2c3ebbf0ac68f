package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/pace"
)

// A Snapshot is the store as it was at one moment: it does not show writes that end
// later. [Store.View] makes it, and after that call its methods return [ErrClosed].
// Only one goroutine at a time may use it. What its methods return belongs to the
// caller and stays valid.
type Snapshot struct {
	store *Store
	ctx   context.Context
	r     *reader // nil after View has returned

	entered bool // it was made by snapshot, so close calls leave
	lease
}

// View calls fn with a snapshot and returns fn's error. Writers do not wait for it. But
// the pages that the snapshot sees are not reused until it ends, so keep it short: to
// go through many events, prefer [Store.Events].
//
// Inside fn, call the snapshot's methods and not the store's: a method of the store can
// wait for ever there. When the file outgrows its mapping, a writer waits for all
// snapshots to end, and a new reader waits for that writer. This is rare: the mapping
// has 1 GiB at first, or 128 MiB on 32-bit systems; on Windows it happens each time the
// file doubles.
func (s *Store) View(ctx context.Context, fn func(*Snapshot) error) error {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return failed("view", err)
	}
	defer sn.close()
	return fn(sn)
}

// snapshot begins a call that reads, with a snapshot; its close ends the call.
func (s *Store) snapshot(ctx context.Context) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	sn, err := s.look(ctx)
	if err != nil {
		s.leave()
		return nil, err
	}
	sn.entered = true
	return sn, nil
}

// look is snapshot within a call that has been entered already.
func (s *Store) look(ctx context.Context) (*Snapshot, error) {
	r, err := s.readers.get()
	if err != nil {
		return nil, err
	}
	sn := &Snapshot{store: s, ctx: ctx, r: r, lease: lease{opened: s.opt.Now()}}
	s.readers.open(&sn.lease)
	return sn, nil
}

func (sn *Snapshot) close() {
	sn.store.readers.close(&sn.lease, sn.r)
	sn.r = nil
	if sn.entered {
		sn.store.leave()
		sn.store.giveWay()
	}
}

// giveWay lets a write that is under way go first. When a transaction waits for the
// disk, it loses the processor twice: its thread's, to the system, and the right to run
// Go code, to another goroutine. Readers never wait, and would keep both for some
// milliseconds, as long as the schedulers let them. A reader that yields here does not
// wait for the disk: if nobody else can run, it goes on at once.
func (s *Store) giveWay() {
	if s.commits != nil && s.commits.others.waiting.Load() > 0 {
		pace.YieldThread()
		runtime.Gosched()
	}
}

func (sn *Snapshot) usable() error {
	if sn.r == nil {
		return fmt.Errorf("snapshot used after its View: %w", ErrClosed)
	}
	if damage := sn.store.damage.Load(); damage != nil { // damage ends the calls that are under way
		return *damage
	}
	return sn.ctx.Err()
}

// guarded is a snapshot within Snapshot.read, which turns what happens on damaged pages
// into errors. Everything that looks something up in the file is a method of guarded.
type guarded struct {
	*Snapshot
	*boltfile.View
}

// Cursor returns a cursor over a bucket.
func (in guarded) Cursor(bucket int) *boltfile.Cursor { return in.View.Cursor(bucket) }

// read calls fn with the state of the snapshot, and returns its error. If fn comes to a
// damaged page, the error is ErrCorrupt.
func (sn *Snapshot) read(fn func(guarded) error) error {
	return sn.r.Look(func(v *boltfile.View) error { return fn(guarded{sn, v}) })
}

// file returns the file that the snapshot reads.
func (sn *Snapshot) file() *os.File { return sn.r.File.OSFile() }

// state returns the state record of the snapshot.
func (sn *Snapshot) state() (st state, err error) {
	err = sn.read(func(in guarded) (err error) {
		st, err = readState(in)
		return err
	})
	return st, err
}

// commit returns the number of the newest commit.
func (s *Store) commit(ctx context.Context) (uint64, error) {
	sn, err := s.look(ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	return sn.commit()
}

// commit returns the number of the commit that made the snapshot's state.
func (sn *Snapshot) commit() (n uint64, err error) {
	err = sn.read(func(in guarded) error {
		l, err := readLineage(in)
		n = l.commit(sn.r.ID())
		return err
	})
	return n, err
}

// settled returns the number of the commit before the newest one, or 0 if that cannot
// be read.
func (s *Store) settled() uint64 {
	n, err := s.commit(context.Background())
	if err != nil || n == 0 {
		return 0
	}
	return n - 1
}

// inUse returns the number of events, and the bytes of the pages that are in use. It leaves out
// the pages of changes, which the deletion of events does not free.
func (s *Store) inUse(ctx context.Context) (events int, bytes int64, err error) {
	sn, err := s.look(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer sn.close()
	st, err := sn.state()
	u := sn.r.File.Usage()
	return int(st.sums[eventsSum].entries), u.Live() - sn.r.File.BucketSizes()[string(changesBucket)], err
}

func (in guarded) newestID() (ID, error) {
	return newestID(in.Cursor(tailNumber), in.Cursor(eventsSum))
}

// through returns the ID up to which events are folded.
func (sn *Snapshot) through() (through ID, err error) {
	err = sn.read(func(in guarded) (err error) {
		through, err = in.indexedThrough()
		return err
	})
	return through, err
}

func (in guarded) indexedThrough() (ID, error) { return in.r.indexedThrough(in.View) }

// settledState is newestState between two commits, with the pages that are in use then.
func (s *Store) settledState(ctx context.Context) (meta boltfile.Meta, sn *Snapshot, pages *boltfile.UsedPages, err error) {
	take := func() error {
		if meta, sn, err = s.newestState(ctx); err == nil {
			pages = sn.r.File.UsedPages()
		}
		return err
	}
	if s.commits == nil {
		err = take()
	} else {
		err = s.commits.exclusively(ctx, take)
	}
	return meta, sn, pages, err
}

// newestState returns a snapshot and its meta page. The second commit after it
// overwrites that page; then newestState tries again with a newer snapshot.
func (s *Store) newestState(ctx context.Context) (meta boltfile.Meta, sn *Snapshot, err error) {
	for before := uint64(0); ; {
		if sn, err = s.look(ctx); err != nil {
			return meta, nil, err
		}
		id := sn.r.ID()
		metas, err := boltfile.ReadMetas(sn.file())
		for _, meta := range metas {
			if meta.Txid == id {
				return meta, sn, nil
			}
		}
		sn.close()
		if id == before { // and nothing has been committed meanwhile
			return meta, nil, errors.Join(fmt.Errorf("%w: meta pages", ErrCorrupt), err)
		}
		if before = id; ctx.Err() != nil {
			return meta, nil, ctx.Err()
		}
	}
}
