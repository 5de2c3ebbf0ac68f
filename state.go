package doorlog

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// A state is what meta keeps beside the names of format and schema. Every
// commit writes it, as a record (codec.go) whose payload is
//
//	 4        16         16                1         16 for each of summed
//	| schema | store ID | indexed_through | unclean | entries, hashes | … |
//
// with the numbers big-endian. The schema is that of the key schema, so that a
// later one can be told from a damaged one.
type state struct {
	schema  uint32
	storeID ID   // made with the file
	through ID   // indexed_through (index.go); zero while nothing is folded
	unclean bool // it has been written to, and not been closed since
	sums    sums
}

const stateLen = 4 + 16 + 16 + 1 + 16*sumCount

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
	return stateRecord.encode(metaState, func(e *encoder) { e.buf.Write(b) })
}

// openState verifies a state and returns its payload.
func openState(rec []byte) ([]byte, error) {
	b, err := stateRecord.open(metaState, rec)
	if err == nil && (len(b) != stateLen || b[36] > 1) {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return nil, fmt.Errorf("meta state: %w", err)
	}
	return b, nil
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
	return s, nil
}

func readState(tx *bolt.Tx) (state, error) {
	return decodeState(readable(tx, metaBucket).Get(metaState))
}

// indexedThrough returns the ID up to which events are folded (index.go).
func indexedThrough(tx *bolt.Tx) (ID, error) {
	b, err := openState(readable(tx, metaBucket).Get(metaState))
	if err != nil {
		return ID{}, err
	}
	return ID(b[20:]), nil
}
