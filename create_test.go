package doorlog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// A store that cannot be made, or cannot be read once it is made, leaves nothing
// behind under any name.
func TestACreationThatFailsLeavesNothing(t *testing.T) {
	for call := range 2 { // as it is made, and as it is read back
		dir := t.TempDir()
		calls := 0
		_, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{
			OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
				if calls++; calls > call {
					return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrPermission}
				}
				return os.OpenFile(name, flag, perm)
			},
		})
		wantError(t, err, os.ErrPermission, "create")
		wantNames(t, dir)
	}
}

// What a disk gives back may be something else than what was written to it.
func TestANewStoreIsReadBackBeforeItHasItsName(t *testing.T) {
	dir := t.TempDir()
	calls := 0
	_, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, perm)
			if calls++; err == nil && calls == 2 {
				_, err = f.WriteAt(make([]byte, 2*pageLen), 0)
			}
			return f, err
		},
	})
	wantError(t, err, doorlog.ErrNotStore, "create")
	wantNames(t, dir)
}
