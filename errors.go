package doorlog

import (
	"errors"
	"fmt"

	"github.com/doorlog/doorlog/internal/fault"
)

// Errors that callers tell apart with errors.Is. Every error of this package
// says what was being done, to what, and why; these are the reasons.
var (
	// ErrNotFound: there is no such event or person.
	ErrNotFound = errors.New("not found")

	// ErrExists: the ID is taken by an event with other content.
	ErrExists = errors.New("already exists")

	// ErrInvalid: the caller gave something that cannot be stored or asked
	// for. The text names the field. Nothing was changed.
	ErrInvalid = fault.ErrInvalid

	// ErrTooLarge: a limit on size was passed (see MaxDetections,
	// MaxFrameBytes, MaxFramePixels, …). It comes together with ErrInvalid
	// where an event or a person was refused because of it.
	ErrTooLarge = fault.ErrTooLarge

	// ErrSymlink: what an event names in the thumbnail folder is, or lies behind,
	// a symbolic link, which doorlog does not follow. The text names the link. The
	// folder itself may be one.
	ErrSymlink = fault.ErrSymlink

	// ErrHardLinks: the file of the store has other names, and was to be replaced: under
	// those it would stay as it was, and they would be another file than the store.
	// Nothing was changed.
	ErrHardLinks = fault.ErrHardLinks

	// ErrCorrupt: what the disk holds does not verify.
	ErrCorrupt = fault.ErrCorrupt

	// ErrLocked: another process (or another Store of this one) has the file
	// open.
	ErrLocked = fault.ErrLocked

	// ErrNoLocks: the file system of the database has no locks, without which two
	// processes could write to it at once. A network file system (NFS, SMB) or one
	// of a program (FUSE) may have none. Nothing was made or changed.
	ErrNoLocks = fault.ErrNoLocks

	// ErrClosed: the store is closed, or a Snapshot was used after its View.
	ErrClosed = errors.New("closed")

	// ErrFull: the disk, Options.MaxSize, Options.MinFree or the address space of the
	// process, into which the file is mapped, has no room, and the text says which. Nothing was changed, and the store goes on when there
	// is room again. What makes room has a reserve: deletions are refused when
	// that is used up, too.
	ErrFull = fault.ErrFull

	// ErrReadOnly: the store was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("read-only")

	// ErrNotStore: the file is not a doorlog store.
	ErrNotStore = fault.ErrNotStore

	// ErrByteOrder: the file, or the backup, is one of a machine of the other
	// byte order (big-endian or little-endian), and cannot be read on this one.
	// What "doorlog export" writes there can be imported here.
	ErrByteOrder = fault.ErrByteOrder

	// ErrNotBackup: what Restore was given does not begin as a backup does.
	ErrNotBackup = errors.New("not a doorlog backup")

	// ErrNewerSchema: the file, or the backup, was written by a later version
	// of doorlog.
	ErrNewerSchema = errors.New("written by a newer version of doorlog")

	// ErrOlderSchema: the file, or the backup, was written by an earlier version
	// of doorlog, and cannot be read as it is. To open a file without
	// Options.ReadOnly upgrades it.
	ErrOlderSchema = errors.New("written by an older version of doorlog; open it once for writing")

	// ErrBadCursor: the text is not a cursor of a page of this query.
	ErrBadCursor = errors.New("bad cursor")

	// ErrUnknownOutcome: the disk failed at the very end of a commit, so that
	// the write may or may not be there after a restart. Open the store again
	// and look; to write it again under the same ID is harmless.
	ErrUnknownOutcome = errors.New("outcome unknown")

	// ErrFolder: the thumbnail folder may not be that of the store, because its disk
	// is not mounted, say, and what was asked for would then do harm.
	ErrFolder = errors.New("not the store's thumbnail folder")

	// ErrMoved: the path of the store does not lead to the file that is open any more,
	// because that was moved or removed, or another one put in its place. It comes
	// together with ErrFailed: the write that notices it is not stored. What was written
	// before is in the file that was moved. Stats.Moved says so of any store.
	ErrMoved = fault.ErrMoved

	// ErrFailed: an earlier commit ended with ErrUnknownOutcome, or the file is not at
	// its path any more (ErrMoved). The store can be read, and takes no writes until it
	// is opened again. (It cannot be read if the system did not map the file again when
	// it grew, although it just had on trial. Then reads are ErrFailed, too.)
	ErrFailed = fault.ErrFailed
)

// A FieldError says which field of what the caller gave is refused, and why.
// It is ErrInvalid, and also ErrTooLarge where a limit was passed. Find it in
// an error with errors.As. It has the fields
//
//	Field    string // its name in JSON, such as "detections[3].confidence", or in Go, such as "Options.MaxSize"
//	Problem  string // what is wrong with it, such as "is empty"
//	TooLarge bool   // a limit was passed
type FieldError = fault.FieldError

func invalid(field, format string, args ...any) error {
	return fault.Invalid(field, format, args...)
}

func tooLarge(field, format string, args ...any) error {
	return fault.TooLarge(field, format, args...)
}

// inside puts the place, for instance "detections[3]", before a field's name.
func inside(place string, err error) error {
	if f, ok := errors.AsType[*FieldError](err); ok {
		field := place + "." + f.Field
		if f.Field == "json" { // the place itself is meant
			field = place
		}
		return &FieldError{Field: field, Problem: f.Problem, TooLarge: f.TooLarge}
	}
	return err
}

// failed says what was being done when err happened; nil stays nil.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("doorlog: %s: %w", doing, err)
}
