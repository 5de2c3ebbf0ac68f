package doorlog_test

import (
	"testing"

	"github.com/doorlog/doorlog"
)

// Events, which reads page by page, beside the same loop in one snapshot: over all
// events, and one that ends after a few.
func BenchmarkEventsBesideOneSnapshot(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	oneSnapshot := func(q doorlog.Query, n int) error {
		return s.View(b.Context(), func(sn *doorlog.Snapshot) error {
			for _, err := range sn.Events(q) {
				if n--; err != nil || n == 0 {
					return err
				}
			}
			return nil
		})
	}
	pages := func(q doorlog.Query, n int) error {
		for _, err := range s.Events(b.Context(), q) {
			if n--; err != nil || n == 0 {
				return err
			}
		}
		return nil
	}
	for _, loop := range []struct {
		name string
		of   doorlog.Query
		n    int
	}{
		{"all", doorlog.Query{OldestFirst: true}, -1},
		{"the first", doorlog.Query{}, 1},
		{"the first 20", doorlog.Query{}, 20},
		{"limit 20", doorlog.Query{Limit: 20}, -1},
		{"limit 20 of a rare pair", doorlog.Query{Cameras: []string{"garage"}, Persons: []string{"visitor"}, Limit: 20}, -1},
		{"a label", doorlog.Query{Labels: []string{"dog"}}, -1},
	} {
		b.Run(loop.name, func(b *testing.B) {
			sideBySide(b, "x-snapshot",
				func() error { return pages(loop.of, loop.n) }, func() error { return oneSnapshot(loop.of, loop.n) })
		})
	}
}
