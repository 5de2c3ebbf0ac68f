package doorlog

import (
	"errors"
	"fmt"

	"github.com/doorlog/doorlog/internal/fault"
)

// Errors that callers tell apart with errors.Is. Every error of this package says what was
// being done, to what, and why. These are the reasons.
var (
	// ErrNotFound: there is no such event or person.
	ErrNotFound = errors.New("not found")

	// ErrExists: an event with this ID and other content exists.
	ErrExists = errors.New("already exists")

	// ErrInvalid: an argument cannot be stored or asked for. The text names the
	// field. Nothing was changed.
	ErrInvalid = fault.ErrInvalid

	// ErrTooLarge: something exceeds a size limit (MaxDetections, MaxFrameBytes,
	// MaxFramePixels, …). If an event or a person was refused for that reason, the error
	// is ErrInvalid as well.
	ErrTooLarge = fault.ErrTooLarge

	// ErrSymlink: a file that an event names in the thumbnail folder is a symbolic link
	// or lies behind one. doorlog does not follow it. The text names the link. The
	// thumbnail folder itself may be a symbolic link.
	ErrSymlink = fault.ErrSymlink

	// ErrHardLinks: the file of the store cannot be replaced, because it has other names
	// (hard links). They would keep the old file, which would no longer be the store.
	// Nothing was changed.
	ErrHardLinks = fault.ErrHardLinks

	// ErrCorrupt: data on the disk does not verify.
	ErrCorrupt = fault.ErrCorrupt

	// ErrLocked: another process, or another Store of this process, has the file open.
	ErrLocked = fault.ErrLocked

	// ErrNoLocks: the file system of the database has no locks. Without them two
	// processes could write at once. Network file systems (NFS, SMB) and FUSE file
	// systems may have none. Nothing was created or changed.
	ErrNoLocks = fault.ErrNoLocks

	// ErrClosed: the store is closed, or a Snapshot was used after its View had ended.
	ErrClosed = errors.New("closed")

	// ErrFull: there is no room on the disk, within Options.MaxSize or Options.MinFree,
	// or in the address space of the process, into which the file is mapped. The text
	// says which. Nothing was changed. Writes succeed again as soon as there is room.
	// Deletions have a reserve and are refused only when that is used up.
	ErrFull = fault.ErrFull

	// ErrReadOnly: the store was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("read-only")

	// ErrNotStore: the file is not a doorlog store.
	ErrNotStore = fault.ErrNotStore

	// ErrByteOrder: the file or the backup was written on a machine of the other byte
	// order (big-endian or little-endian), and cannot be read on this one. Run "doorlog
	// export" there and import the result here.
	ErrByteOrder = fault.ErrByteOrder

	// ErrNotBackup: the stream does not begin as a backup does.
	ErrNotBackup = errors.New("not a doorlog backup")

	// ErrNewerSchema: a later version of doorlog wrote the file or the backup.
	ErrNewerSchema = errors.New("written by a newer version of doorlog")

	// ErrOlderSchema: an earlier version of doorlog wrote the file or the backup, and it
	// cannot be read as it is. Opening a file without Options.ReadOnly upgrades it.
	ErrOlderSchema = errors.New("written by an older version of doorlog; open it once for writing")

	// ErrBadCursor: the text is not a cursor of a page of this query.
	ErrBadCursor = errors.New("bad cursor")

	// ErrGone: the changes after a Cursor cannot be told, because the store no longer has
	// them, or the cursor is of another store or of another history of it. The text says
	// which. Take a Snapshot, which has everything, and go on from its Cursor.
	ErrGone = errors.New("the changes after this cursor are gone")

	// ErrUnknownOutcome: the disk failed at the very end of a commit, so the write may
	// or may not be there after a restart. Open the store again and look. Writing the
	// same event again under the same ID is harmless.
	ErrUnknownOutcome = errors.New("outcome unknown")

	// ErrFolder: the thumbnail folder may not be the store's, for example because its
	// disk is not mounted. Then the call would do harm, so it was refused.
	ErrFolder = errors.New("not the store's thumbnail folder")

	// ErrMoved: the path of the store no longer leads to the open file, because the file
	// was moved, removed or replaced. The error is ErrFailed as well. The write that
	// notices it is not stored; earlier writes are in the file that was moved.
	// Stats.Moved reports it without a write.
	ErrMoved = fault.ErrMoved

	// ErrFailed: the store takes no writes until it is opened again, because an earlier
	// commit ended with ErrUnknownOutcome or the file is no longer at its path
	// (ErrMoved). It can still be read. One case is an exception: the file grew and the
	// system refused to map it again, although a trial had just succeeded. Then reads
	// return ErrFailed, too.
	ErrFailed = fault.ErrFailed
)

// A FieldError names a field that was refused, and the reason. It is [ErrInvalid], and also
// [ErrTooLarge] if the field exceeds a limit. Extract it with errors.As. It has the fields
//
//	Field    string // its name in JSON, such as "detections[3].confidence", or in Go, such as "Options.MaxSize"
//	Problem  string // what is wrong with it, such as "is empty"
//	TooLarge bool   // whether the field exceeds a limit
type FieldError = fault.FieldError

func invalid(field, format string, args ...any) error {
	return fault.Invalid(field, format, args...)
}

func tooLarge(field, format string, args ...any) error {
	return fault.TooLarge(field, format, args...)
}

// inside puts a place, for example "detections[3]", before the name of the field in err.
func inside(place string, err error) error {
	if f, ok := errors.AsType[*FieldError](err); ok {
		field := place + "." + f.Field
		if f.Field == "json" { // err is about the place itself
			field = place
		}
		return &FieldError{Field: field, Problem: f.Problem, TooLarge: f.TooLarge}
	}
	return err
}

// failed adds to err what was being done. If err is nil, it returns nil.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("doorlog: %s: %w", doing, err)
}
