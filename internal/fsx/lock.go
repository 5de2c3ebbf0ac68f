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
	Timeout  time.Duration // how long to wait if another process has locked the file
}

// OpenLocked opens a file and locks it as bolt will: exclusively, or shared if how.ReadOnly
// is set. The lock keeps others from writing while the file is examined, which must be
// before bolt maps it. If the lock is not free within how.Timeout, OpenLocked returns
// [fault.ErrLocked].
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
		// Another process has the lock, or has put another file at path.
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

// LockError returns [fault.ErrNoLocks] if err says that the file system has no locks, and
// err otherwise.
func LockError(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: %v", fault.ErrNoLocks, err) //nolint:errorlint // callers must not take it for an unsupported method
	}
	return err
}

const lockRetry = 10 * time.Millisecond

// IsAt reports whether path leads to the open file f.
func IsAt(f *os.File, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there), err
}
