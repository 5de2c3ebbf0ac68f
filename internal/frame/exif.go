package frame

import (
	"bytes"
	"encoding/binary"
)

// A camera that is mounted on its side or upside down saves the frame as the sensor saw
// it. It says in EXIF how to turn it. EXIF is a TIFF file in miniature:
//
//	"II" or "MM"  byte order of all that follows
//	uint16        42
//	uint32        offset of the first directory
//	…
//	uint16        entries of the directory, each
//	              tag uint16 | type uint16 | count uint32 | value, 4 bytes
//
// JPEG keeps it in an APP1 segment, PNG in an eXIf chunk and WebP in an EXIF chunk. Only
// the orientation is read. Broken EXIF counts as absent: a thumbnail that lies on its side
// is better than none.
const (
	upright        = 1 // as saved; with 2 to 8 it is mirrored or turned (CIPA DC-008, 4.6.4)
	tagOrientation = 0x0112
	typeShort      = 3
	exifPrefix     = "Exif\x00\x00"
)

// orientation returns the EXIF orientation, 1 to 8. It is upright if exif has none.
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
