package doorlog

import (
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A state is what meta keeps beside the keys format and schema. Every commit writes it,
// as a record (codec.go) with the payload
//
//	 4        16         16                1         16 for each of summed      8      8
//	| schema | store ID | indexed_through | unclean | entries, hashes | … | txid | seq |
//
// with big-endian numbers. seq is there from schema 4 on, and so are the sums of changes,
// consumers and by_attribute. txid is there from schema 3 on. schema repeats the key
// schema: it tells a later schema from a damaged one.
type state struct {
	schema  uint32
	storeID ID   // made when the file was created
	through ID   // indexed_through: events up to this ID are folded; zero: none is
	unclean bool // the file has been written to, and not been closed since
	sums    sums
	txid    uint64 // of the transaction that wrote the state; 0 before schema 3
	seq     uint64 // of the last change; 0: there was none
}

const (
	stateHead = 4 + 16 + 16 + 1
	stateLen  = stateHead + 16*sumCount + 8 + 8

	txidInSchema    = 3 // the first schema that has it
	changesInSchema = 4 // the first with the buckets changes, consumers and by_attribute
	oldSums         = 11
)

// olderSum returns the number of a sum in a state of before changesInSchema. ok is false if
// that has no such sum.
func olderSum(bucket int) (number int, ok bool) {
	switch {
	case bucket < changesSum:
		return bucket, true
	case bucket >= indexSums && bucket < indexSums+byAttribute:
		return bucket - (indexSums - changesSum), true
	}
	return 0, false
}

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
	b = binary.BigEndian.AppendUint64(b, s.seq)
	return stateRecord.encode(metaState, func(e *encoder) { e.buf.Write(b) })
}

// openState verifies a state and returns its payload.
func openState(rec []byte) ([]byte, error) {
	b, err := stateRecord.open(metaState, rec)
	if err == nil && (len(b) < stateHead || len(b) != stateLenOf(binary.BigEndian.Uint32(b)) || b[36] > 1) {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return nil, fmt.Errorf("meta state: %w", err)
	}
	return b, nil
}

func stateLenOf(schema uint32) int {
	switch {
	case schema < txidInSchema:
		return stateHead + 16*oldSums
	case schema < changesInSchema:
		return stateHead + 16*oldSums + 8
	}
	return stateLen
}

func decodeState(rec []byte) (s state, err error) {
	b, err := openState(rec)
	if err != nil {
		return s, err
	}
	s.schema, s.storeID, s.through, s.unclean = binary.BigEndian.Uint32(b), ID(b[4:]), ID(b[20:]), b[36] == 1
	sums, older := b[stateHead:], s.schema < changesInSchema
	for i := range s.sums {
		number, ok := i, true
		if older {
			number, ok = olderSum(i)
		}
		if ok {
			at := sums[16*number:]
			s.sums[i] = bucketSum{binary.BigEndian.Uint64(at), binary.BigEndian.Uint64(at[8:])}
		}
	}
	count := int(sumCount)
	if older {
		count = oldSums
	}
	rest := sums[16*count:]
	if len(rest) > 0 {
		s.txid = binary.BigEndian.Uint64(rest)
	}
	if !older {
		s.seq = binary.BigEndian.Uint64(rest[8:])
	}
	return s, nil
}

// trimmed returns the number of the last change that is not kept any more.
func (s *state) trimmed() uint64 { return s.seq - s.sums[changesSum].entries }

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
