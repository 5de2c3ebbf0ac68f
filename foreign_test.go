package doorlog_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// A store whose root page is another page is damaged. It is not taken for a file that was never a
// store, and its records can be saved.
func TestAStoreWithoutItsRootPageIsDamaged(t *testing.T) {
	s := newStore(t)
	for i := range 3 * doorlog.FoldAt {
		s.write(t, motion("garage", i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m := &fileImage{data: readFile(t, s.path)}
	root := native.Uint64(m.meta(m.newest())[16:])
	tried := 0
	for _, other := range m.used() {
		if other == root || m.flags(other) != isLeaf {
			continue
		}
		tried++
		path := filepath.Join(t.TempDir(), "events.db")
		image := &fileImage{data: bytes.Clone(m.data)}
		copy(image.page(root), m.page(other))
		native.PutUint64(image.page(root), root)
		writeFile(t, path, image.data)
		_, err := doorlog.Open(path, damageOptions())
		wantError(t, err, doorlog.ErrCorrupt, path)
		if v, err := doorlog.Verify(t.Context(), path, damageOptions()); err != nil || v.Sound() {
			t.Errorf("page %d in the place of the root: %+v, %v", other, v, err)
		}
		salvaged, err := doorlog.Salvage(t.Context(), path, filepath.Join(t.TempDir(), "fresh.db"), nil)
		if err != nil || salvaged.Events == 0 {
			t.Errorf("page %d in the place of the root: %+v, %v", other, salvaged, err)
		}
	}
	if tried == 0 {
		t.Error("there is no other leaf")
	}
}
