package doorlog

import (
	"context"

	"github.com/doorlog/doorlog/internal/fsx"
)

// noticeOlderCopy begins another incarnation if the store has come to less than the
// claim of its folder says: an older copy of its file was put in the place of it. The
// next commit writes it, if this one cannot.
func (s *Store) noticeOlderCopy(ctx context.Context) error {
	commit, err := s.commit(ctx)
	if err != nil {
		return err
	}
	root, err := s.thumbs.open(false)
	if err != nil {
		return fsx.IgnoreNotExist(err)
	}
	own, _, err := s.thumbs.claims(root)
	if err != nil || own == nil || own.incarnation != s.thumbs.incarnation || own.commit <= commit {
		return err
	}
	s.opt.Logger.Warn("doorlog: the file is an older copy: its thumbnail folder knows a later state",
		"file", s.path, "commit", commit, "known", own.commit)
	if s.thumbs.incarnation, err = s.ids.next(s.opt.Now()); err != nil {
		return err
	}
	s.commits.lineage = &lineage{incarnation: s.thumbs.incarnation}
	return s.commits.makeRoom(ctx, func(w *writeTx) error {
		w.changes++
		return nil
	})
}

// advanceClaim writes down, at the end, to which commit the store has come, if its
// folder has a thumbnail more than before.
func (s *Store) advanceClaim() {
	if !s.thumbs.hasSaved() {
		return
	}
	if err := s.thumbs.advance(); err != nil {
		s.opt.Logger.Warn("doorlog: the claim of the thumbnail folder is behind", "error", err)
	}
}
