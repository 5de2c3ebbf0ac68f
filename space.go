package doorlog

import (
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// room is room on the disk of the database, of which Options.MinFree stays free.
// 0 bytes are asked for by what takes little.
func (s *Store) room(bytes int64) error {
	if bytes == 0 && s.opt.MinFree < 0 {
		return nil
	}
	f := s.readers.hold()
	defer s.readers.release(f)
	if free := fsx.FreeSpace(f.OSFile()); bytes == 0 && free >= 0 && free < s.opt.MinFree {
		if s.hasFreePages(f) { // in which an event finds room, as deletions have left it
			return nil
		}
		return fmt.Errorf("%w: the disk has %d bytes, and Options.MinFree keeps %d", ErrFull, free, s.opt.MinFree)
	}
	return fsx.Room(f.OSFile(), bytes, max(0, s.opt.MinFree))
}

// hasFreePages reports whether as much of a file is free as its reserve has.
func (s *Store) hasFreePages(f *sharedFile) bool {
	u := f.Usage()
	return u.Free*u.PageSize >= boltfile.ReserveSize(u.PageSize)
}
