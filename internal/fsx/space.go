package fsx

import (
	"errors"
	"fmt"
	"os"

	"github.com/doorlog/doorlog/internal/fault"
)

// ErrFreeSpace is errors.ErrUnsupported: the system or the disk does not tell its free
// space.
var ErrFreeSpace = fmt.Errorf("the free space of the disk is not known here: %w", errors.ErrUnsupported)

// Room returns [fault.ErrFull] unless bytes+stay bytes are free on the disk of an open
// file. Unknown free space counts as enough.
func Room(on *os.File, bytes, stay int64) error {
	free := FreeSpace(on)
	if free < 0 || free-stay >= bytes {
		return nil
	}
	return fmt.Errorf("%w: it needs %d bytes free, and the disk has %d%s", fault.ErrFull, bytes, free, Kept(stay))
}

// Kept returns the end of an error text: how much of the free space Options.MinFree keeps.
// It is empty if that is nothing.
func Kept(stay int64) string {
	if stay == 0 {
		return ""
	}
	return fmt.Sprintf(", of which Options.MinFree keeps %d", stay)
}
