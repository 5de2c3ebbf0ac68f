package doorlog

import "testing"

// A compaction copies blocks of several moments, and catches up in the end. An old and a new version
// of a block may overlap until then, which is damage anywhere else.
func TestBlocksOfChangesMayOverlapInACopyOfSeveralMoments(t *testing.T) {
	for _, mixed := range []bool{false, true} {
		x := examination{mixed: mixed}
		for _, first := range []uint64{1, 3} {
			b := changeBlock{first: first}
			for range 3 {
				b.add(change{EventCreated, ID{1}})
			}
			x.lookAtChanges(b.encode())
		}
		if overlaps := x.damaged[changesSum] > 0; overlaps == mixed {
			t.Errorf("mixed is %v, and overlaps are reported: %v", mixed, overlaps)
		}
	}
}
