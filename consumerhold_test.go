package doorlog_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/doorlog/doorlog"
)

// changePersons adds changes, of two persons in turn.
func (s *testStore) changePersons(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: fmt.Sprint("person", i%2), DisplayName: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *testStore) keptChanges(t *testing.T) int {
	t.Helper()
	stats, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats.Changes
}

func TestHoldOfAConsumerCanBeChangedWhenTheFirstChangesAreGone(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	s.changePersons(t, 400)
	at, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Consumer(t.Context(), "fleet", &doorlog.ConsumerOptions{From: at}); err != nil {
		t.Fatal(err)
	}
	fleet, err := s.Consumer(t.Context(), "fleet", &doorlog.ConsumerOptions{Hold: 500})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fleet.Cursor(t.Context()); err != nil || got != at {
		t.Errorf("the consumer is at %q (%v), want %q", got, err, at)
	}
	list, err := s.Consumers(t.Context())
	if err != nil || len(list) != 1 || list[0].Hold != 500 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Nothing is kept for a consumer that gets ErrGone, however large its Hold is made then.
func TestNothingIsHeldForAConsumerThatIsGone(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	fleet, err := s.Consumer(t.Context(), "fleet", &doorlog.ConsumerOptions{Hold: 100})
	if err != nil {
		t.Fatal(err)
	}
	s.changePersons(t, 600)
	const most = 200 // 64, those of the consumer, and a part of a block
	if n := s.keptChanges(t); n > most {
		t.Fatalf("%d changes are kept", n)
	}
	for _, err := range fleet.Changes(t.Context(), nil) {
		if !errors.Is(err, doorlog.ErrGone) {
			t.Fatalf("the consumer gets %v, want ErrGone", err)
		}
		break
	}
	if _, err := s.Consumer(t.Context(), "fleet", &doorlog.ConsumerOptions{Hold: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	s.changePersons(t, 600)
	if n := s.keptChanges(t); n > most {
		t.Errorf("%d changes are kept after the Hold was made larger", n)
	}
}

func (s *testStore) cursor(t testing.TB) doorlog.Cursor {
	t.Helper()
	c, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
