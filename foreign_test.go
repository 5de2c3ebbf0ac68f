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
	empty := make([]byte, pageLen) // as the root was when bolt made the file
	native.PutUint16(empty[8:], isLeaf)
	pages := [][]byte{empty}
	for _, other := range m.used() {
		if other != root && m.flags(other) == isLeaf {
			pages = append(pages, m.page(other))
		}
	}
	for other, page := range pages {
		path := filepath.Join(t.TempDir(), "events.db")
		image := &fileImage{data: bytes.Clone(m.data)}
		copy(image.page(root), page)
		native.PutUint64(image.page(root), root)
		writeFile(t, path, image.data)
		_, err := doorlog.Open(path, damageOptions())
		wantError(t, err, doorlog.ErrCorrupt, path)
		if v, err := doorlog.Verify(t.Context(), path, damageOptions()); err != nil || v.Sound() {
			t.Errorf("leaf %d in the place of the root: %+v, %v", other, v, err)
		}
		salvaged, err := doorlog.Salvage(t.Context(), path, filepath.Join(t.TempDir(), "fresh.db"), nil)
		if err != nil || salvaged.Events == 0 {
			t.Errorf("leaf %d in the place of the root: %+v, %v", other, salvaged, err)
		}
	}
}
