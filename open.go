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

// Open opens the store in the file at path, and makes it first if there is no
// such file (unless Options.ReadOnly is set, which makes it fs.ErrNotExist).
// The folder of the file must exist. nil means default options.
//
// The errors are ErrLocked if another process has the file open, ErrNoLocks if its
// file system cannot tell, ErrNotStore if the file is something else, ErrByteOrder
// if a machine of the other byte order wrote it, ErrNewerSchema if a later version
// of doorlog did, ErrOlderSchema if an earlier one did and Options.ReadOnly is set,
// and ErrCorrupt if it is damaged. None of them changes the file. Without ReadOnly a
// file of an earlier version is upgraded, after which that version refuses it.
//
// A file that was not closed is read whole and verified before it is used, which
// takes as long as the disk takes to read it. So is one that is smaller than 1 MiB.
// Of another one that was closed each page is compared with the checksum that Close
// has written of it when it is first used, and all of them are compared in the
// background (Options.Scrub). A page that is not what was written is ErrCorrupt: that
// is what the call that comes to it answers, and every call from then on.
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
	lost := errors.Is(err, ErrNotStore) // perhaps one that has lost its first pages
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

// openStore opens a store, with options in which every field is set.
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
	unclean = unclean || !file.HasFreelist() // which Close is to write
	if err == nil {
		err = fsx.SyncName(path) // who made the file may not have come to this
	}
	if err == nil && unclean { // what it shows may have been acknowledged by nobody yet, and will be
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
	}
	if err := s.noticeOlderCopy(s.life); err != nil {
		opt.Logger.Warn("doorlog: whose the thumbnail folder is cannot be told", "error", err)
	}
	if file.IsKnown() {
		s.finishErasure()
	}
	s.startScrub()
	s.startCompactor() // which sets what the committer reads, before anybody writes
	s.startRetention()
	return s, nil
}

// abandon closes the file of a store that could not be opened. bolt waits for its
// readers, and the pool may have one.
func (s *Store) abandon() error {
	s.readers.beginWrite()
	return s.readers.file.Close()
}

// remember takes in what meta has of the store and its clock.
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

// tailLength counts the events of the tail, damaged ones too, and
// reports whether the store has been written to and not been closed.
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

// Close waits for the calls that are under way, writes among them, and closes
// the store; it must therefore not be called inside of a View. A loop over
// Events ends with ErrClosed when it asks for more. A Prune ends with the
// transaction that it is in, and a Compact or an ErasePerson with ErrClosed. It
// may be called several times, and from several goroutines: each call returns
// when the store is closed, with the same result.
//
// An error takes back nothing of what was written. It may mean that the next
// Open has to read the whole file, or that the file is not at its path any more
// (ErrMoved), if no write has returned that before.
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
	s.readers.beginWrite() // for ever: the pool stays empty
	if err := errors.Join(err, s.readers.file.Close(), s.thumbs.close()); err != nil {
		s.closeErr = fmt.Errorf("doorlog: close %s: %w", s.path, err)
	}
	return s.closeErr
}

// closeFile writes what the next Open needs so as not to read the whole file; or, if the
// file is damaged, has it read all.
func (s *Store) closeFile() error {
	file := s.readers.file
	if s.damage.Load() == nil {
		err := s.commits.close()
		if err == nil && s.commits.failure.Load() == nil {
			err = file.WritePageSums(s.thumbs.store)
		}
		if !s.commits.hasMoved() { // else the folder may be that of another store by now
			s.advanceClaim()
		}
		if s.damage.Load() == nil {
			return err
		}
	}
	return file.Distrust()
}
