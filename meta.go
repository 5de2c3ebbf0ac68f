package doorlog

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
)

func readHeldBack(from getter) ([]string, error) {
	rec := from.Get(metaNumber, metaHeldBack)
	if rec == nil {
		return nil, nil
	}
	return decodeHeldBack(rec)
}

func decodeHeldBack(rec []byte) (heldBack []string, err error) {
	payload, err := stateRecord.open(metaHeldBack, rec)
	if err != nil {
		return nil, fmt.Errorf("meta held_back: %w", err)
	}
	d := decoder{b: payload, mem: &arena{}}
	for range d.array() {
		heldBack = append(heldBack, string(d.text()))
	}
	return heldBack, d.finish(0)
}

// A vain is what a prune removed so that a disk has more free space, which it had not:
// a file system that keeps what is removed in its snapshots, or a file that another
// name keeps. To go on would remove everything, for nothing. It is a record of meta,
// with the numbers big-endian:
//
//	 8         8
//	| removed | free |
type vain struct {
	removed int64 // bytes of files; 0: none
	free    int64 // bytes of the disk, after that
}

// vainShare is how small a share of what was removed, one in so many, counts as none.
const vainShare = 10

// wanted is how much is to be free before anything is removed again.
func (v vain) wanted() int64 { return v.free + v.removed/vainShare + 1 }

func decodeVain(rec []byte) (v vain, err error) {
	b, err := stateRecord.open(metaVain, rec)
	if err == nil && len(b) != 16 {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return v, fmt.Errorf("meta vain: %w", err)
	}
	return vain{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

// readLastBackup returns the time of the last backup, zero if there is none.
func readLastBackup(from getter) (time.Time, error) {
	rec := from.Get(metaNumber, metaLastBackup)
	if rec == nil {
		return time.Time{}, nil
	}
	return decodeLastBackup(rec)
}

func decodeLastBackup(rec []byte) (time.Time, error) {
	b, err := stateRecord.open(metaLastBackup, rec)
	if err == nil && len(b) != 8 {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("meta last_backup: %w", err)
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), nil
}

// A lineage says which history of a store a file holds. An incarnation is a run of
// states each of which has come of the one before. What may lose or repeat some of
// them begins another: a salvage and a quarantine that lose a record, a restore, and
// an older copy of the file that is put back. Within an incarnation every commit has
// a number, which is that of bolt's transaction and the base; a compaction, whose
// file begins anew, moves the base. Its record in meta has
//
//	 16            8, big-endian
//	| incarnation | base |
//
// A store of before has no such record, which is an incarnation of its own.
type lineage struct {
	incarnation ID
	base        uint64
}

const lineageLen = 16 + 8

// commit returns the number of a transaction.
func (l *lineage) commit(txID uint64) uint64 { return l.base + txID }

// moved returns the lineage in another file, in which transaction to is the one that
// from is in this.
func (l lineage) moved(from, to int) lineage {
	l.base += uint64(from) - uint64(to)
	return l
}

func (l *lineage) encode() []byte {
	b := binary.BigEndian.AppendUint64(append([]byte(nil), l.incarnation[:]...), l.base)
	return stateRecord.encode(metaLineage, func(e *encoder) { e.buf.Write(b) })
}

func decodeLineage(rec []byte) (l lineage, err error) {
	b, err := stateRecord.open(metaLineage, rec)
	if err == nil && len(b) != lineageLen {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return l, fmt.Errorf("meta lineage: %w", err)
	}
	return lineage{ID(b), binary.BigEndian.Uint64(b[16:])}, nil
}

func readLineage(from getter) (lineage, error) {
	rec := from.Get(metaNumber, metaLineage)
	if rec == nil {
		return lineage{}, nil
	}
	return decodeLineage(rec)
}

func writeLineage(to *boltfile.Tx, l lineage) error {
	return to.Put(metaNumber, metaLineage, l.encode())
}

// removingFiles returns the files that are noted.
func removingFiles(from getter) (paths []string, err error) {
	rec := from.Get(metaNumber, metaRemoving)
	if rec == nil {
		return nil, nil
	}
	return decodeRemoving(rec)
}

func decodeRemoving(rec []byte) (paths []string, err error) {
	payload, err := stateRecord.open(metaRemoving, rec)
	if err != nil {
		return nil, fmt.Errorf("meta removing: %w", err)
	}
	d := decoder{b: payload, mem: &arena{}}
	for range d.array() {
		paths = append(paths, string(d.text()))
	}
	return paths, d.finish(0)
}
