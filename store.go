package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
	"github.com/doorlog/doorlog/internal/pace"
)

// A Store is an open store. Its methods are safe for concurrent use. Readers
// do not hold up the writers, nor writers the readers.
//
// A write is durable when its method returns without an error: it has been
// synced to the disk, an event together with all of its detections, and
// everybody who begins to read sees it. After Close every method returns
// ErrClosed.
type Store struct {
	path     string // as the caller gave it
	at       string // the same, absolute: the current folder may change
	opt      settings
	readers  readerPool // and the file
	commits  *committer // nil if the store is read-only
	thumbs   *thumbnails
	clock    *clock
	names    interner
	spelled  spellingList
	ids      idSource
	pages    sync.Pool      // of iterations that have ended
	busy     pace.Locks[ID] // of the events whose thumbnails are changed
	prunes   pace.Mutex
	rewrites pace.Mutex // of the file, by compactions and erasures
	scrub    scrubs
	damage   atomic.Pointer[error] // set once: what was found wrong with the file

	mu       sync.Mutex
	closing  bool
	active   sync.WaitGroup // calls under way, added to under mu, while not closing; and work in the background
	closed   chan struct{}  // closed when Close is done
	closeErr error
	life     context.Context // ends when Close begins
	end      context.CancelFunc
}

// enter begins a call that Close waits for; leave ends it.
func (s *Store) enter() error {
	err := s.enterAny()
	if damage := s.damage.Load(); err == nil && damage != nil {
		s.leave()
		err = *damage
	}
	return err
}

// enterAny is enter for a call that a damaged file does not hinder.
func (s *Store) enterAny() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrClosed
	}
	s.active.Add(1)
	return nil
}

func (s *Store) leave() { s.active.Done() }

// enterWrite is enter for a call that writes.
func (s *Store) enterWrite() error {
	if err := s.enter(); err != nil {
		return err
	}
	err := ErrReadOnly
	if s.commits != nil {
		err = s.commits.failed()
	}
	if err != nil {
		s.leave()
	}
	return err
}

// tempFile makes a file for a while. It is beside the database, unless that may be
// read only, and has no name, or, where it must have one, one that the next Open
// removes.
func (s *Store) tempFile() (*os.File, error) {
	path, err := filepath.EvalSymlinks(s.at)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if s.commits == nil {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*")
	if err != nil {
		return nil, fault.DiskError(err)
	}
	if runtime.GOOS != "windows" { // where a file that is open keeps its name
		_ = os.Remove(f.Name()) // removeTemp tries again
	}
	return f, nil
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

// usage returns what the newest state takes of the file.
func (s *Store) usage() boltfile.Usage {
	f := s.readers.hold()
	defer s.readers.release(f)
	return f.Usage()
}

// checkPlace is the same for a call that is about to change the thumbnail folder, and is
// not the leader.
func (s *Store) checkPlace(ctx context.Context) error {
	if err := s.leadsToFile(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return s.commits.failed()
}

// leadsToFile is ErrMoved if the path does not lead to the file any more. If the file can
// be written to, that stops the writes.
func (s *Store) leadsToFile(ctx context.Context) error {
	f := s.readers.hold()
	err := fsx.LeadsTo(s.at, f.OSFile())
	s.readers.release(f)
	if err == nil || s.commits == nil {
		return err
	}
	// A compaction may have put its file there just now. While nobody writes it does not.
	c := s.commits
	return c.exclusively(ctx, func() error {
		if err = fsx.LeadsTo(s.at, c.file.OSFile()); err != nil {
			err = c.fail(err)
		}
		return err
	})
}

// scrubs are what is known of the verifications of the file.
type scrubs struct {
	mu   sync.Mutex
	busy bool
	last time.Time // when the file was last found sound

	verified bool       // last has been set
	turn     pace.Mutex // one verification at a time
}

// watch has the store know of damage that is found in a page of its file.
func (s *Store) watch(file *boltfile.File) {
	file.OnDamage(s.condemn)
}

func (c *scrubs) isVerified() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verified
}

// found says that the file was verified and found sound.
func (c *scrubs) found(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.verified = at, true
}

func (c *scrubs) set(busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
}

// room is room on the disk of the database, of which Options.MinFree stays free.
// 0 bytes are asked for by what takes little.
func (s *Store) room(bytes int64) error {
	if bytes == 0 && s.opt.MinFree < 0 {
		return nil
	}
	f := s.readers.hold()
	defer s.readers.release(f)
	if free := fsx.FreeSpace(f.OSFile()); bytes == 0 && free >= 0 && free < s.opt.MinFree {
		if s.hasFreePages(f) { // in which an event finds room, as deletions have left it
			return nil
		}
		return fmt.Errorf("%w: the disk has %d bytes, and Options.MinFree keeps %d", ErrFull, free, s.opt.MinFree)
	}
	return fsx.Room(f.OSFile(), bytes, max(0, s.opt.MinFree))
}

// hasFreePages reports whether as much of a file is free as its reserve has.
func (s *Store) hasFreePages(f *sharedFile) bool {
	u := f.Usage()
	return u.Free*u.PageSize >= boltfile.ReserveSize(u.PageSize)
}

// condemn has every later call answer ErrCorrupt, and the next Open read the whole file.
func (s *Store) condemn(err error) {
	if !s.damage.CompareAndSwap(nil, &err) {
		return
	}
	s.opt.Logger.Error("doorlog: the file is damaged; verify and repair or salvage it", "file", s.path, "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.commits == nil { // Close does it, or nobody may
		return
	}
	s.active.Go(func() { // this may be somebody who is writing
		err := s.commits.exclusively(context.Background(), func() error { return s.readers.file.Distrust() })
		if err != nil {
			s.opt.Logger.Warn("doorlog: the next Open may not know that the file is damaged", "file", s.path, "error", err)
		}
	})
}

// latest is the last time at which an event may lie now.
func (s *Store) latest() time.Time { return s.clock.latest(s.opt.MaxFutureSkew) }
