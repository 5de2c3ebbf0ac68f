package doorlog

import (
	"encoding/binary"
	"fmt"
)

const tailHeader = 4

// How long the tail may get before it is folded. A longer tail is folded less often,
// but every query reads all of it. If many write at once, the events of one transaction
// alone make a long tail. A limit of a few times that many saves a third of the pages
// of each commit, and the next smaller transaction folds the tail.
const (
	foldAt    = 64
	foldTimes = 4 // the events of the transaction
	maxTail   = 256
)

func joinTail(event, detected []byte) []byte {
	b := make([]byte, 0, tailHeader+len(event)+len(detected))
	b = binary.BigEndian.AppendUint32(b, uint32(len(event)))
	return append(append(b, event...), detected...)
}

// splitTail returns the two records of an event of the tail. They are parts of entry.
// detected is nil if there are no detections.
func splitTail(entry []byte) (event, detected []byte, err error) {
	if len(entry) < tailHeader || uint64(binary.BigEndian.Uint32(entry)) > uint64(len(entry)-tailHeader) {
		return nil, nil, fmt.Errorf("%w: %d bytes of the tail", ErrCorrupt, len(entry))
	}
	at := tailHeader + int(binary.BigEndian.Uint32(entry))
	if event = entry[tailHeader:at]; at < len(entry) {
		detected = entry[at:]
	}
	return event, detected, nil
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
