package doorlog

import (
	"errors"
	"testing"
)

// A ToldChange is a change as the store keeps it.
type ToldChange struct {
	Op ChangeOp
	ID ID
}

// ToldChanges returns the changes after the first n, and how many there are in all.
func ToldChanges(t testing.TB, s *Store, n int) (told []ToldChange, all int) {
	t.Helper()
	sn, err := s.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sn.close()
	err = sn.read(func(in guarded) error {
		h, err := in.history()
		if err != nil {
			return err
		}
		for scan := in.changesFrom(&h, uint64(n)+1); ; {
			c, err := scan.next()
			if errors.Is(err, errChanges) {
				all = int(h.last)
				return nil
			}
			if err != nil {
				return err
			}
			told = append(told, ToldChange{c.op, c.id})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return told, all
}
