package fault

import "errors"

// Errors about the file of a store, or the place where it is. The root package documents
// what a caller can do about each.
var (
	ErrSymlink   = errors.New("a symbolic link, which doorlog does not follow: move what it leads to into its place, or mount it there")
	ErrHardLinks = errors.New("the file has other names (hard links), which would keep the old one: remove them first")
	ErrCorrupt   = errors.New("corrupt")
	ErrLocked    = errors.New("locked by another process")
	ErrNoLocks   = errors.New("its file system has no locks, which keep two processes from writing at once; " +
		"put the database on a local disk (the thumbnails may stay)")
	ErrFull      = errors.New("no space left")
	ErrNotStore  = errors.New("not a doorlog store")
	ErrByteOrder = errors.New("written on a machine of the other byte order; export it there and import it here")
	ErrMoved     = errors.New("the file of the store was moved or removed while it was open")
	ErrFailed    = errors.New("store has stopped taking writes")
)
