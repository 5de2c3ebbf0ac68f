package boltfile

import (
	"fmt"
	"math"

	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// When a transaction needs more of the file than is mapped, bolt unmaps the file and maps
// more of it. If the system refuses the larger mapping, for example because of a limit on
// the address space of a process, the file is not mapped at all and nothing can be read.
// So before a transaction may use more, a mapping of that size is tried beside the existing
// one.

// boltMapSize returns how many bytes bolt maps if it needs the given number
// (bolt.DB.mmapSize).
func boltMapSize(bytes int64) int64 {
	const step = 1 << 30
	for size := int64(32 << 10); size <= step; size *= 2 {
		if bytes <= size {
			return size
		}
	}
	return min((bytes+step-1)/step*step, math.MaxInt)
}

// mappable returns how far a transaction may use a file that has blocks up to end. If the
// system refuses to map that much, it returns less, and the reason as an error.
func (f *File) mappable(used, end int64) (int64, error) {
	f.mapped = max(f.mapped, boltMapSize(used+int64(f.db.Info().PageSize))) // bolt may have mapped more since
	if end < f.mapped {
		return end, nil
	}
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	size := boltMapSize(max(end, info.Size()))
	if err := fsx.TryMap(f.file, size); err != nil {
		return f.mapped - 1, fmt.Errorf("%w: the database needs a mapping of %d bytes: %w", fault.ErrFull, size, err)
	}
	return end, nil
}

// PretendMapped makes the file believe that bytes of it are mapped. It is for a test in which
// the system refuses a mapping after the trial.
func (f *File) PretendMapped(bytes int64) { f.mapped = bytes }
