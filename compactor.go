package doorlog

import (
	"context"
	"errors"
	"time"
)

const (
	looksAfter   = 64        // transactions
	leastFree    = growStep  // bytes for which it is worth while
	compactAgain = time.Hour // after one that failed
)

// startCompactor has the file compacted by itself when Options.CompactAt says so.
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
			if errors.Is(err, errors.ErrUnsupported) || pause(s.life, compactAgain) != nil {
				return
			}
		}
	})
}

func (s *Store) compactIfWorthWhile(ctx context.Context) error {
	err := s.longCall(ctx, func(ctx context.Context) error {
		u := s.usage()
		if u.free*u.pageSize < leastFree || float64(u.free) < s.opt.CompactAt*float64(u.pages) {
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

// usage is what a state takes of the file.
type usage struct{ pages, free, pageSize int64 }

func (u usage) live() int64 { return (u.pages - u.free) * u.pageSize }

// usage returns what the newest state takes of the file.
func (s *Store) usage() usage {
	f := s.readers.hold()
	defer s.readers.release(f)
	return f.usage()
}
