package doorlog

import (
	"context"
	"slices"
)

// What the last Prune did not remove, because it had no proof that it may, is a
// record in meta, for Stats: a list of sentences. Its payload is
//
//	[sentence, …]

// keepHeldBack keeps the sentences, if they are others than before, and the state of
// the clock.
func (s *Store) keepHeldBack(ctx context.Context, heldBack []string) error {
	sn, err := s.look(ctx)
	if err != nil {
		return err
	}
	var before []string
	err = sn.read(func(in guarded) (err error) {
		before, err = readHeldBack(in)
		return err
	})
	sn.close()
	_, stale := s.clock.stale(false)
	if err != nil || slices.Equal(before, heldBack) && !stale {
		return err
	}
	return s.commits.makeRoom(ctx, func(w *writeTx) error {
		w.changes++
		if len(heldBack) == 0 {
			return w.tx.Delete(metaNumber, metaHeldBack)
		}
		return w.tx.Put(metaNumber, metaHeldBack, stateRecord.encode(metaHeldBack, func(e *encoder) {
			e.array(len(heldBack))
			for _, text := range heldBack {
				e.text(text)
			}
		}))
	})
}
