package doorlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// A change is what happened to an event or a person. Changes are numbered from 1 in the order
// in which they were committed. The number, seq, is never used again.
type change struct {
	op ChangeOp
	id ID // of the event, or the Key of the person
}

// A numberedChange is a change with its number.
type numberedChange struct {
	seq uint64
	change
}

// The bucket changes holds blocks of changes with adjacent numbers. The key of a block is the
// number of its first change, 8 bytes, big-endian. Its value is a record (codec.go) with the
// payload
//
//	 8                 1    16                  17
//	| time, big-endian | op | ID of the event | … |
//
// The time is when the last change of the block was added, in nanoseconds since 1970, as far as
// the clock was believed then. A change names nobody: what is erased must not live on here.
//
// A new event in the tail has the number of its change in its entry there (buckets.go). A fold
// puts these changes into the bucket; all others are put there at once. So the numbers that the
// bucket does not have are those of the tail, and none is missing or there twice.
const (
	changeLen       = 1 + idLen
	changesHeader   = 8
	maxBlockChanges = 64 // then three blocks fill a page of 4 KiB
)

var changesRecord = kindOf(changesBucket)

// A changeBlock is a block of the bucket changes.
type changeBlock struct {
	first   uint64 // number of its first change
	at      int64
	changes []byte // changeLen bytes each
}

func (b *changeBlock) len() int      { return len(b.changes) / changeLen }
func (b *changeBlock) until() uint64 { return b.first + uint64(b.len()) }

func (b *changeBlock) change(i int) change {
	c := b.changes[i*changeLen : (i+1)*changeLen]
	return change{ChangeOp(c[0]), ID(c[1:])}
}

func (b *changeBlock) add(c change) {
	b.changes = append(append(b.changes, byte(c.op)), c.id[:]...)
}

func (b *changeBlock) time() time.Time { return time.Unix(0, b.at) }

func (b *changeBlock) encode() (key, value []byte) {
	key = seqKey(b.first)
	return key, changesRecord.encode(key, func(e *encoder) {
		e.buf.Write(binary.BigEndian.AppendUint64(nil, uint64(b.at)))
		e.buf.Write(b.changes)
	})
}

// openChanges verifies a block and returns it. Its changes are a part of rec.
func openChanges(key, rec []byte) (changeBlock, error) {
	if len(key) != 8 {
		return changeBlock{}, fmt.Errorf("%w: the number of a change has %d bytes", ErrCorrupt, len(key))
	}
	payload, err := changesRecord.open(key, rec)
	if err != nil {
		return changeBlock{}, err
	}
	if len(payload) < changesHeader+changeLen || (len(payload)-changesHeader)%changeLen != 0 {
		return changeBlock{}, errPayload
	}
	b := changeBlock{binary.BigEndian.Uint64(key), int64(binary.BigEndian.Uint64(payload)), payload[changesHeader:]}
	if b.first == 0 || b.until() < b.first {
		return b, errPayload
	}
	for i := range b.len() {
		if op := b.change(i).op; op == 0 || int(op) >= len(changeOps) {
			return b, errPayload
		}
	}
	return b, nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// sum returns the checksum of a change, which is part of the sums (sums.go) and of cursors.
func (c change) sum() uint32 {
	var b [changeLen]byte
	b[0] = byte(c.op)
	copy(b[1:], c.id[:])
	return crc32.Checksum(b[:], castagnoli)
}

// keptChanges says how many changes a transaction leaves in the store.
type keptChanges struct {
	number uint64        // the newest ones; 0: all
	age    time.Duration // those that are not older
	now    func() time.Time
}
