package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
)

// errLocked means that somebody else has a file locked.
var errLocked = errors.New("locked by another process")

// A file is written under a name of this form beside its own until it is whole. A process
// that is killed leaves it; the next one that writes to the same place removes it, unless
// somebody has it locked, who is still writing.
func newName(base string) string { return "." + base + ".new-*" }

// createLocked makes such a file in a folder, and locks it until unlock is called.
func createLocked(dir, base string) (f *os.File, unlock func(), err error) {
	removeLeftovers(dir, base)
	for {
		if f, err = os.CreateTemp(dir, newName(base)); err != nil {
			return nil, nil, err
		}
		unlock, err := lockFile(f.Name())
		there := sameFile(f.Stat, func() (os.FileInfo, error) { return os.Lstat(f.Name()) })
		// Before it was locked another process may have taken it for a leftover. Where there
		// are no locks none does.
		if there && !errors.Is(err, errLocked) {
			return f, unlock, nil
		}
		unlock()
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}

// removeLeftovers removes what processes that were killed have left of a file. It is of no
// account if it cannot.
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
