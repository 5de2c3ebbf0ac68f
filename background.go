package doorlog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/pace"
)

// startCompactor starts the background compaction that Options.CompactAt asks for.
func (s *Store) startCompactor() {
	if s.opt.CompactAt == 0 {
		return
	}
	look := make(chan struct{}, 1)
	look <- struct{}{}
	s.commits.look = look
	s.active.Go(func() {
		for s.life.Err() == nil {
			select {
			case <-look:
			case <-s.life.Done():
				return
			}
			err := s.compactIfWorthWhile(s.life)
			if err == nil || s.life.Err() != nil {
				continue
			}
			s.opt.Logger.Warn("doorlog: the file could not be compacted", "file", s.path, "error", err)
			if errors.Is(err, errors.ErrUnsupported) || pace.Pause(s.life, compactAgain) != nil {
				return
			}
		}
	})
}

func (s *Store) compactIfWorthWhile(ctx context.Context) error {
	err := s.longCall(ctx, func(ctx context.Context) error {
		u := s.usage()
		if u.Free*u.PageSize < leastFree || float64(u.Free) < s.opt.CompactAt*float64(u.Pages) {
			return nil
		}
		done, err := s.compactFile(ctx)
		if err == nil {
			s.opt.Logger.Info("doorlog: the file was compacted", "file", s.path, "before", done.Before, "after", done.After)
		}
		return err
	})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// startRetention starts the background pruning that Options.Retention asks for.
func (s *Store) startRetention() {
	if s.opt.Retention == nil {
		return
	}
	s.active.Go(func() {
		var said []string
		for wait := time.Duration(0); pace.Pause(s.life, wait) == nil; wait = s.opt.RetentionEvery {
			s.retainOnce(s.life, &said)
		}
	})
}

// retainOnce prunes once. said is what has been logged last about events that are held
// back.
func (s *Store) retainOnce(ctx context.Context, said *[]string) {
	policy := *s.opt.Retention
	policy.TrustClock, policy.Orphans = false, false // no person has looked
	gone, err := s.Prune(ctx, policy)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		s.opt.Logger.Warn("doorlog: retention has stopped until its next turn", "file", s.path, "error", err)
	}
	if gone == nil {
		return
	}
	if !slices.Equal(gone.HeldBack, *said) { // log a change once, not at every prune
		for _, why := range gone.HeldBack {
			s.opt.Logger.Warn("doorlog: retention is held back", "file", s.path, "why", why)
		}
		*said = gone.HeldBack
	}
	if gone.Events+gone.Thumbnails+gone.Orphans > 0 {
		s.opt.Logger.Info("doorlog: retention has removed", "file", s.path, "events", gone.Events,
			"thumbnails", gone.Thumbnails, "thumbnail_bytes", gone.ThumbnailBytes, "orphans", gone.Orphans)
	}
}

// startScrub starts the background verification that Options.Scrub asks for.
func (s *Store) startScrub() {
	scrubbed := s.readers.file.IsKnown() // Open may have read all of it
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

// scrubOnce compares all pages of the file, as they are now, with their sums.
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
