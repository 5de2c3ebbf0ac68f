package frame

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// A walk over a frame yields its parts without decoding them. It yields every part that
// the decoder of the format sees, and ends at the first part that is not complete.
const (
	pngMagic        = "\x89PNG\r\n\x1a\n"
	webpHeaderBytes = 12
)

// Markers of the segments of a JPEG (ITU-T T.81, table B.1).
const (
	startOfFrame0 = 0xc0 // baseline
	startOfFrame1 = 0xc1 // extended sequential
	startOfFrame2 = 0xc2 // progressive
	restart0      = 0xd0
	startOfImage  = 0xd8 // the code after restart7
	endOfImage    = 0xd9
	startOfScan   = 0xda
	app1          = 0xe1
	app14         = 0xee
)

// segmentsOfJPEG yields the marker and the content of each segment, also of those between
// and after scans. It skips the data of a scan: there 0xff is followed by 0, or begins a
// restart marker.
func segmentsOfJPEG(frame []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for {
			next := bytes.IndexByte(frame, 0xff) // the decoder skips stray bytes, too
			if next < 0 || len(frame)-next < 4 {
				return
			}
			frame = frame[next:]
			marker := frame[1]
			switch {
			case marker == 0xff, marker == 0:
				frame = frame[1:] // padding, or the data of a scan
				continue
			case marker >= restart0 && marker <= startOfImage:
				frame = frame[2:] // no content
				continue
			case marker == endOfImage:
				return
			}
			segment, rest, ok := cut(frame[2:], uint32(binary.BigEndian.Uint16(frame[2:])))
			if !ok || len(segment) < 2 || !yield(marker, segment[2:]) {
				return
			}
			frame = rest
		}
	}
}

// chunksOfPNG yields the kind and the content of each chunk.
func chunksOfPNG(frame []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(kind, content []byte) bool) {
		_, frame, ok := cut(frame, uint32(len(pngMagic)))
		for ok && len(frame) >= 8 {
			length, kind := binary.BigEndian.Uint32(frame), frame[4:8]
			var content []byte
			if content, frame, ok = cut(frame[8:], length); !ok || !yield(kind, content) {
				return
			}
			_, frame, ok = cut(frame, 4) // the checksum; the decoder verifies it
		}
	}
}

// chunksOfWebP yields the kind and the content of each chunk. The content is nil if the
// frame ends within the chunk: the decoder starts to read such a chunk.
func chunksOfWebP(frame []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(kind, content []byte) bool) {
		_, frame, ok := cut(frame, webpHeaderBytes)
		for ok && len(frame) >= 8 {
			kind, length := frame[:4], binary.LittleEndian.Uint32(frame[4:])
			var content []byte
			if content, frame, ok = cut(frame[8:], length); !yield(kind, content) {
				return
			}
			if ok {
				_, frame, ok = cut(frame, length%2) // chunks begin at even offsets
			}
		}
	}
}

// cut splits b after n bytes. If b is shorter, ok is false, and head and rest are nil.
func cut(b []byte, n uint32) (head, rest []byte, ok bool) {
	if uint64(n) > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
