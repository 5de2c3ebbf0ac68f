package doorlog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A checksum for each record does not tell that a record is gone. A page whose header
// says 3 entries instead of 30 still verifies, and so does an older version of an index
// page. So meta keeps, for every bucket but itself, the number of its entries and the
// sum of their hashes. The sum does not depend on the order. Every commit writes them,
// and that costs no page: meta is so small that bolt keeps it inside the root page,
// which every commit writes anyway.
type bucketSum struct{ entries, hashes uint64 }

type sums [sumCount]bucketSum

// add adds an entry. In the buckets of records crc is the record's checksum
// (recordSum), and 0 in the others.
func (s *sums) add(bucket int, key []byte, crc uint32) {
	s[bucket].entries++
	s[bucket].hashes += hashEntry(key, crc)
}

// remove takes away an entry that was added.
func (s *sums) remove(bucket int, key []byte, crc uint32) {
	s[bucket].entries--
	s[bucket].hashes -= hashEntry(key, crc)
}

// count adds what an entry of a stored bucket stands for (see each).
func (s *sums) count(bucket int, key, value []byte) error { return s.each(bucket, key, value, s.add) }

// discount takes away what count has added.
func (s *sums) discount(bucket int, key, value []byte) error {
	return s.each(bucket, key, value, s.remove)
}

// addChange and removeChange add and take away a change.
func (s *sums) addChange(seq uint64, c change)    { s.add(changesSum, seqKey(seq), c.sum()) }
func (s *sums) removeChange(seq uint64, c change) { s.remove(changesSum, seqKey(seq), c.sum()) }

// each calls fn with what an entry of a stored bucket stands for in the sums: one
// record, the two records and the change of an event of the tail, or each posting or change
// of a block.
func (s *sums) each(bucket int, key, value []byte, fn func(bucket int, key []byte, crc uint32)) error {
	switch {
	case bucket == tailNumber:
		event, detected, err := splitTail(value)
		if err != nil {
			return err
		}
		fn(eventsSum, key, recordSum(event))
		if detected != nil {
			fn(detectionsSum, key, recordSum(detected))
		}
		if seq := tailSeq(value); seq > 0 && len(key) == idLen {
			fn(changesSum, seqKey(seq), change{EventCreated, ID(key)}.sum())
		}
	case bucket == changesSum:
		b, err := openChanges(key, value)
		if err != nil {
			return err
		}
		for i := range b.len() {
			fn(bucket, seqKey(b.first+uint64(i)), b.change(i).sum())
		}
	case bucket >= indexSums:
		b, err := openBlock(bucket-indexSums, key, value)
		if err != nil {
			return err
		}
		posting := bytes.Clone(key)
		for i := range b.len() {
			copy(posting[len(key)-idLen:], b.bytes(i))
			fn(bucket, posting, 0)
		}
	default:
		fn(bucket, key, recordSum(value))
	}
	return nil
}

// recordSum returns the checksum that a record holds.
func recordSum(rec []byte) uint32 {
	if len(rec) < recordHeader {
		return 0
	}
	return binary.BigEndian.Uint32(rec[1:])
}

// hashEntry hashes eight bytes at a time. Each step is a one-to-one mapping of the
// hashes, so two keys that differ in one step only never have the same hash.
func hashEntry(key []byte, crc uint32) uint64 {
	const odd = 0x9e3779b97f4a7c15
	mix := func(h, word uint64) uint64 {
		h = bits.RotateLeft64(h, 29) ^ word
		h *= odd
		return h ^ h>>32
	}
	h := mix(uint64(len(key)), uint64(crc))
	for ; len(key) >= 8; key = key[8:] {
		h = mix(h, binary.LittleEndian.Uint64(key))
	}
	if len(key) > 0 {
		var rest [8]byte
		copy(rest[:], key)
		h = mix(h, binary.LittleEndian.Uint64(rest[:]))
	}
	return mix(h, odd)
}
