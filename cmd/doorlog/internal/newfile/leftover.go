package newfile

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
)

// Until it is whole, a file has a name such as .NAME.new-123 beside its own. A killed
// process leaves it there. The next process that writes to the same place removes it,
// unless it is locked: then somebody is still writing it.

// createLocked makes such a file, and locks it until unlock is called.
func createLocked(dir, base string) (f *os.File, unlock func(), err error) {
	removeLeftovers(dir, base)
	for {
		if f, err = os.CreateTemp(dir, "."+base+".new-*"); err != nil {
			return nil, nil, err
		}
		unlock, err := lockFile(f.Name())
		// Before it was locked another process may have removed it as a leftover. Where files
		// cannot be locked, nobody removes leftovers.
		if !errors.Is(err, errLocked) && isThere(f) {
			return f, unlock, nil
		}
		unlock()
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}

// isThere reports whether an open file still has its name.
func isThere(f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(open, named)
}

// removeLeftovers removes what killed processes have left of a file, as far as it can.
func removeLeftovers(dir, base string) {
	isOne := regexp.MustCompile(`^\.` + regexp.QuoteMeta(base) + `\.new-\d+$`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !isOne.MatchString(e.Name()) {
			continue
		}
		name := filepath.Join(dir, e.Name())
		unlock, err := lockFile(name)
		if err == nil {
			_ = os.Remove(name)
		}
		unlock()
	}
}
