package doorlog_test

import (
	"testing"

	"github.com/doorlog/doorlog"
)

// One event in the tail does not keep all changes after it for ever.
func TestAShortTailDoesNotStopTrimming(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{KeepChanges: 64})
	s.write(t, motion("garage", 0))
	s.changePersons(t, 1000)
	const most = 64 + 256 + 2*64
	if n := s.keptChanges(t); n > most {
		t.Errorf("%d changes are kept, want %d at most", n, most)
	}
}
