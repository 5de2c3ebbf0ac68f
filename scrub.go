package doorlog

import (
	"context"
	"errors"
	"sync"
	"time"
)

// scrubs are what is known of the verifications of the file.
type scrubs struct {
	mu    sync.Mutex
	busy  bool
	last  time.Time        // when the file was last found sound
	sizes map[string]int64 // then: bytes of each bucket; not changed any more
}

// startScrub has the file verified from time to time.
func (s *Store) startScrub() {
	scrubbed := s.readers.file.scrubbed
	if scrubbed {
		s.scrub.last, s.scrub.sizes = s.opt.Now(), s.readers.file.sizes
	}
	if s.opt.Scrub < 0 {
		return
	}
	s.active.Go(func() {
		wait := s.opt.Scrub
		if !scrubbed {
			wait = 0
		}
		for ; pause(s.life, wait) == nil; wait = s.opt.Scrub {
			s.scrubOnce(s.life)
		}
	})
}

// scrubOnce reads the whole file as it is now.
func (s *Store) scrubOnce(ctx context.Context) {
	if s.enter() != nil {
		return
	}
	defer s.leave()
	s.scrub.set(true)
	x, sn, err := s.examineState(ctx, halfTime(ctx))
	if err == nil {
		sn.close()
		err = x.err()
	}
	switch {
	case err == nil:
		s.scrub.found(s.opt.Now(), x.sizes())
	case errors.Is(err, ErrCorrupt):
		s.condemn(err)
	case ctx.Err() == nil:
		s.opt.Logger.Warn("doorlog: the file could not be verified", "file", s.path, "error", err)
	}
	s.scrub.set(false)
}

// found says that the file was read whole and found sound.
func (c *scrubs) found(at time.Time, sizes map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.sizes = at, sizes
}

func (c *scrubs) set(busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
}

// halfTime returns what is to be called before each page is read, and lets as
// much time go by, a piece at a time, as reading has taken.
func halfTime(ctx context.Context) func() error {
	const piece = 256
	pages, begun := 0, time.Now()
	return func() error {
		if pages++; pages%piece != 0 {
			return nil
		}
		err := pause(ctx, time.Since(begun))
		begun = time.Now()
		return err
	}
}

// pause waits; its error is that of a context that ends meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
