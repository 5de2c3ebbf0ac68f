package doorlog_test

import (
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// steps prunes what is older than a minute, and returns how many events went with each
// transaction. After each it calls beside.
func (s *testStore) steps(t *testing.T, beside func()) (sizes []int) {
	t.Helper()
	s.onPruned(t, func(n int) {
		sizes = append(sizes, n)
		beside()
	})
	s.prune(t, doorlog.Policy{MaxAge: time.Minute})
	return sizes
}

// onPruned has removed called after each transaction of a prune of the oldest events,
// with how many have gone in it.
func (s *testStore) onPruned(t testing.TB, removed func(n int)) {
	t.Helper()
	var done int64
	s.options.Progress = func(p doorlog.Progress) {
		if p.Doing != "pruning" {
			return
		}
		n := p.Done - done
		if done = p.Done; n > 0 {
			removed(int(n))
		}
	}
	s.reopen(t)
}

// A prune takes few large transactions, and small ones once somebody else writes.
func TestPruneTakesLargeStepsWhileNobodyWrites(t *testing.T) {
	s := newStore(t)
	const n = 2048
	s.manyOld(t, n)
	if sizes := s.steps(t, func() {}); len(sizes) != 4 {
		t.Errorf("alone it took %d", sizes)
	}
	s.manyOld(t, n)
	sizes := s.steps(t, func() { s.write(t, motion("garage", 0)) })
	for i, size := range sizes {
		if i > 0 && size > doorlog.RemoveBeside {
			t.Errorf("beside a writer it took %d", sizes)
			break
		}
	}
}

// A rule that takes every second event makes transactions as large.
func TestPruneOfScatteredEventsTakesLargeSteps(t *testing.T) {
	s := newStore(t)
	const n = 2048
	s.manyOld(t, n)
	before := s.Transactions()
	s.prune(t, doorlog.Policy{Rules: []doorlog.Rule{{
		Name: "some", Match: doorlog.Match{Cameras: []string{"camera0", "camera2"}}, MaxAge: time.Minute,
	}}})
	if took := s.Transactions() - before; took > 3 {
		t.Errorf("%d events took %d transactions", n/2, took)
	}
}

// A crash after a transaction of a prune leaves no more pictures without an event than the
// next one removes by itself.
func TestPruneTakesFewPicturesAtOnce(t *testing.T) {
	s := newStore(t)
	for i := range 40 {
		s.writeFramed(t, motion("garage", 60+i), i)
	}
	for i, size := range s.steps(t, func() {}) {
		if want := min(16, 40-16*i); size != want {
			t.Errorf("transaction %d took %d pictures", i, size)
		}
	}
}
