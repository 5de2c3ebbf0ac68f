package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// Open opens the store in the file at path. If the file does not exist, Open creates it; with
// Options.ReadOnly it returns fs.ErrNotExist instead. The folder of the file must exist. nil
// means default options.
//
// The error is
//
//   - [ErrLocked] if another process has the file open,
//   - [ErrNoLocks] if the file system has no locks,
//   - [ErrNotStore] if the file is not a store,
//   - [ErrByteOrder] if a machine of the other byte order wrote it,
//   - [ErrNewerSchema] if a later version of doorlog wrote it,
//   - [ErrOlderSchema] if an earlier version wrote it and Options.ReadOnly is set,
//   - [ErrCorrupt] if it is damaged.
//
// None of these changes the file. Without ReadOnly, Open upgrades a file of an earlier
// version; that version cannot open it any more.
//
// If a file was not closed, or is smaller than 1 MiB, Open reads and verifies all of it, which
// takes as long as the disk needs to read it. Otherwise each page is compared, when it is first
// used, with the checksum that Close has written, and all pages are compared in the background
// (Options.Scrub). If a page does not match, the call that uses it and every later call return
// [ErrCorrupt].
func Open(path string, options *Options) (*Store, error) {
	s, err := open(path, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: open %s: %w", path, err)
	}
	return s, nil
}

func open(path string, options *Options) (*Store, error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, err
	}
	s, err := openStore(path, &opt)
	lost := errors.Is(err, ErrNotStore) // it may be a store that has lost its first pages
	if opt.Quarantine && !opt.ReadOnly && (lost || errors.Is(err, ErrCorrupt)) {
		switch qerr := quarantine(path, err, &opt); {
		case qerr == nil:
			s, err = openStore(path, &opt)
		case !lost:
			err = fmt.Errorf("%w; quarantine: %w", err, qerr)
		}
	}
	if err != nil {
		return nil, err
	}
	if !opt.ReadOnly {
		if err := s.thumbs.dropHeld(); err != nil {
			opt.Logger.Warn("doorlog: thumbnails that a backup has left behind are still there", "error", err)
		}
	}
	return s, nil
}

// openStore opens a store. Every field of opt must be set.
func openStore(path string, opt *settings) (*Store, error) {
	file, err := openFile(path, opt)
	if errors.Is(err, fs.ErrNotExist) && !opt.ReadOnly {
		if err := createFile(path, opt); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
		file, err = openFile(path, opt)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, at: fsx.Absolute(path), opt: *opt, closed: make(chan struct{})}
	s.life, s.end = context.WithCancel(context.Background())
	s.readers.file, s.readers.log = &sharedFile{File: file, users: 1}, opt.Logger
	s.ids.entropy = opt.Entropy
	s.thumbs = newThumbnails(opt.ThumbnailDir, opt.ThumbnailEdge)
	s.clock = &clock{now: opt.Now, boot: opt.boot()}
	s.watch(file)
	if err := s.remember(); err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	if opt.ReadOnly {
		s.startScrub()
		return s, nil
	}
	fsx.RemoveLeftovers(path)
	tail, unclean, err := tailLength(file)
	unclean = unclean || !file.HasFreelist() // Close is to write the freelist
	if err == nil {
		err = fsx.SyncName(path) // whoever made the file may have stopped before its sync
	}
	if err == nil && unclean { // its newest state may not be durable yet, and readers are about to see it
		err = file.SettleNewest()
	}
	if err == nil {
		err = file.ReserveRoom(opt.MaxSize, opt.MinFree)
	}
	if err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	s.commits = &committer{
		file: file, readers: &s.readers, clock: s.clock, names: &s.names, log: opt.Logger,
		path: s.at, looked: time.Now(), tail: tail, unclean: unclean, damage: &s.damage, awake: make(chan struct{}, 1),
		feed: &s.feed, keep: opt.keptChanges(s.clock),
	}
	if err := s.noticeOlderCopy(s.life); err != nil {
		opt.Logger.Warn("doorlog: whose the thumbnail folder is cannot be told", "error", err)
	}
	if file.IsKnown() {
		s.finishErasure()
	}
	s.startScrub()
	s.startCompactor() // before anybody writes, because it sets a field that the committer reads
	s.startRetention()
	return s, nil
}

// abandon closes the file of a store that could not be opened. First it ends the reader that
// the pool may hold: bolt waits for all readers.
func (s *Store) abandon() error {
	s.readers.beginWrite()
	return s.readers.file.Close()
}

// remember reads from meta what the store and its clock keep there.
func (s *Store) remember() error {
	sn, err := s.look(s.life)
	if err != nil {
		return err
	}
	defer sn.close()
	return sn.read(func(in guarded) error {
		st, err := readState(in)
		if err != nil {
			return err
		}
		history, err := readLineage(in)
		if err != nil {
			return err
		}
		s.thumbs.store, s.thumbs.incarnation, s.thumbs.settled = st.storeID, history.incarnation, s.settled
		kept, err := readClock(in)
		if err != nil {
			return err
		}
		newest := time.Time{}
		if id, err := in.newestID(); err == nil && id != (ID{}) {
			newest = id.Time()
		}
		s.clock.begin(kept, newest)
		return nil
	})
}

// tailLength returns the number of events in the tail, damaged ones too. unclean reports
// whether the store was written to and not closed.
func tailLength(f *boltfile.File) (n int, unclean bool, err error) {
	r, err := f.Read()
	if err != nil {
		return 0, false, err
	}
	defer r.End()
	err = r.Look(func(v *boltfile.View) error {
		st, err := readState(v)
		unclean = st.unclean
		c := v.Cursor(tailNumber)
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			n++
		}
		return err
	})
	return n, unclean, err
}

// Close waits for the calls that are running, writes among them, and closes the store. So it
// must not be called inside of a [Store.View]. A loop over [Store.Events] ends with
// [ErrClosed] when it needs more events. A [Store.Prune] ends after its current transaction. A
// [Store.Compact] or [Store.ErasePerson] ends with ErrClosed. Close may be called several
// times and from several goroutines: each call returns when the store is closed, with the same
// result.
//
// Even if Close returns an error, everything that was written stays written. An error may mean
// that the next [Open] has to read the whole file, or that the file is no longer at its path
// ([ErrMoved]) and no write has reported that before.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closing
	s.closing = true
	s.mu.Unlock()
	if again {
		<-s.closed
		return s.closeErr
	}
	defer close(s.closed)
	s.end()
	s.active.Wait()
	var err error
	if s.commits != nil {
		err = s.closeFile()
	}
	s.readers.beginWrite() // never ended: the pool stays empty
	if err := errors.Join(err, s.readers.file.Close(), s.thumbs.close()); err != nil {
		s.closeErr = fmt.Errorf("doorlog: close %s: %w", s.path, err)
	}
	return s.closeErr
}

// closeFile writes what the next Open needs to skip reading the whole file. If the file is
// damaged, closeFile makes the next Open read all of it.
func (s *Store) closeFile() error {
	file := s.readers.file
	if s.damage.Load() == nil {
		err := s.commits.close()
		if err == nil && s.commits.failure.Load() == nil {
			err = file.WritePageSums(s.thumbs.store)
		}
		if !s.commits.hasMoved() { // otherwise the folder may belong to another store by now
			s.advanceClaim()
		}
		if s.damage.Load() == nil {
			return err
		}
	}
	return file.Distrust()
}
