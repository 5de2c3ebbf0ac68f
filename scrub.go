package doorlog

import (
	"context"
	"errors"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/pace"
)

// scrubFile compares all pages of the file with their sums. Its caller must hold
// scrub.turn.
func (s *Store) scrubFile(ctx context.Context, pace func() error) error {
	s.scrub.set(true)
	defer s.scrub.set(false)
	f := s.readers.hold()
	defer s.readers.release(f)
	err := f.Scrub(ctx, pace, func(again func() error) error {
		if s.commits == nil {
			return again() // nobody writes
		}
		return s.commits.exclusively(ctx, again)
	})
	switch {
	case err == nil:
		s.scrub.found(s.opt.Now())
	case errors.Is(err, ErrCorrupt):
		s.condemn(err)
	}
	return err
}

// ensureVerified returns when the whole file has been verified since it was opened.
// Before that, an entry that is not found may still be there, in a damaged page.
func (s *Store) ensureVerified(ctx context.Context) error { return s.verifyFile(ctx, false) }

// verifyFile is ensureVerified. If again is set, it verifies the file in any case.
func (s *Store) verifyFile(ctx context.Context, again bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	unlock, err := s.scrub.turn.Lock(ctx)
	if err == nil {
		defer unlock()
		if again || !s.scrub.isVerified() {
			err = s.scrubNow(ctx)
		}
	}
	if err != nil && s.life.Err() != nil {
		return ErrClosed
	}
	return err
}

// scrubNow is scrubFile without pauses, and reports its progress.
func (s *Store) scrubNow(ctx context.Context) error {
	u, told := s.usage(), tellBytes(s.opt.Progress, "verifying")
	told.knows(u.Pages * u.PageSize)
	err := s.scrubFile(ctx, func() error {
		told.add(boltfile.ComparedPages * u.PageSize)
		return nil
	})
	if err == nil {
		told.finish()
	}
	return err
}

// asidePace returns a function to call before each piece of work in the background. It
// pauses for three times as long as the last piece took. Then it lets other writes end
// that are under way: they would wait for the processor.
func (s *Store) asidePace(ctx context.Context) func() error {
	begun := time.Now()
	return func() error {
		err := pace.Pause(ctx, 3*time.Since(begun))
		for tries := 0; err == nil && tries < 100 && s.commits != nil && s.commits.others.waiting.Load() > 0; tries++ {
			err = pace.Pause(ctx, 100*time.Microsecond)
		}
		begun = time.Now()
		return err
	}
}
