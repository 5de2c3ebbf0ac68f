package doorlog

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/pace"
)

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

// startScrub has the file verified from time to time.
func (s *Store) startScrub() {
	scrubbed := s.readers.file.IsKnown() // by Open, or by who has it opened
	if scrubbed {
		s.scrub.found(s.opt.Now())
	}
	if s.opt.Scrub < 0 {
		return
	}
	s.active.Go(func() {
		wait := s.opt.Scrub
		if !scrubbed {
			wait = 0
		}
		for ; pace.Pause(s.life, wait) == nil; wait = s.opt.Scrub {
			s.scrubOnce(s.life)
		}
	})
}

// scrubOnce compares all pages of the file as it is now with their sums.
func (s *Store) scrubOnce(ctx context.Context) {
	if s.enter() != nil {
		return
	}
	defer s.leave()
	unlock, err := s.scrub.turn.Lock(ctx)
	if err != nil {
		return
	}
	err = s.scrubFile(ctx, s.asidePace(ctx))
	unlock()
	if err == nil && s.commits != nil {
		s.finishErasure()
	}
	if err != nil && !errors.Is(err, ErrCorrupt) && ctx.Err() == nil {
		s.opt.Logger.Warn("doorlog: the file could not be verified", "file", s.path, "error", err)
	}
}

// scrubFile compares all pages of the file as it is now with their sums. Its caller has
// the turn.
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

// ensureVerified returns when the whole file has been verified since it was opened:
// before that, what is not found in it may be there.
func (s *Store) ensureVerified(ctx context.Context) error { return s.verifyFile(ctx, false) }

// verifyFile is ensureVerified, and with again set verifies the file in any case.
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

// scrubNow is scrubFile at once, and tells how far it is.
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

// asidePace returns what is to be called before each piece of a work in the background.
// It lets three times as much time go by as the piece before has taken, and lets a
// transaction that is under way end first, which would wait for the processor.
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
