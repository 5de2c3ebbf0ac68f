package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A posting list has the IDs of all events with one value, in ascending order. It is
// cut into blocks. Each block is one key of the index bucket:
//
//	value 0x00 first ID → | version | CRC-32C | second ID | third ID | … |
//
// The value is a record (codec.go). Its payload is IDs, 16 bytes each; it is empty if
// the block has only the ID in its key. All IDs of a block come before those of the
// next one. Most lists grow at the end, and then all blocks but the last are full.
//
// One key for each ID would be simpler, but took two and a half times the space and
// most of the time of a bulk load (design/schema.md). Schema 1 had that; its keys can
// be read as blocks of one ID.

// blockIDs is the maximum number of IDs in a block. Four full blocks with short values,
// such as the names in a household, fill a page of 4 KiB.
const blockIDs = 52

var postingRecords = func() (kinds [indexCount]recordKind) {
	for i := range kinds {
		kinds[i] = kindOf(indexes[i])
	}
	return kinds
}()

// A block is one block of a posting list. Its slices point into the page that it was
// read from.
type block struct {
	first []byte // ID
	rest  []byte // the other IDs
}

func openBlock(index int, key, value []byte) (b block, err error) {
	if _, ok := indexValue(key); !ok {
		return b, fmt.Errorf("%w: %s: %q is no key of a posting list", ErrCorrupt, indexes[index], boltfile.Shortened(key))
	}
	b.first = key[len(key)-idLen:]
	if len(value) == 0 {
		return b, nil
	}
	b.rest, err = postingRecords[index].open(key, value)
	if err == nil && (len(b.rest)%idLen != 0 || len(b.rest) == 0 || b.len() > blockIDs) {
		err = fmt.Errorf("%w: %d bytes of IDs", ErrCorrupt, len(b.rest))
	}
	if err != nil {
		return block{}, fmt.Errorf("%s: posting list of %q: %w", indexes[index], boltfile.Shortened(key[:len(key)-idLen-1]), err)
	}
	return b, nil
}

func (b *block) len() int { return 1 + len(b.rest)/idLen }

// bytes returns the ID at index i. It is a part of the block.
func (b *block) bytes(i int) []byte {
	if i == 0 {
		return b.first
	}
	return b.rest[(i-1)*idLen : i*idLen]
}

func (b *block) id(i int) ID { return ID(b.bytes(i)) }

// search returns the number of IDs of the block before target.
func (b *block) search(target *ID) int {
	high, low := binary.BigEndian.Uint64(target[:8]), binary.BigEndian.Uint64(target[8:])
	from, to := 0, b.len()
	for from < to {
		middle := int(uint(from+to) >> 1)
		id := b.bytes(middle)
		h := binary.BigEndian.Uint64(id)
		if h < high || h == high && binary.BigEndian.Uint64(id[8:]) < low {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
}

// inOrder reports whether the IDs of the block are in order.
func (b *block) inOrder() bool {
	for i := 1; i < b.len(); i++ {
		if bytes.Compare(b.bytes(i-1), b.bytes(i)) >= 0 {
			return false
		}
	}
	return true
}

// errOrder: the keys of a damaged file are not in order. A search that seeks again from
// the key it found would then never end.
var errOrder = fmt.Errorf("%w: keys are not in their order", ErrCorrupt)
