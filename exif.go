package doorlog

import (
	"bytes"
	"encoding/binary"
)

// Cameras that are mounted on their side or upside down save the frame as the
// sensor saw it, and say in EXIF how to turn it: a TIFF file in miniature,
//
//	"II" or "MM"  byte order of all that follows
//	uint16        42
//	uint32        offset of the first directory
//	…
//	uint16        entries of the directory, each
//	              tag uint16 | type uint16 | count uint32 | value, 4 bytes
//
// that JPEG keeps in an APP1 segment, PNG in an eXIf chunk and WebP in an EXIF
// chunk. Only the orientation is read. Whatever is broken counts as absent: a
// thumbnail that lies on its side is better than none.
const (
	upright         = 1 // as saved; 2 to 8 are mirrored or turned (CIPA DC-008, 4.6.4)
	tagOrientation  = 0x0112
	typeShort       = 3
	exifPrefix      = "Exif\x00\x00"
	pngMagic        = "\x89PNG\r\n\x1a\n"
	webpHeaderBytes = 12
)

// orientation returns the EXIF orientation, 1 to 8, that exif says; upright
// if it says none.
func orientation(exif []byte) int {
	tiff := bytes.TrimPrefix(exif, []byte(exifPrefix))
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	_, directory, ok := cut(tiff, order.Uint32(tiff[4:]))
	if !ok || len(directory) < 2 {
		return upright
	}
	entries := order.Uint16(directory)
	directory = directory[2:]
	for range entries {
		var entry []byte
		if entry, directory, ok = cut(directory, 12); !ok {
			return upright
		}
		if order.Uint16(entry) != tagOrientation {
			continue
		}
		value := order.Uint16(entry[8:])
		if order.Uint16(entry[2:]) != typeShort || order.Uint32(entry[4:]) != 1 || value < 1 || value > 8 {
			return upright
		}
		return int(value)
	}
	return upright
}

// exifOfJPEG returns the content of the first APP1 segment that holds EXIF; nil if there is none.
func exifOfJPEG(frame []byte) []byte {
	const (
		restart0, restart7 = 0xd0, 0xd7
		startOfImage       = 0xd8
		endOfImage         = 0xd9
		startOfScan        = 0xda
		app1               = 0xe1
	)
	for len(frame) >= 4 {
		marker := frame[1]
		switch {
		case frame[0] != 0xff, marker == 0xff, marker == 0:
			frame = frame[1:] // padding and stray bytes, which the decoder skips as well
			continue
		case marker >= restart0 && marker <= startOfImage:
			frame = frame[2:] // no content
			continue
		case marker == startOfScan, marker == endOfImage:
			return nil
		}
		segment, rest, ok := cut(frame[2:], uint32(binary.BigEndian.Uint16(frame[2:])))
		if !ok || len(segment) < 2 {
			return nil
		}
		if marker == app1 && bytes.HasPrefix(segment[2:], []byte(exifPrefix)) {
			return segment[2:]
		}
		frame = rest
	}
	return nil
}

// exifOfPNG returns the content of the eXIf chunk; nil if there is none.
func exifOfPNG(frame []byte) []byte {
	_, frame, ok := cut(frame, uint32(len(pngMagic)))
	for ok && len(frame) >= 8 {
		length, kind := binary.BigEndian.Uint32(frame), string(frame[4:8])
		var content []byte
		if content, frame, ok = cut(frame[8:], length); ok && kind == "eXIf" {
			return content
		}
		if ok {
			_, frame, ok = cut(frame, 4) // the checksum, which the decoder looks at
		}
	}
	return nil
}

// exifOfWebP returns the content of the EXIF chunk; nil if there is none.
func exifOfWebP(frame []byte) []byte {
	_, frame, ok := cut(frame, webpHeaderBytes)
	for ok && len(frame) >= 8 {
		kind, length := string(frame[:4]), binary.LittleEndian.Uint32(frame[4:])
		var content []byte
		if content, frame, ok = cut(frame[8:], length); ok && kind == "EXIF" {
			return content
		}
		if ok {
			_, frame, ok = cut(frame, length%2) // chunks begin at even offsets
		}
	}
	return nil
}

// cut splits b after n bytes; ok is false, and nothing is returned, if b is shorter.
func cut(b []byte, n uint32) (head, rest []byte, ok bool) {
	if uint64(n) > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
