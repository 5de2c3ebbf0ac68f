package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// An open file can lose its name: somebody moves it, removes it, puts another one in
// its place, or does so with a folder above it. What is written then is gone when the
// store is closed, or is in a file that nobody opens any more. So whoever is about to
// write looks whether the path of the store still leads to the file.

// lookEvery is how much time may pass between two looks while events are written. A
// write after a pause of that length looks first.
const lookEvery = 250 * time.Millisecond

// leadsTo is ErrMoved, and says what is there, if a path does not lead to an open file.
// Links are followed. Where the system does not say, as to a process that has given up
// the rights with which it opened the file, the file counts as there.
func leadsTo(path string, f *os.File) error {
	there, err := os.Stat(path)
	open, ferr := f.Stat()
	what := "another file is"
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP):
		what = "nothing is"
	case err != nil || ferr != nil || os.SameFile(open, there):
		return nil //nolint:nilerr // it says nothing
	case there.IsDir():
		what = "a folder is"
	}
	return fmt.Errorf("%w: %s at %s", ErrMoved, what, path)
}

// hasOneName is ErrHardLinks if an open file has several names.
func hasOneName(f *os.File) error {
	info, err := f.Stat()
	if err == nil && hasOtherNames(info) {
		err = ErrHardLinks
	}
	return err
}

// absolute returns a path that does not depend on the current folder. It is not cleaned:
// behind a link, ".." is not the folder in which that is.
func absolute(path string) string {
	here, err := os.Getwd()
	switch {
	case filepath.IsAbs(path) || err != nil:
		return path
	case runtime.GOOS == "windows": // where each drive has a current folder
		if at, err := filepath.Abs(path); err == nil {
			return at
		}
		return path
	}
	return here + string(filepath.Separator) + path
}

// checkPlace stops the writes if the path of the store does not lead to its file any
// more, and is ErrFailed then. The leader calls it before a commit.
func (c *committer) checkPlace() error {
	if time.Since(c.looked) < lookEvery {
		return nil
	}
	c.looked = time.Now()
	if err := leadsTo(c.path, c.file.osFile()); err != nil {
		_ = c.fail(err)
	}
	return c.failed()
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
	err := leadsTo(s.at, f.osFile())
	s.readers.release(f)
	if err == nil || s.commits == nil {
		return err
	}
	// A compaction may have put its file there just now. While nobody writes it does not.
	c := s.commits
	return c.exclusively(ctx, func() error {
		if err = leadsTo(s.at, c.file.osFile()); err != nil {
			err = c.fail(err)
		}
		return err
	})
}

// hasMoved reports whether the writes have stopped because the file has lost its name.
func (c *committer) hasMoved() bool {
	failure := c.failure.Load()
	return failure != nil && errors.Is(*failure, ErrMoved)
}
