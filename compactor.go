package doorlog

import (
	"context"
	"errors"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/pace"
)

const (
	looksAfter   = 64                // transactions
	leastFree    = boltfile.GrowStep // bytes for which it is worth while
	compactAgain = time.Hour         // after one that failed
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

// usage returns what the newest state takes of the file.
func (s *Store) usage() boltfile.Usage {
	f := s.readers.hold()
	defer s.readers.release(f)
	return f.Usage()
}
