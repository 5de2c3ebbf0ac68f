package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/doorlog/doorlog/internal/fsx"
)

// An erasure must leave no picture of the person, even after a crash. So the transaction that
// takes the names of thumbnails off their events also writes a list of the files to meta. The files are
// removed after that, and the next transaction removes the list. If a list is left, Open
// removes its files. The list is a record whose payload is
//
//	[path, …]

// setRemoving replaces the list in meta. If paths is empty, it removes the list.
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

// finishErasure runs finishRemoving in the background. It must be known which files events
// name, so the database file must have been verified before.
func (s *Store) finishErasure() {
	unlock, err := s.rewrites.Lock(s.life) // an erasure writes a list of its own
	if err != nil {
		return
	}
	defer unlock()
	if err := s.finishRemoving(s.life); err != nil && s.life.Err() == nil {
		s.opt.Logger.Warn("doorlog: thumbnails that an erasure was about to remove are left", "error", err)
	}
}

// finishRemoving removes the files of the list in meta, and then takes them off the list.
func (s *Store) finishRemoving(ctx context.Context) error {
	var paths []string
	// The snapshot ends before anybody writes. During a write it would hold free pages
	// that a full store needs.
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
	// A file that is not there may be in another folder, with which the store is opened
	// next time. It stays in the list until the next erasure.
	return s.commits.makeRoom(ctx, func(w *writeTx) error { return w.setRemoving(gone) })
}

// removeFiles durably removes those of the files that no event names. removed is their
// number; kept are the files that an event names; gone are those that did not exist.
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

// removeUnnamed removes a file unless an event names it. there reports whether the file
// existed, used whether an event names it.
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
