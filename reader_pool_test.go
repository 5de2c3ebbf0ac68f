package doorlog_test

import (
	"os"
	"testing"

	"github.com/doorlog/doorlog"
)

// While a transaction is under way one reader serves those who read one after the other.
func TestReadersAreKeptWhileATransactionIsUnderWay(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("garage", 2))
	kept := -1
	s.BesideCommits(func() {
		s.all(t, doorlog.Query{})
		kept = s.IdleReaders()
	}, func() {})
	s.write(t, motion("garage", 1))
	s.FailCommits(false, nil)
	if left := s.IdleReaders(); kept != 1 || left != 0 {
		t.Errorf("%d readers were kept during the transaction, and %d after it", kept, left)
	}
}

// What one reader has seen of a transaction that nobody has been told of yet, the next
// sees too.
func TestNobodySeesAnOlderStateThanSomebodyHas(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("garage", 2))
	count := func() int { return len(s.all(t, doorlog.Query{})) }
	s.BesideCommits(func() {
		count() // leaves a reader of the state before
	}, func() {
		err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
			if old, err := sn.Recent(9); err != nil || len(old) != 1 {
				t.Errorf("%d events, %v", len(old), err)
			}
			if n := count(); n != 2 { // beside it, by a new reader
				t.Errorf("%d events", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		for range 3 {
			if n := count(); n != 2 {
				t.Errorf("%d events, after somebody has seen 2", n)
			}
		}
	})
	s.write(t, motion("garage", 1))
	s.FailCommits(false, nil)
}

// A writer who has the file mapped anew waits for all readers, and not for idle ones.
func TestAFileOutgrowsItsMapBesideReaders(t *testing.T) {
	defer doorlog.SetMapSize(64 << 10)()
	s := newStore(t)
	size := func() int64 {
		info, err := os.Stat(s.path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	s.BesideCommits(func() { s.all(t, doorlog.Query{Limit: 1}) }, func() {})
	before := size()
	for i := 0; size() < 3*before; i++ {
		s.write(t, heavy(i))
	}
	s.FailCommits(false, nil)
}
