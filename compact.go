package doorlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A Compacted is the account of a Compact.
type Compacted struct {
	// Before and After are the sizes of the database file in bytes.
	Before int64 `json:"before"`
	After  int64 `json:"after"`

	// Held is the longest time for which writers were held up.
	Held time.Duration `json:"held_ns"`
}

// Compact writes the database file anew without its free pages, which deletions
// leave and bolt never gives back, while the store is read and written to. The
// content stays what it is. Writers are held up for the last few entries alone,
// and readers not at all: a snapshot that is open finishes on the old file, whose
// space becomes free when the last of them ends.
//
// The new file grows beside the old one and takes its place when it is whole,
// read back and durable, so that a crash at any moment leaves one good file; what
// is left of the other is removed by the next Open. The disk must have room for
// what is in use of the file, a tenth more and 2 MiB; if it has not, that is ErrFull,
// which says how much is needed, and nothing is done. Whatever else fails leaves
// the store as it was, but for ErrUnknownOutcome: then the folder could not be
// synced, and the store takes no more writes until it is opened again.
//
// If ctx ends, or the store is closed, before the new file is in its place,
// nothing has changed. A call waits for one that is under way, and then compacts
// again. Where a file that is open cannot be replaced, or not be locked (Windows,
// Android, Solaris, AIX), it is errors.ErrUnsupported; Salvage then makes a
// compact copy. It is ErrHardLinks if the file has other names, and ErrCorrupt if it is
// found to be damaged.
func (s *Store) Compact(ctx context.Context) (*Compacted, error) {
	result, err := s.compactNow(ctx)
	return result, failed("compact", err)
}

func (s *Store) compactNow(ctx context.Context) (result *Compacted, err error) {
	err = s.longCall(ctx, func(ctx context.Context) error {
		result, err = s.compactFile(ctx)
		return err
	})
	return result, err
}

// longCall runs fn, which writes, as a call that Close ends, one at a time.
func (s *Store) longCall(ctx context.Context, fn func(context.Context) error) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	unlock, err := s.rewrites.Lock(ctx)
	if err == nil {
		defer unlock()
		err = fn(ctx)
	}
	if s.life.Err() != nil && errors.Is(err, context.Canceled) {
		return ErrClosed
	}
	return err
}

// canReplace says why the file of the store cannot be replaced, if so, and else
// what is in use of it.
func (s *Store) canReplace() (u boltfile.Usage, err error) {
	if runtime.GOOS == "windows" || !fsx.LocksFiles {
		return u, fmt.Errorf("a file that is in use cannot be replaced on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	if err := s.commits.failed(); err != nil {
		return u, err
	}
	u = s.usage()
	f := s.readers.hold()
	defer s.readers.release(f)
	if err := fsx.HasOneName(f.OSFile()); err != nil {
		return u, err
	}
	return u, fsx.Room(f.OSFile(), u.Live()+u.Live()/10, 0) // it makes room: what is to stay free need not
}

// How much a compaction does at once.
const (
	caughtUp   = 4096 // changed keys, in one snapshot
	fewChanges = 256  // changed keys for which the writers may be held
	maxRounds  = 20   // rounds of catching up before the writers are held for however many there are
)

// A compaction copies the entries of a store into a new file. It reads them from
// one short snapshot after another, so that pages which are freed meanwhile can
// be used again, and remembers the keys that change meanwhile. Those it copies in
// rounds, the last of them while nobody writes.
//
// A key that nobody has touched since the remembering began is the same in all
// snapshots. One that somebody has touched is copied again from a snapshot taken
// after the key was recorded, because a transaction is visible before its keys are.
type compaction struct {
	store   *Store
	ctx     context.Context
	path    string // the file itself: no link
	old     *sharedFile
	file    *boltfile.File // the new one
	temp    string         // and its name until it is in its place
	changes changedKeys
	sums    sums  // of what is in the new file
	becomes int64 // bytes of the new file, about
	held    time.Duration
	placed  bool

	progress *progress // in bytes of pages

	// Up to where entries have been copied.
	bucket int
	key    []byte
}

// compactFile compacts the file; nobody else does meanwhile.
func (s *Store) compactFile(ctx context.Context) (result *Compacted, err error) {
	u, err := s.canReplace()
	if err != nil {
		return nil, err
	}
	c := &compaction{store: s, ctx: ctx, becomes: u.Live(), old: s.readers.hold(), progress: tellBytes(s.opt.Progress, "compacting")}
	defer s.readers.release(c.old)
	c.progress.knows(c.becomes)
	if c.path, err = filepath.EvalSymlinks(s.at); err != nil {
		return nil, err
	}
	before, err := c.old.OSFile().Stat()
	if err != nil {
		return nil, err
	}
	if err = c.create(); err == nil {
		err = c.run()
	}
	if !c.placed {
		return nil, fault.DiskError(errors.Join(err, c.discard()))
	}
	s.readers.release(c.old) // the store's own use of it
	s.scrub.found(s.opt.Now())
	result = &Compacted{Before: before.Size(), Held: c.held}
	if after, serr := c.file.OSFile().Stat(); serr == nil {
		result.After = after.Size()
	} else {
		err = errors.Join(err, serr)
	}
	return result, err
}

// create makes the new file, an empty store.
func (c *compaction) create() (err error) {
	if err := c.stillThere(); err != nil {
		return err
	}
	dir, base := filepath.Split(c.path)
	temp, err := os.CreateTemp(filepath.Clean(dir), "."+base+".new-*")
	if err != nil {
		return err
	}
	c.temp = temp.Name()
	if err := temp.Close(); err != nil {
		return err
	}
	opt := c.store.opt
	if err := buildFile(c.temp, ID{}, ID{}, &opt); err != nil {
		return err
	}
	if err := (&fsx.Replaceable{File: c.old.OSFile()}).Like(c.temp); err != nil {
		return err
	}
	opt.examined, opt.becomes = true, c.becomes
	if c.file, err = boltfile.Open(c.temp, opt.ofFile()); err != nil {
		return err
	}
	// It is synced after each piece, and before it gets its name.
	c.file.DeferSyncs(true)
	return nil
}

// discard removes the new file.
func (c *compaction) discard() error {
	var err error
	if c.file != nil {
		err = c.file.Close()
	}
	if c.temp != "" {
		err = errors.Join(err, os.Remove(c.temp))
	}
	return err
}

// stillThere says whether the file that is open is that of its name, and of no other:
// nobody's else may be replaced.
func (c *compaction) stillThere() error {
	err := cmp.Or(fsx.LeadsTo(c.store.at, c.old.OSFile()), fsx.LeadsTo(c.path, c.old.OSFile()))
	if err != nil {
		return c.store.commits.fail(err)
	}
	return fsx.HasOneName(c.old.OSFile())
}

func (c *compaction) run() (err error) {
	commits := c.store.commits
	remember := func(ctx context.Context, changes *changedKeys) error {
		return commits.exclusively(ctx, func() error { commits.changes = changes; return nil })
	}
	if err := remember(c.ctx, &c.changes); err != nil {
		return err
	}
	defer func() {
		if !c.placed {
			err = errors.Join(err, remember(context.WithoutCancel(c.ctx), nil))
		}
	}()
	for c.bucket = range stored {
		for c.key = nil; ; {
			more, err := c.copySome()
			if err == nil && more && c.changes.len() > c.store.opt.manyChanges { // no later piece would show what comes after the last one
				err = c.catchUp()
			}
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	c.bucket = storedBuckets
	c.progress.finish()
	if err := c.readBack(); err != nil {
		return err
	}
	for round := 1; ; round++ {
		if err := c.catchUp(); err != nil {
			return err
		}
		if c.changes.len() > fewChanges && round < maxRounds/2 {
			continue
		}
		err := commits.exclusively(c.ctx, func() error { return c.last(round < maxRounds) })
		if err != nil || c.placed {
			return err
		}
	}
}

// copySome copies the next entries of a bucket. more: there may be others.
func (c *compaction) copySome() (more bool, err error) {
	copied := int64(0)
	err = c.update(func(from *reader, to *boltfile.Tx) error {
		size := 0
		cursor := from.Cursor(c.bucket)
		k, v := cursor.First()
		if c.key != nil {
			if k, v = cursor.Seek(c.key); bytes.Equal(k, c.key) {
				k, v = cursor.Next()
			}
		}
		var last []byte
		for ; k != nil; k, v = cursor.Next() {
			if more = size >= c.store.opt.copiedBytes; more {
				break
			}
			if err := c.put(to, c.bucket, k, v); err != nil {
				return err
			}
			size += len(k) + len(v) + boltfile.ElementLen
			last = k
		}
		if last != nil {
			c.key = bytes.Clone(last)
		}
		copied = int64(size)
		return nil
	})
	if err == nil {
		c.progress.add(copied)
		err = c.file.Sync()
	}
	return more, err
}

// put puts an entry, which it counts. What does not verify is not
// copied: the pages of the old file may still have what it was.
func (c *compaction) put(to *boltfile.Tx, bucket int, key, value []byte) error {
	var err error
	switch {
	case bucket < len(recordKinds):
		_, err = recordKinds[bucket].open(key, value)
	case bucket == tailNumber:
		err = verifyTail(key, value)
	}
	if err == nil {
		err = c.sums.count(bucket, key, value)
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", stored[bucket], keyText(boltfile.Shortened(key)), err)
	}
	return to.Put(bucket, key, value)
}

// update calls fn with a snapshot of the store and a transaction of the new file,
// which is written, but not synced, afterwards.
func (c *compaction) update(fn func(from *reader, to *boltfile.Tx) error) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	sn, err := c.store.look(c.ctx)
	if err != nil {
		return err
	}
	defer sn.close() // after the commit: what was put lies in its pages
	tx, err := c.file.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fault.Guarded(func() error {
		if err := fn(sn.r, tx); err != nil {
			return err
		}
		if err := tx.Commit(false); err != nil {
			return err
		}
		return c.file.NoteCommit()
	})
}

// catchUp copies what has changed, of what has been copied before, and syncs it.
func (c *compaction) catchUp() error {
	for _, keys := range slices.Collect(slices.Chunk(c.changes.take(), caughtUp)) {
		err := c.update(func(from *reader, to *boltfile.Tx) error { return c.copyKeys(from, to, keys) })
		if err != nil {
			return err
		}
	}
	return c.file.Sync()
}

// copyKeys copies what is under keys, which are in order.
func (c *compaction) copyKeys(from *reader, to *boltfile.Tx, keys []changedKey) error {
	for _, k := range keys {
		key := []byte(k.key)
		if k.bucket > c.bucket || k.bucket == c.bucket && bytes.Compare(key, c.key) > 0 {
			continue // a later snapshot, from which it is going to be copied, shows it
		}
		var err error
		if v := to.Get(k.bucket, key); v != nil {
			if err := c.sums.discount(k.bucket, key, v); err != nil {
				return err
			}
		}
		if v := from.Get(k.bucket, key); v != nil {
			err = c.put(to, k.bucket, key, v)
		} else {
			err = to.Delete(k.bucket, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyMeta copies the bucket meta, with these sums in its state.
func (c *compaction) copyMeta(from *reader, to *boltfile.Tx, sums *sums) error {
	var old [][]byte
	there := to.Cursor(metaNumber)
	for k, _ := there.First(); k != nil; k, _ = there.Next() {
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := to.Delete(metaNumber, k); err != nil {
			return err
		}
	}
	cursor := from.Cursor(metaNumber)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := to.Put(metaNumber, k, v); err != nil {
			return err
		}
	}
	st, err := readState(from)
	if err != nil {
		return err
	}
	st.sums, st.txid = *sums, to.ID()
	history, err := readLineage(from)
	if err != nil {
		return err
	}
	return errors.Join(to.Put(metaNumber, metaState, st.encode()), writeLineage(to, history.moved(int(from.ID()), int(to.ID()))))
}

// readBack reads the new file as Open would.
func (c *compaction) readBack() error {
	if err := c.update(func(from *reader, to *boltfile.Tx) error { return c.copyMeta(from, to, &c.sums) }); err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	if err := c.file.ReserveRoom(c.store.opt.MaxSize, c.store.opt.MinFree); err != nil {
		return err
	}
	metas, err := boltfile.ReadMetas(c.file.OSFile())
	if err != nil {
		return err
	}
	info, err := c.file.OSFile().Stat()
	if err != nil {
		return err
	}
	if err := metas[0].Check(info.Size()); err != nil {
		return err
	}
	// It is of several moments: a block that has changed may be there as it was,
	// too, until that is caught up with. Then the sums decide.
	x := &examination{mixed: true, trust: c.store.opt.trust, progress: tellBytes(c.store.opt.Progress, "verifying")}
	table, err := x.tabulate(&boltfile.Walker{Ctx: c.ctx, From: c.file.OSFile(), Meta: metas[0]}, nil)
	c.file.KnowPages(table)
	return errors.Join(err, x.err())
}

// last copies what has changed since the last round and puts the new file into
// the place of the old one, while nobody writes. If that is too much, and few is
// set, it copies a part of it and lets the writers go on first.
func (c *compaction) last(few bool) error {
	defer func(begun time.Time) { c.held = max(c.held, time.Since(begun)) }(time.Now())
	s := c.store
	if err := s.commits.failed(); err != nil {
		return err
	}
	if damage := s.damage.Load(); damage != nil {
		return *damage
	}
	keys := c.changes.take()
	if few && len(keys) > caughtUp {
		c.changes.putBack(keys[caughtUp:])
		return c.update(func(from *reader, to *boltfile.Tx) error { return c.copyKeys(from, to, keys[:caughtUp]) })
	}
	err := c.update(func(from *reader, to *boltfile.Tx) error {
		if err := c.copyKeys(from, to, keys); err != nil {
			return err
		}
		return c.finish(from, to)
	})
	if err != nil {
		return err
	}
	c.file.DeferSyncs(false)
	if err := c.file.Sync(); err != nil {
		return err
	}
	if err := c.stillThere(); err != nil {
		return err
	}
	err = os.Rename(c.temp, c.path)
	if err != nil {
		if there, serr := fsx.IsAt(c.file.OSFile(), c.path); !there && serr == nil {
			return err
		}
	}
	c.placed = true
	s.watch(c.file)
	shared := &sharedFile{File: c.file}
	s.commits.file, s.commits.changes = shared.File, nil
	s.commits.unclean = true // it has no list of free pages, which Close writes
	s.readers.replace(shared)
	if err == nil {
		err = fsx.SyncFolder(filepath.Dir(c.path))
	}
	if err != nil {
		// After a power cut the name may be that of the old file, which will not
		// have what is written from here on.
		return s.commits.fail(fmt.Errorf("%w: whether the compacted file keeps its name: %w", ErrUnknownOutcome, err))
	}
	return nil
}

// finish copies meta, whose sums say whether everything has been copied.
func (c *compaction) finish(from *reader, to *boltfile.Tx) error {
	st, err := readState(from)
	if err != nil {
		return err
	}
	for i, name := range summed {
		if c.sums[i] != st.sums[i] {
			return fmt.Errorf("%w: I12: %s: %d entries were copied, and there were %d, or they are not those",
				ErrCorrupt, name, c.sums[i].entries, st.sums[i].entries)
		}
	}
	return c.copyMeta(from, to, &st.sums)
}

// A changedKey is a key of a bucket that has been put or deleted.
type changedKey struct {
	bucket int
	key    string
}

// changedKeys are those that committed transactions have put or deleted.
type changedKeys struct {
	mu   sync.Mutex
	keys map[changedKey]struct{}
}

func (c *changedKeys) add(keys map[changedKey]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[changedKey]struct{})
	}
	for k := range keys {
		c.keys[k] = struct{}{}
	}
}

// take returns the keys, in order, and forgets them.
func (c *changedKeys) take() []changedKey {
	c.mu.Lock()
	taken := c.keys
	c.keys = nil
	c.mu.Unlock()
	keys := make([]changedKey, 0, len(taken))
	for k := range taken {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b changedKey) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key))
	})
	return keys
}

func (c *changedKeys) putBack(keys []changedKey) {
	back := make(map[changedKey]struct{}, len(keys))
	for _, k := range keys {
		back[k] = struct{}{}
	}
	c.add(back)
}

func (c *changedKeys) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.keys)
}
