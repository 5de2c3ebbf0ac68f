package doorlog

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A consumerState is what the store keeps of a consumer, in the bucket consumers under its name. It
// is a record (codec.go) with the payload
//
//	 44         8                8
//	| its place | hold, big-endian | acknowledged, in nanoseconds since 1970, big-endian |
type consumerState struct {
	at    Cursor
	hold  uint64    // the most changes that are kept for it
	acked time.Time // when it was last acknowledged, or made
}

const consumerLen = placeLen + 8 + 8

var consumerRecord = kindOf(consumersBucket)

func (c *consumerState) encode(name []byte) []byte {
	b := c.at.appendTo(make([]byte, 0, consumerLen))
	b = binary.BigEndian.AppendUint64(b, c.hold)
	b = binary.BigEndian.AppendUint64(b, uint64(c.acked.UnixNano()))
	return consumerRecord.encode(name, func(e *encoder) { e.buf.Write(b) })
}

func decodeConsumer(name, rec []byte) (c consumerState, err error) {
	b, err := consumerRecord.open(name, rec)
	if err == nil && len(b) != consumerLen {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return c, err
	}
	rest := b[placeLen:]
	return consumerState{cursorOf(b), binary.BigEndian.Uint64(rest), time.Unix(0, int64(binary.BigEndian.Uint64(rest[8:]))).UTC()}, nil
}
