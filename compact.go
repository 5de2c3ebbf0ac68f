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

// A Compacted is the account of a [Store.Compact].
type Compacted struct {
	// Before and After are the sizes of the database file in bytes.
	Before int64 `json:"before"`
	After  int64 `json:"after"`

	// WritersWaited is the longest time for which writers had to wait.
	WritersWaited time.Duration `json:"writers_waited_ns"`
}

// Compact rewrites the database file without its free pages. Deletions leave free pages, and
// bolt never gives them back to the disk. The content does not change. The store can be read
// and written meanwhile: writers wait only while the last few entries are copied, and readers
// never wait. A snapshot that is open goes on with the old file. The space of the old file
// becomes free when its last snapshot ends.
//
// The new file is written beside the old one, and replaces it when it is complete, has been
// read back, and is durable. So a crash at any moment leaves one good file. The next [Open]
// removes the remains of the other. The disk must have room for the part of the file that is
// in use, plus a tenth and 2 MiB. If it has less, Compact does nothing and returns [ErrFull],
// which says how much is needed. After any other error the store is as it was, except after
// [ErrUnknownOutcome]: then the folder could not be synced, and the store takes no writes
// until it is opened again.
//
// If ctx ends or the store is closed before the new file replaces the old one, nothing has
// changed. Only one compaction runs at a time; another call waits for it and then compacts
// again. Compact returns errors.ErrUnsupported where an open file cannot be replaced or files
// cannot be locked (Windows, Android, Solaris, AIX); [Salvage] makes a compact copy there. It
// returns [ErrHardLinks] if the file has other names, and [ErrCorrupt] if it is damaged.
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

// canReplace returns how much of the file is in use. It returns an error if the file of the
// store cannot be replaced.
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
	return u, fsx.Room(f.OSFile(), u.Live()+u.Live()/10, 0) // a compaction makes room, so it may use what MinFree keeps
}

// compactFile compacts the file. Nobody else may compact it meanwhile.
func (s *Store) compactFile(ctx context.Context) (result *Compacted, err error) {
	u, err := s.canReplace()
	if err != nil {
		return nil, err
	}
	c := &compaction{store: s, ctx: ctx, becomes: u.Live(), old: s.readers.hold(), progress: tellBytes(s.opt.tellOf(ctx), "compacting")}
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
	s.readers.release(c.old) // ends the store's own use of the old file
	s.scrub.found(s.opt.Now())
	result = &Compacted{Before: before.Size(), WritersWaited: c.waited}
	if after, serr := c.file.OSFile().Stat(); serr == nil {
		result.After = after.Size()
	} else {
		err = errors.Join(err, serr)
	}
	return result, err
}

const leastFree = boltfile.GrowStep // free bytes from which on a compaction is worth its cost

const compactAgain = time.Hour // wait after a compaction that failed
