package doorlog

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

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

// commit returns the number of the newest commit.
func (s *Store) commit(ctx context.Context) (uint64, error) {
	sn, err := s.look(ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	return sn.commit()
}

// commit returns the number of the commit that the snapshot is of.
func (sn *Snapshot) commit() (n uint64, err error) {
	err = fault.Guarded(func() error {
		l, err := readLineage(sn.r)
		n = l.commit(sn.r.ID())
		return err
	})
	return n, err
}

// settled returns the number of the commit before the newest; 0 if it cannot be read.
func (s *Store) settled() uint64 {
	n, err := s.commit(context.Background())
	if err != nil || n == 0 {
		return 0
	}
	return n - 1
}

// noticeOlderCopy begins another incarnation if the store has come to less than the
// claim of its folder says: an older copy of its file was put in the place of it. The
// next commit writes it, if this one cannot.
func (s *Store) noticeOlderCopy(ctx context.Context) error {
	commit, err := s.commit(ctx)
	if err != nil {
		return err
	}
	root, err := s.thumbs.open(false)
	if err != nil {
		return fsx.IgnoreNotExist(err)
	}
	own, _, err := s.thumbs.claims(root)
	if err != nil || own == nil || own.incarnation != s.thumbs.incarnation || own.commit <= commit {
		return err
	}
	s.opt.Logger.Warn("doorlog: the file is an older copy: its thumbnail folder knows a later state",
		"file", s.path, "commit", commit, "known", own.commit)
	if s.thumbs.incarnation, err = s.ids.next(s.opt.Now()); err != nil {
		return err
	}
	s.commits.lineage = &lineage{incarnation: s.thumbs.incarnation}
	return s.commits.makeRoom(ctx, func(w *writeTx) error {
		w.changes++
		return nil
	})
}

// advanceClaim writes down, at the end, to which commit the store has come, if its
// folder has a thumbnail more than before.
func (s *Store) advanceClaim() {
	if !s.thumbs.hasSaved() {
		return
	}
	if err := s.thumbs.advance(); err != nil {
		s.opt.Logger.Warn("doorlog: the claim of the thumbnail folder is behind", "error", err)
	}
}
