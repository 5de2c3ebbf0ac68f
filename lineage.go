package doorlog

import (
	"context"

	"github.com/doorlog/doorlog/internal/fsx"
)

// noticeOlderCopy begins a new incarnation if the store has not reached the commit that its
// claim names: then somebody has put back an older copy of the file. If this write of the
// lineage fails, the next commit writes it.
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

// advanceClaim records in the claim, when the store is closed, which commit the store has
// reached. It does so only if a thumbnail was saved since the last time.
func (s *Store) advanceClaim() {
	if !s.thumbs.hasSaved() {
		return
	}
	if err := s.thumbs.advance(); err != nil {
		s.opt.Logger.Warn("doorlog: the claim of the thumbnail folder is behind", "error", err)
	}
}
