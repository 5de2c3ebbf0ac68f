package fsx

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/internal/fault"
)

// An Opening says how a file is opened.
type Opening struct {
	Open     func(name string, flag int, perm os.FileMode) (*os.File, error)
	ReadOnly bool
	Timeout  time.Duration // how long another process is waited for that has it locked
}

// OpenLocked opens a file and locks it as bolt will: alone, or with others who
// read. What bolt does to a file that it has mapped could not be taken back, so
// the file must be examined before, and not be written to meanwhile.
func OpenLocked(path string, flag int, perm os.FileMode, how *Opening) (*os.File, error) {
	deadline := time.Now().Add(how.Timeout)
	for {
		f, err := how.Open(path, flag, perm)
		if err != nil {
			return nil, err
		}
		held, err := TryLock(f, !how.ReadOnly)
		err = LockError(err)
		if err == nil && !held {
			var same bool
			if same, err = IsAt(f, path); same {
				return f, nil
			}
		}
		// Held by another; or another file was put in its place meanwhile.
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fault.ErrLocked
		}
		if held {
			time.Sleep(lockRetry)
		}
	}
}

// LockError returns ErrNoLocks for what system calls say where there are none.
func LockError(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: %v", fault.ErrNoLocks, err) //nolint:errorlint // it is no ErrUnsupported of a method
	}
	return err
}

const lockRetry = 10 * time.Millisecond

// IsAt reports whether an open file is the one at path.
func IsAt(f *os.File, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there), err
}
