package doorlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// An open file can lose its name: somebody moves it, removes it, puts another one in
// its place, or does so with a folder above it. What is written then is gone when the
// store is closed, or is in a file that nobody opens any more. So whoever is about to
// write looks whether the path of the store still leads to the file.

// lookEvery is how much time may pass between two looks while events are written. A
// write after a pause of that length looks first.
const lookEvery = 250 * time.Millisecond

// checkPlace stops the writes if the path of the store does not lead to its file any
// more, and is ErrFailed then. The leader calls it before a commit.
func (c *committer) checkPlace() error {
	if time.Since(c.looked) < lookEvery {
		return nil
	}
	c.looked = time.Now()
	if err := fsx.LeadsTo(c.path, c.file.OSFile()); err != nil {
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

// hasMoved reports whether the writes have stopped because the file has lost its name.
func (c *committer) hasMoved() bool {
	failure := c.failure.Load()
	return failure != nil && errors.Is(*failure, ErrMoved)
}
