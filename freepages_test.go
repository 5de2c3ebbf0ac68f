package doorlog_test

import (
	"runtime"
	"testing"

	"github.com/doorlog/doorlog"
)

// A commit has as much to do whether few pages are free or many: it does not go
// through all of them.
func TestAWriteCostsTheSameWhateverIsFree(t *testing.T) {
	const events, writes = 30_000, 256
	s := newStore(t)
	ago := events + 3*writes // minutes
	load := func(n int) {
		list := make([]doorlog.Event, n)
		for i := range list {
			list[i] = motion("front_door", ago)
			ago--
		}
		if _, err := s.WriteEvents(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	// allocated returns the bytes that a lone write allocates.
	allocated := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range writes {
			load(1)
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / writes
	}
	for range events / 1000 {
		load(1000)
	}
	few := allocated()
	if _, err := s.Prune(t.Context(), doorlog.Policy{MaxEvents: 1000}); err != nil {
		t.Fatal(err)
	}
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	many := allocated()
	t.Logf("%d bytes a write, and %d with %d free pages", few, many, st.FreePages)
	if many > few+few/8 {
		t.Errorf("a write allocates %d bytes, and %d with many free pages", few, many)
	}
}
