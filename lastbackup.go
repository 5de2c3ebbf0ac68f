package doorlog

import (
	"context"
	"encoding/binary"
	"time"
)

// The time of the last backup is a record (codec.go) in meta, whose payload is
// the time in nanoseconds since 1970, 8 bytes, big-endian.

// RecordBackup records, for Stats.LastBackup, that a backup of this store is kept: it is what
// [Store.Backup] does at its end, unless [BackupOptions.Unrecorded] is set. Nothing changes if a later
// backup is recorded already. The error is [ErrInvalid] for a backup of another store or of the
// future.
func (s *Store) RecordBackup(ctx context.Context, info *BackupInfo) error {
	return failed("record a backup", s.recordOwnBackup(ctx, info))
}

func (s *Store) recordOwnBackup(ctx context.Context, info *BackupInfo) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	sn, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	state, err := sn.state()
	sn.close()
	switch {
	case err != nil:
		return err
	case info == nil || info.StoreID != state.storeID:
		return invalid("store_id", "is not that of this store")
	case info.Time.IsZero() || info.Time.After(s.opt.Now()):
		return invalid("time", "%s is not in the past", info.Time.Format(time.RFC3339))
	}
	return s.recordBackup(ctx, info.Time)
}

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
