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

// A vain records a prune for free space that was in vain: it removed files, but the disk did
// not become freer. The file system may keep removed files in its snapshots, or the files have
// other names. To go on would remove everything for nothing. It is a record in meta; numbers
// are big-endian:
//
//	 8         8
//	| removed | free |
type vain struct {
	removed int64 // bytes of the removed files; 0: no prune was in vain
	free    int64 // free bytes of the disk after that
}

// vainShare: a prune was in vain if the disk became freer by less than this fraction, one in
// vainShare, of what was removed.
const vainShare = 10

// wanted returns how many bytes must be free before anything is removed again.
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

// readLastBackup returns the time of the last backup; zero if there was none.
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

// A lineage says which history of a store a file holds. An incarnation is a sequence of states
// in which each state has come from the one before. Whatever may lose or repeat states begins
// a new incarnation: a salvage or a quarantine that loses a record, a restore, and an older
// copy of the file that is put back. Within an incarnation every commit has a number: that of
// bolt's transaction plus the base. A compaction makes a new file, in which bolt counts from
// the beginning, so it changes the base. The record in meta has
//
//	 16            8, big-endian
//	| incarnation | base |
//
// An older store has no such record. That counts as an incarnation of its own.
type lineage struct {
	incarnation ID
	base        uint64
}

const lineageLen = 16 + 8

// commit returns the number of the commit that is transaction txID of the file.
func (l *lineage) commit(txID uint64) uint64 { return l.base + txID }

// moved returns the lineage for a new file in which transaction to has the state of
// transaction from in this file.
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

// removingFiles returns the files that an erasure has yet to remove (erasedfiles.go).
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
