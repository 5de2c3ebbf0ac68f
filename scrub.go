package doorlog

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A scrubber verifies the file of an open store from time to time.
type scrubber struct {
	stop context.CancelFunc
	done chan struct{} // closed when it has ended

	mu   sync.Mutex
	busy bool
	last time.Time // when the file was last found sound
}

// startScrub starts the scrubber; end ends it, and waits for that.
func (s *Store) startScrub() {
	if s.file.scrubbed {
		s.scrub.last = s.opt.Now()
	}
	if s.opt.Scrub < 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.scrub.stop, s.scrub.done = stop, make(chan struct{})
	go func() {
		defer close(s.scrub.done)
		wait := s.opt.Scrub
		if !s.file.scrubbed {
			wait = 0
		}
		for pause(ctx, wait) == nil {
			s.scrubOnce(ctx)
			wait = s.opt.Scrub
		}
	}()
}

func (c *scrubber) end() {
	if c.stop != nil {
		c.stop()
		<-c.done
	}
}

// scrubOnce reads the whole file as it is now.
func (s *Store) scrubOnce(ctx context.Context) {
	if s.enter() != nil {
		return
	}
	defer s.leave()
	s.scrub.set(true, time.Time{})
	x, sn, err := s.examineState(ctx, halfTime(ctx))
	if err == nil {
		sn.close()
		err = x.err()
	}
	sound := time.Time{}
	switch {
	case err == nil:
		sound = s.opt.Now()
	case errors.Is(err, ErrCorrupt):
		s.condemn(err)
	case ctx.Err() == nil:
		s.opt.Logger.Warn("doorlog: the file could not be verified", "file", s.path, "error", err)
	}
	s.scrub.set(false, sound)
}

func (c *scrubber) set(busy bool, sound time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = busy
	if !sound.IsZero() {
		c.last = sound
	}
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
