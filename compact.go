package doorlog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
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

const (
	leastFree = boltfile.GrowStep // bytes for which it is worth while
)

const (
	compactAgain = time.Hour // after one that failed
)
