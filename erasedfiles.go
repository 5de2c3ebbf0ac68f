package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/doorlog/doorlog/internal/fsx"
)

// The files of thumbnails that an erasure is about to remove are noted in meta, by
// the transaction that takes them from their events, and the note goes with the
// next transaction: a crash in between must leave no picture of the person, and
// Open removes what is noted. It is a record whose payload is
//
//	[path, …]

// setRemoving notes the files, in the place of those that were noted before.
func (w *writeTx) setRemoving(paths []string) error {
	w.changes++
	if len(paths) == 0 {
		return w.tx.Delete(metaNumber, metaRemoving)
	}
	return w.tx.Put(metaNumber, metaRemoving, stateRecord.encode(metaRemoving, func(e *encoder) {
		e.array(len(paths))
		for _, p := range paths {
			e.text(p)
		}
	}))
}

// finishErasure is finishRemoving in the background. Which files an event names is to be
// known, so the file has been verified.
func (s *Store) finishErasure() {
	unlock, err := s.rewrites.Lock(s.life) // an erasure notes files of its own
	if err != nil {
		return
	}
	defer unlock()
	if err := s.finishRemoving(s.life); err != nil && s.life.Err() == nil {
		s.opt.Logger.Warn("doorlog: thumbnails that an erasure was about to remove are left", "error", err)
	}
}

// finishRemoving removes the files that are noted, and the note.
func (s *Store) finishRemoving(ctx context.Context) error {
	var paths []string
	// A snapshot beside a write would keep free pages from it, which a full store needs.
	err := s.commits.exclusively(ctx, func() error {
		sn, err := s.look(ctx)
		if err != nil {
			return err
		}
		defer sn.close()
		return sn.read(func(in guarded) (err error) {
			paths, err = removingFiles(in)
			return err
		})
	})
	if err != nil || len(paths) == 0 {
		return err
	}
	_, _, gone, err := s.removeFiles(ctx, paths)
	if err != nil || len(gone) == len(paths) {
		return err
	}
	// What is not there may be in another folder, with which the store is opened
	// the next time. It stays noted until the next erasure.
	return s.commits.makeRoom(ctx, func(w *writeTx) error { return w.setRemoving(gone) })
}

// removeFiles removes the files that no event names, for good when it returns. It
// returns how many there were, those that an event names, and those that were not
// there.
func (s *Store) removeFiles(ctx context.Context, paths []string) (removed int, kept, gone []string, err error) {
	folders := make(map[string]bool)
	for _, p := range paths {
		there, used, err := s.removeUnnamed(ctx, p)
		if err != nil {
			return removed, kept, gone, fmt.Errorf("thumbnail %s: %w", p, err)
		}
		switch {
		case used:
			kept = append(kept, p)
		case there:
			removed++
		default:
			gone = append(gone, p)
		}
		folders[path.Dir(p)] = true
	}
	root, err := s.thumbs.open(false)
	if errors.Is(err, fs.ErrNotExist) {
		return removed, kept, gone, nil
	}
	for dir := range folders {
		if err == nil {
			err = fsx.IgnoreNotExist(fsx.SyncInside(root, dir))
		}
	}
	return removed, kept, gone, err
}

// removeUnnamed removes a file unless an event names it. there: there was one.
func (s *Store) removeUnnamed(ctx context.Context, name string) (there, used bool, err error) {
	if id, final, ok := thumbnailID(name); ok && final {
		unlock, err := s.busy.Lock(ctx, id)
		if err != nil {
			return false, false, err
		}
		defer unlock()
	} else {
		s.thumbs.named.Lock()
		defer s.thumbs.named.Unlock()
	}
	if used, err = s.thumbnailUsed(ctx, name); used || err != nil {
		return used, used, err
	}
	root, err := s.thumbs.open(false)
	if err == nil {
		err = s.thumbs.unlink(root, name)
	}
	return err == nil, false, fsx.IgnoreNotExist(err)
}
