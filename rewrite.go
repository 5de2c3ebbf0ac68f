package doorlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// Limits on how much a compaction does at once.
const (
	caughtUp   = 4096 // changed keys, in one snapshot
	fewChanges = 256  // changed keys for which the writers may be held
	maxRounds  = 20   // rounds of catching up; then the writers are held for any number of keys
)

// A compaction copies the entries of a store into a new file. It reads them from one
// short snapshot after another, so that pages that are freed meanwhile can be reused.
// It records the keys that change meanwhile and copies them again in rounds, the last
// round while nobody writes.
//
// A key that nobody has changed since the recording began is the same in all snapshots.
// A key that has changed is copied again from a snapshot taken after the key was
// recorded: a transaction is visible before its keys are recorded.
type compaction struct {
	store   *Store
	ctx     context.Context
	path    string // the file itself: no link
	old     *sharedFile
	file    *boltfile.File // the new one
	temp    string         // the new file's name until it is in place
	changes changedKeys
	sums    sums  // of the entries in the new file
	becomes int64 // about how large the new file becomes, in bytes
	waited  time.Duration
	placed  bool

	progress *progress // in bytes of pages

	// The position up to which entries have been copied.
	bucket int
	key    []byte
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
	// The new file is synced after each piece and before it is renamed, not with each
	// commit.
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

// stillThere checks that the open file is still the one at its path, and that it has no
// other name. A file that is not ours must not be replaced.
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
			if err == nil && more && c.changes.len() > c.store.opt.manyChanges { // not at a bucket's end: copyKeys would drop keys behind the last
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

// copySome copies the next entries of a bucket. more is false if there are no others.
func (c *compaction) copySome() (more bool, err error) {
	copied := int64(0)
	err = c.update(func(from guarded, to *boltfile.Tx) error {
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

// put puts an entry into the new file and counts it. An entry that does not verify is
// an error: the pages of the old file may still have what it was.
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

// update calls fn with a snapshot of the store and a transaction of the new file, and
// commits the transaction without a sync.
func (c *compaction) update(fn func(from guarded, to *boltfile.Tx) error) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	sn, err := c.store.look(c.ctx)
	if err != nil {
		return err
	}
	defer sn.close() // after the commit: the entries that were put point into its pages
	tx, err := c.file.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return sn.read(func(in guarded) error {
		if err := fn(in, tx); err != nil {
			return err
		}
		if err := tx.Commit(false); err != nil {
			return err
		}
		return c.file.NoteCommit()
	})
}

// catchUp copies again the keys that have changed, as far as they have been copied
// before, and syncs the new file.
func (c *compaction) catchUp() error {
	for _, keys := range slices.Collect(slices.Chunk(c.changes.take(), caughtUp)) {
		err := c.update(func(from guarded, to *boltfile.Tx) error { return c.copyKeys(from, to, keys) })
		if err != nil {
			return err
		}
	}
	return c.file.Sync()
}

// copyKeys copies the entries of keys, which are in order, and deletes those that are
// gone.
func (c *compaction) copyKeys(from guarded, to *boltfile.Tx, keys []changedKey) error {
	for _, k := range keys {
		key := []byte(k.key)
		if k.bucket > c.bucket || k.bucket == c.bucket && bytes.Compare(key, c.key) > 0 {
			continue // not copied yet: it will be, from a later snapshot
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

// copyMeta copies the bucket meta, and puts sums into its state.
func (c *compaction) copyMeta(from guarded, to *boltfile.Tx, sums *sums) error {
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
	return errors.Join(to.Put(metaNumber, metaState, st.encode()), writeLineage(to, history.moved(int(from.r.ID()), int(to.ID()))))
}

// readBack reads and verifies the new file, as Open would.
func (c *compaction) readBack() error {
	if err := c.update(func(from guarded, to *boltfile.Tx) error { return c.copyMeta(from, to, &c.sums) }); err != nil {
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
	// The new file mixes several moments: until the changes are caught up with, it may
	// have an old and a new version of a block. The sums decide in the end.
	x := &examination{mixed: true, trust: c.store.opt.trust, progress: tellBytes(c.store.opt.tellOf(c.ctx), "verifying")}
	table, err := x.tabulate(&boltfile.Walker{Ctx: c.ctx, From: c.file.OSFile(), Meta: metas[0]}, nil)
	c.file.KnowPages(table)
	return errors.Join(err, x.err())
}

// last copies what has changed since the last round and puts the new file in the place
// of the old one, while nobody writes. If there are too many changes and few is set, it
// copies only some of them, and lets the writers go on first.
func (c *compaction) last(few bool) error {
	defer func(begun time.Time) { c.waited = max(c.waited, time.Since(begun)) }(time.Now())
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
		return c.update(func(from guarded, to *boltfile.Tx) error { return c.copyKeys(from, to, keys[:caughtUp]) })
	}
	err := c.update(func(from guarded, to *boltfile.Tx) error {
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
	s.commits.unclean = true // it has no list of free pages; Close writes that
	s.readers.replace(shared)
	if err == nil {
		err = fsx.SyncFolder(filepath.Dir(c.path))
	}
	if err != nil {
		// After a power cut the path may lead to the old file again, which will not
		// have what is written from here on.
		return s.commits.fail(fmt.Errorf("%w: whether the compacted file keeps its name: %w", ErrUnknownOutcome, err))
	}
	return nil
}

// finish checks by the sums that everything has been copied, and copies meta.
func (c *compaction) finish(from guarded, to *boltfile.Tx) error {
	st, err := readState(from)
	if err != nil {
		return err
	}
	for i, name := range summed {
		if c.sums[i] != st.sums[i] {
			return fmt.Errorf("%w: I12: %s: %d entries were copied and there were %d, or their contents differ",
				ErrCorrupt, name, c.sums[i].entries, st.sums[i].entries)
		}
	}
	return c.copyMeta(from, to, &st.sums)
}
