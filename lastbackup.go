package doorlog

import (
	"context"
	"encoding/binary"
	"time"
)

// The time of the last backup is a record (codec.go) in meta, whose payload is
// the time in nanoseconds since 1970, 8 bytes, big-endian.

// recordBackup records the time of a complete backup, unless that of a later one is recorded:
// two backups may end in another order than they began.
func (s *Store) recordBackup(ctx context.Context, at time.Time) error {
	return s.commits.makeRoom(ctx, func(w *writeTx) error {
		last, err := readLastBackup(w.tx)
		if err == nil && !at.After(last) {
			return nil
		}
		w.changes++
		rec := stateRecord.encode(metaLastBackup, func(e *encoder) {
			e.buf.Write(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())))
		})
		return w.tx.Put(metaNumber, metaLastBackup, rec)
	})
}
