package doorlog

import (
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A state is what meta keeps beside the keys format and schema. Every commit writes it,
// as a record (codec.go) with the payload
//
//	 4        16         16                1         16 for each of summed      8
//	| schema | store ID | indexed_through | unclean | entries, hashes | … | txid |
//
// with big-endian numbers. txid is there from schema 3 on. schema repeats the key
// schema: it tells a later schema from a damaged one.
type state struct {
	schema  uint32
	storeID ID   // made when the file was created
	through ID   // indexed_through: events up to this ID are folded; zero: none is
	unclean bool // the file has been written to, and not been closed since
	sums    sums
	txid    uint64 // of the transaction that wrote the state; 0 before schema 3
}

const (
	stateLen     = oldStateLen + 8
	oldStateLen  = 4 + 16 + 16 + 1 + 16*sumCount
	txidInSchema = 3 // the first schema that has it
)

var stateRecord = kindOf(metaBucket)

func (s *state) encode() []byte {
	b := make([]byte, 0, stateLen)
	b = binary.BigEndian.AppendUint32(b, s.schema)
	b = append(b, s.storeID[:]...)
	b = append(b, s.through[:]...)
	if s.unclean {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, sum := range s.sums {
		b = binary.BigEndian.AppendUint64(b, sum.entries)
		b = binary.BigEndian.AppendUint64(b, sum.hashes)
	}
	b = binary.BigEndian.AppendUint64(b, s.txid)
	return stateRecord.encode(metaState, func(e *encoder) { e.buf.Write(b) })
}

// openState verifies a state and returns its payload.
func openState(rec []byte) ([]byte, error) {
	b, err := stateRecord.open(metaState, rec)
	if err == nil && (len(b) < oldStateLen || len(b) != stateLenOf(binary.BigEndian.Uint32(b)) || b[36] > 1) {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return nil, fmt.Errorf("meta state: %w", err)
	}
	return b, nil
}

func stateLenOf(schema uint32) int {
	if schema < txidInSchema {
		return oldStateLen
	}
	return stateLen
}

func decodeState(rec []byte) (s state, err error) {
	b, err := openState(rec)
	if err != nil {
		return s, err
	}
	s.schema, s.storeID, s.through, s.unclean = binary.BigEndian.Uint32(b), ID(b[4:]), ID(b[20:]), b[36] == 1
	for i := range s.sums {
		at := b[37+16*i:]
		s.sums[i] = bucketSum{binary.BigEndian.Uint64(at), binary.BigEndian.Uint64(at[8:])}
	}
	if len(b) == stateLen {
		s.txid = binary.BigEndian.Uint64(b[oldStateLen:])
	}
	return s, nil
}

// isOf checks that the state was written by a transaction.
func (s *state) isOf(txid uint64, trust boltfile.Trust) error {
	if s.schema < txidInSchema || s.txid == txid || trust.Txids {
		return nil
	}
	return fmt.Errorf("%w: the state is of transaction %d, and the meta page of %d: a write was lost", ErrCorrupt, s.txid, txid)
}

// A getter returns the value of a key in a bucket, or nil. It is a state of the file,
// or a transaction that changes the file.
type getter interface {
	Get(bucket int, key []byte) []byte
}

func readState(from getter) (state, error) { return decodeState(from.Get(metaNumber, metaState)) }

// sealState marks the state as written by tx, a transaction that does not change it
// otherwise.
func sealState(tx *boltfile.Tx) error {
	st, err := readState(tx)
	if err != nil {
		return err
	}
	st.txid = tx.ID()
	return tx.Put(metaNumber, metaState, st.encode())
}

// indexedThrough returns the ID up to which events are folded.
func indexedThrough(from getter) (ID, error) {
	b, err := openState(from.Get(metaNumber, metaState))
	if err != nil {
		return ID{}, err
	}
	return ID(b[20:]), nil
}
