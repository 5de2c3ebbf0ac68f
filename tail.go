package doorlog

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// What is before the records in an entry of the tail: their lengths, and in entries with
// seqFlag the number of the change.
const (
	tailHeader    = 4
	tailSeqHeader = tailHeader + 8
	seqFlag       = 1 << 31 // in the length
)

// How long the tail may get before it is folded. A longer tail is folded less often,
// but every query reads all of it. If many write at once, the events of one transaction
// alone make a long tail. A limit of a few times that many saves a third of the pages
// of each commit, and the next smaller transaction folds the tail.
const (
	foldAt    = 64
	foldTimes = 4 // the events of the transaction
	maxTail   = 256
)

// joinTail returns the entry of an event whose creation is the change seq; 0: it has none.
func joinTail(seq uint64, event, detected []byte) []byte {
	b := make([]byte, 0, tailSeqHeader+len(event)+len(detected))
	if seq == 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(event)))
	} else {
		b = binary.BigEndian.AppendUint32(b, uint32(len(event))|seqFlag)
		b = binary.BigEndian.AppendUint64(b, seq)
	}
	return append(append(b, event...), detected...)
}

// splitTail returns the two records of an event of the tail. They are parts of entry.
// detected is nil if there are no detections.
func splitTail(entry []byte) (event, detected []byte, err error) {
	from, length := tailHeader, uint64(0)
	if len(entry) >= tailHeader {
		word := binary.BigEndian.Uint32(entry)
		if length = uint64(word &^ seqFlag); word&seqFlag != 0 {
			from = tailSeqHeader
		}
	}
	if len(entry) < from || length > uint64(len(entry)-from) {
		return nil, nil, fmt.Errorf("%w: %d bytes of the tail", ErrCorrupt, len(entry))
	}
	at := from + int(length)
	if event = entry[from:at]; at < len(entry) {
		detected = entry[at:]
	}
	return event, detected, nil
}

// tailSeq returns the number of the change that created an event of the tail; 0 if it has none.
func tailSeq(entry []byte) uint64 {
	if len(entry) < tailSeqHeader || binary.BigEndian.Uint32(entry)&seqFlag == 0 {
		return 0
	}
	return binary.BigEndian.Uint64(entry[tailHeader:])
}

// verifyTail verifies the records of an event of the tail.
func verifyTail(key, entry []byte) error {
	event, detected, err := splitTail(entry)
	if err == nil {
		_, err = eventRecord.open(key, event)
	}
	if err == nil && detected != nil {
		_, err = detectionsRecord.open(key, detected)
	}
	return err
}

// tailEntry is splitTail for the entry at a cursor over the tail. It panics with an
// ErrCorrupt; the guard of the transaction turns that into an error.
func tailEntry(k, v []byte) (key, event, detected []byte) {
	if k == nil {
		return nil, nil, nil
	}
	event, detected, err := splitTail(v)
	if err != nil {
		panic(fmt.Errorf("event %s: %w", keyText(k), err))
	}
	return k, event, detected
}

// changesOfTail returns the changes that are kept in the tail, in the order of their numbers.
func changesOfTail(tail boltfile.KeyCursor) (list []numberedChange) {
	for k, v := tail.First(); k != nil; k, v = tail.Next() {
		if seq := tailSeq(v); seq > 0 && len(k) == idLen {
			list = append(list, numberedChange{seq, change{EventCreated, ID(k)}})
		}
	}
	slices.SortFunc(list, func(a, b numberedChange) int { return cmp.Compare(a.seq, b.seq) })
	return list
}
