package boltfile

import (
	"fmt"
	"math"

	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// When a transaction needs more than bolt has mapped of the file, bolt takes the mapping
// away and makes a larger one. If the system refuses that, as where a process may have so
// much address space and no more, there is none, and nothing can be read any more. So a
// transaction may need more only after a mapping of that size has been tried beside the
// one that there is.

// boltMapSize returns how much bolt maps of a file of so many bytes (bolt.DB.mmapSize).
func boltMapSize(bytes int64) int64 {
	const step = 1 << 30
	for size := int64(32 << 10); size <= step; size *= 2 {
		if bytes <= size {
			return size
		}
	}
	return min((bytes+step-1)/step*step, math.MaxInt)
}

// mappable returns up to where a transaction may use a file that has blocks up to end:
// less than that, and why, if the system does not map so much.
func (f *File) mappable(used, end int64) (int64, error) {
	f.mapped = max(f.mapped, boltMapSize(used+int64(f.db.Info().PageSize))) // it has been mapped anew since
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

// PretendMapped has the file believe that so much of it is mapped. It is for a test of a
// system that refuses a mapping after the trial.
func (f *File) PretendMapped(bytes int64) { f.mapped = bytes }
