package doorlog

import (
	"fmt"
	"os"
)

// room is ErrFull unless bytes+stay are free on the disk of an open file. Unknown
// free space counts as enough.
func room(on *os.File, bytes, stay int64) error {
	free := freeSpace(on)
	if free < 0 || free-stay >= bytes {
		return nil
	}
	return fmt.Errorf("%w: it needs %d bytes free, and the disk has %d%s", ErrFull, bytes, free, kept(stay))
}

// kept says how much of a disk stays free.
func kept(stay int64) string {
	if stay == 0 {
		return ""
	}
	return fmt.Sprintf(", of which Options.MinFree keeps %d", stay)
}

// room is room on the disk of the database, of which Options.MinFree stays free.
// 0 bytes are asked for by what takes little.
func (s *Store) room(bytes int64) error {
	if bytes == 0 && s.opt.MinFree < 0 {
		return nil
	}
	f := s.readers.hold()
	defer s.readers.release(f)
	if free := freeSpace(f.osFile()); bytes == 0 && free >= 0 && free < s.opt.MinFree {
		if s.hasFreePages(f) { // in which an event finds room, as deletions have left it
			return nil
		}
		return fmt.Errorf("%w: the disk has %d bytes, and Options.MinFree keeps %d", ErrFull, free, s.opt.MinFree)
	}
	return room(f.osFile(), bytes, max(0, s.opt.MinFree))
}

// hasFreePages reports whether as much of a file is free as its reserve has.
func (s *Store) hasFreePages(f *sharedFile) bool {
	u := f.usage()
	return u.free*u.pageSize >= reserveSize(u.pageSize)
}
