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

// A Store is an open store. Its methods are safe for concurrent use. Readers do not
// wait for writers, nor writers for readers.
//
// A write is durable when its method returns without an error: an event and all of its
// detections have been synced to the disk, and every reader that begins afterwards sees
// them. After [Store.Close] every method returns [ErrClosed].
type Store struct {
	path     string // as given by the caller
	at       string // path made absolute: the current folder may change
	opt      settings
	readers  readerPool // also has the file
	commits  *committer // nil if the store is read-only
	thumbs   *thumbnails
	clock    *clock
	names    interner
	spelled  spellingList
	ids      idSource
	pages    sync.Pool      // for reuse, from iterations that have ended
	busy     pace.Locks[ID] // locks events while their thumbnails are changed
	prunes   pace.Mutex     // one Prune at a time
	rewrites pace.Mutex     // one compaction, erasure or rename at a time
	scrub    scrubs
	feed     feed
	damage   atomic.Pointer[error] // set once: ErrCorrupt, when the file is found damaged

	mu       sync.Mutex
	closing  bool
	active   sync.WaitGroup // calls and background work under way; added to under mu, and only while not closing
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

// Path returns the path of the database file, as it was given to [Open].
func (s *Store) Path() string { return s.path }

// ThumbnailDir returns the absolute path of the thumbnail folder.
func (s *Store) ThumbnailDir() string { return s.thumbs.at }

// ReadOnly reports whether the store was opened with Options.ReadOnly.
func (s *Store) ReadOnly() bool { return s.commits == nil }

// enterAny is enter for a call that also works on a damaged file.
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

// tempFile makes a temporary file. It is in the folder of the database, or in the
// system's folder for temporary files if the store is read-only. It has no name; on
// Windows, where it must have one, the next Open removes it.
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
	if runtime.GOOS != "windows" { // where an open file cannot be removed
		_ = os.Remove(f.Name()) // if it fails, fsx.RemoveTemp tries again
	}
	return f, nil
}

// longCall runs fn, which writes. One such call runs at a time, and Close cancels it.
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

// usage returns how many pages of the file the newest state uses.
func (s *Store) usage() boltfile.Usage {
	f := s.readers.hold()
	defer s.readers.release(f)
	return f.Usage()
}

// checkPlace returns an error if the path leads to another file now, or writes have
// failed. Call it before the thumbnail folder is changed, but not from the leader of
// the committer: it would wait for itself.
func (s *Store) checkPlace(ctx context.Context) error {
	if err := s.leadsToFile(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return s.commits.failed()
}

// leadsToFile returns ErrMoved if the path does not lead to the open file any more. If
// the store is not read-only, that stops its writes.
func (s *Store) leadsToFile(ctx context.Context) error {
	f := s.readers.hold()
	err := fsx.LeadsTo(s.at, f.OSFile())
	s.readers.release(f)
	if err == nil || s.commits == nil {
		return err
	}
	// A compaction may have just put its new file there. It cannot do so while this
	// runs.
	c := s.commits
	return c.exclusively(ctx, func() error {
		if err = fsx.LeadsTo(s.at, c.file.OSFile()); err != nil {
			err = c.fail(err)
		}
		return err
	})
}

// scrubs is what is known about verifications of the file.
type scrubs struct {
	mu   sync.Mutex
	busy bool
	last time.Time // when the file was last found sound

	verified bool       // the file was found sound since it was opened
	turn     pace.Mutex // one verification at a time
}

// watch makes the store answer ErrCorrupt once damage is found in a page of file.
func (s *Store) watch(file *boltfile.File) {
	file.OnDamage(s.condemn)
}

func (c *scrubs) isVerified() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verified
}

// found notes that the file was verified and found sound.
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

// room returns ErrFull unless the disk of the database has bytes free and, beside them,
// Options.MinFree. Callers that need little ask for 0 bytes.
func (s *Store) room(bytes int64) error {
	if bytes == 0 && s.opt.MinFree < 0 {
		return nil
	}
	f := s.readers.hold()
	defer s.readers.release(f)
	if free := fsx.FreeSpace(f.OSFile()); bytes == 0 && free >= 0 && free < s.opt.MinFree {
		if s.hasFreePages(f) { // deletions have left room for an event inside the file
			return nil
		}
		return fmt.Errorf("%w: the disk has %d bytes free, and Options.MinFree keeps %d", ErrFull, free, s.opt.MinFree)
	}
	return fsx.Room(f.OSFile(), bytes, max(0, s.opt.MinFree))
}

// hasFreePages reports whether the free pages of a file are at least as large as its
// reserve.
func (s *Store) hasFreePages(f *sharedFile) bool {
	u := f.Usage()
	return u.Free*u.PageSize >= boltfile.ReserveSize(u.PageSize)
}

// condemn makes every later call return ErrCorrupt, and the next Open read the whole
// file.
func (s *Store) condemn(err error) {
	if !s.damage.CompareAndSwap(nil, &err) {
		return
	}
	s.feed.ended()
	s.opt.Logger.Error("doorlog: the file is damaged; verify and repair or salvage it", "file", s.path, "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.commits == nil { // Close marks the file; a read-only store cannot
		return
	}
	s.active.Go(func() { // the caller may be the leader of the committer
		err := s.commits.exclusively(context.Background(), func() error { return s.readers.file.Distrust() })
		if err != nil {
			s.opt.Logger.Warn("doorlog: the next Open may not know that the file is damaged", "file", s.path, "error", err)
		}
	})
}

// latest returns the latest time that an event may have now.
func (s *Store) latest() time.Time { return s.clock.latest(s.opt.MaxFutureSkew) }
