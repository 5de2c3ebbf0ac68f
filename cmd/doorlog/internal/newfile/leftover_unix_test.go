//go:build unix && !solaris && !illumos && !aix

package newfile

import (
	"os"
	"sync"
	"testing"
)

// Many write to the same place at once: none removes what another one is writing.
func TestWritersToOnePlaceLeaveEachOther(t *testing.T) {
	dir := t.TempDir()
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				f, unlock, err := createLocked(dir, "b")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(f.Name()); err != nil {
					t.Error(err)
				}
				_ = f.Close()
				if err := os.Remove(f.Name()); err != nil {
					t.Error(err)
				}
				unlock()
			}
		})
	}
	writers.Wait()
}
