package doorlog

import (
	"context"
	"slices"
)

// If a prune had no proof that it may remove something, it held it back. For Stats, meta has a
// record with a list of sentences that say what the last prune held back. Its payload is
//
//	[sentence, …]

// keepHeldBack writes the sentences to meta if they have changed, and the state of the clock.
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
