package frame

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// What becomes of a hostile frame.
const (
	Shrunk   = "a thumbnail"
	Refused  = "ErrInvalid"
	Outsized = "ErrTooLarge"
)

// A HostileFrame is made when it is its turn, so that it is the only one in memory.
type HostileFrame struct {
	Name string
	Make func(tb testing.TB) []byte
	Want string
}

// HostileFrames are of every format.
func HostileFrames() []HostileFrame {
	return slices.Concat(hostileJPEGs(), hostilePNGs(), hostileGIFs(), hostileBMPs(), hostileWebPs(), cutFrames())
}

// LargeFrames are eight that each take much memory.
func LargeFrames(tb testing.TB) (several [][]byte) {
	tb.Helper()
	for range 2 {
		several = append(several, huffmanBomb(), losslessBomb(4096, 2160),
			jpegFile{width: 4080, height: 3060, progressive: true, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes(),
			pngFile{width: 8000, height: 5000, depth: 8, kind: 6}.bytes(tb))
	}
	return several
}

func hostileJPEGs() []HostileFrame {
	of := func(name, want string, f jpegFile) HostileFrame {
		return HostileFrame{"JPEG: " + name, func(testing.TB) []byte { return f.bytes() }, want}
	}
	raw := func(name, want string, frame func() []byte) HostileFrame {
		return HostileFrame{"JPEG: " + name, func(testing.TB) []byte { return frame() }, want}
	}
	const ycc = "\x01\x02\x03"
	cmyk := []byte{0x11, 0x11, 0x11, 0x11}
	segment := func(marker byte, content string) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(content))), content...)
	}
	small := func(before []byte) []byte {
		return jpegFile{width: 64, height: 64, names: ycc, sampling: same420, scans: 1, before: before}.bytes()
	}
	loop := exifPrefix + "II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00"
	count := exifPrefix + "MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff"
	return []HostileFrame{
		of("baseline, 40 MP", Shrunk, jpegFile{width: 8000, height: 5000, names: ycc, sampling: same444, scans: 1}),
		of("progressive, 40 MP", Outsized, jpegFile{width: 8000, height: 5000, progressive: true, names: ycc, sampling: same444, scans: 1}),
		of("progressive, 12 MP", Shrunk, jpegFile{width: 4080, height: 3060, progressive: true, names: ycc, sampling: same444, scans: 2}),
		of("64 scans of a few bytes over 24 MP", Shrunk, jpegFile{width: 6000, height: 4000, progressive: true, names: ycc, sampling: same420, scans: MaxScans, run: true}),
		of("10,000 scans", Outsized, jpegFile{width: 6000, height: 4000, progressive: true, names: ycc, sampling: same420, scans: 10_000, run: true}),
		of("CMYK, 24 MP", Shrunk, jpegFile{width: 6000, height: 4000, names: "\x01\x02\x03\x04", sampling: cmyk, adobe: []byte{0}, scans: 1}),
		of("CMYK, 40 MP", Outsized, jpegFile{width: 8000, height: 5000, names: "\x01\x02\x03\x04", sampling: cmyk, adobe: []byte{2}, scans: 1}),
		of("65535 x 65535", Outsized, jpegFile{width: 65535, height: 65535, names: ycc, sampling: same420, before: segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00")}),
		of("restart markers that do not come", Refused, jpegFile{width: 4000, height: 4000, names: ycc, sampling: same420, scans: 1, restart: 1}),
		raw("32 MiB of segments", Shrunk, func() []byte { return small(bytes.Repeat(segment(0xef, ""), 8<<20-1000)) }),
		raw("a million Huffman tables", Shrunk, func() []byte {
			return small(bytes.Repeat(segment(0xc4, "\x10\x01"+strings.Repeat("\x00", 16)), 1_000_000))
		}),
		raw("EXIF whose directory is in itself", Shrunk, func() []byte { return small(segment(app1, loop)) }),
		raw("EXIF of 2^32 orientations", Shrunk, func() []byte { return small(segment(app1, count)) }),
		raw("32 MiB of padding", Refused, func() []byte { return append([]byte("\xff\xd8"), bytes.Repeat([]byte{0xff}, MaxBytes-2)...) }),
		raw("32 MiB of nothing", Refused, func() []byte { return append([]byte("\xff\xd8\xff"), make([]byte, MaxBytes-3)...) }),
	}
}

func hostilePNGs() []HostileFrame {
	of := func(name, want string, f pngFile) HostileFrame {
		return HostileFrame{"PNG: " + name, f.bytes, want}
	}
	palette := func(colours int) []byte { return make([]byte, 3*colours) }
	return []HostileFrame{
		of("30,000 x 30,000", Outsized, pngFile{width: 30_000, height: 30_000, depth: 1}),
		of("40 MP with alpha", Shrunk, pngFile{width: 8000, height: 5000, depth: 8, kind: 6}),
		of("40 MP of 16 bits", Outsized, pngFile{width: 8000, height: 5000, depth: 16, kind: 6}),
		of("40 MP, interlaced", Outsized, pngFile{width: 8000, height: 5000, depth: 8, kind: 2, interlace: 1}),
		of("12 MP of 16 bits, interlaced", Shrunk, pngFile{width: 4000, height: 3000, depth: 16, kind: 6, interlace: 1}),
		of("a column of 16 million pixels", Shrunk, pngFile{width: 1, height: MaxEdge, depth: 8}),
		of("two rows of 16 million pixels", Outsized, pngFile{width: MaxEdge, height: 2, depth: 8, kind: 2}),
		{"PNG: a chunk of 31 MiB", func(tb testing.TB) []byte {
			return pngFile{width: 64, height: 64, depth: 8, extra: make([]byte, 31<<20)}.bytes(tb)
		}, Shrunk},
		of("no palette", Refused, pngFile{width: 64, height: 64, depth: 8, kind: 3}),
		of("a palette of no colours", Refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(0)}),
		of("a palette of 300 colours", Refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(300)}),
		of("a palette of a colour and a half", Refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: make([]byte, 5)}),
		of("colour 255 of one", Shrunk, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(1), pixel: 255}),
		of("transparency of more colours than there are", Refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(1), transparent: make([]byte, 300)}),
		{"PNG: 100 MB of pixels behind the picture's own", func(tb testing.TB) []byte {
			frame := pngFile{width: 1000, height: 100_000, depth: 8}.bytes(tb)
			head := pngFile{width: 1000, height: 10, depth: 8}.bytes(tb)
			return append(head[:33:33], frame[33:]...)
		}, Refused},
	}
}

func hostileGIFs() []HostileFrame {
	of := func(name, want string, f gifFile) HostileFrame {
		return HostileFrame{"GIF: " + name, f.bytes, want}
	}
	return []HostileFrame{
		of("40 MP, interlaced", Shrunk, gifFile{width: 8000, height: 5000, palette: true, interlace: true, pictures: 1}),
		of("a screen of 65535 x 65535", Outsized, gifFile{width: 65535, height: 65535, palette: true}),
		of("10,000 pictures", Shrunk, gifFile{width: 640, height: 480, palette: true, pictures: 10_000}),
		of("no end", Shrunk, gifFile{width: 64, height: 64, palette: true, pictures: 1, noTrailer: true}),
		of("no picture", Refused, gifFile{width: 64, height: 64, palette: true}),
		of("no palette", Refused, gifFile{width: 64, height: 64, pictures: 1}),
		{"GIF: a comment of 31 MiB", func(tb testing.TB) []byte {
			comment := bytes.Repeat(append([]byte{255}, make([]byte, 255)...), 31<<12)
			comment = append(append([]byte{0x21, 0xfe}, comment...), 0)
			return gifFile{width: 64, height: 64, palette: true, before: comment, pictures: 1}.bytes(tb)
		}, Shrunk},
	}
}

func hostileBMPs() []HostileFrame {
	of := func(name, want string, f bmpFile) HostileFrame {
		return HostileFrame{"BMP: " + name, func(testing.TB) []byte { return f.bytes() }, want}
	}
	return []HostileFrame{
		of("40 MP without pixels", Refused, bmpFile{width: 8000, height: -5000, depth: 32}),
		of("30,000 x 30,000", Outsized, bmpFile{width: 30_000, height: 30_000, depth: 1, colours: 2, palette: 8}),
		of("a height of -2^31", Outsized, bmpFile{width: 64, height: -1 << 31, depth: 24, data: 1000}),
		of("a negative width", Refused, bmpFile{width: -64, height: 64, depth: 24, data: 64 * 64 * 3}),
		of("a palette of 2^31 colours", Refused, bmpFile{width: 64, height: 64, depth: 8, colours: 1 << 31, palette: 1024, data: 64 * 64}),
		of("half a palette", Refused, bmpFile{width: 64, height: 64, depth: 8, palette: 512, data: 64 * 64}),
	}
}

func hostileWebPs() []HostileFrame {
	of := func(name, want string, frame func(tb testing.TB) []byte) HostileFrame {
		return HostileFrame{"WebP: " + name, frame, want}
	}
	canvas := "\x00\x00\x00\x00\x3f\x00\x00\x3f\x00\x00"
	return []HostileFrame{
		of("16,384 x 16,384", Outsized, func(testing.TB) []byte { return losslessBomb(1<<14, 1<<14) }),
		of("9 MP in 40 bytes", Shrunk, func(testing.TB) []byte { return losslessBomb(4096, 2160) }),
		of("2600 groups of codes", Shrunk, func(testing.TB) []byte { return huffmanBomb() }),
		of("lossy, 40 MP of no data", Refused, func(tb testing.TB) []byte { return lossyBomb(tb, 8000, 5000) }),
		of("alpha of 9 MP in 40 bytes", Refused, func(tb testing.TB) []byte { return alphaBomb(tb, 4096, 2160) }),
		of("plain alpha that is not there", Refused, func(tb testing.TB) []byte {
			return withAlpha(lossyBomb(tb, 8000, 5000), 8000, 5000, []byte{0})
		}),
		of("a canvas of 2^24 x 2^24", Refused, func(testing.TB) []byte { return riff("VP8X", []byte("\x10\x00\x00\x00\xff\xff\xff\xff\xff\xff")) }),
		of("a small canvas, a large picture", Refused, func(testing.TB) []byte {
			return addChunk(riff("VP8X", []byte(canvas)), "VP8L", losslessData(1<<14, 1<<14))
		}),
		of("a chunk that says it has 16 MB", Refused, func(tb testing.TB) []byte {
			frame := lossyBomb(tb, 64, 64)
			binary.LittleEndian.PutUint32(frame[4:], 1<<25)
			binary.LittleEndian.PutUint32(frame[webpHeaderBytes+4:], 1<<24-1)
			return frame
		}),
		of("4 million chunks", Refused, func(testing.TB) []byte {
			return append([]byte("RIFF\xf4\xff\xff\x01WEBP"), bytes.Repeat([]byte("none\x00\x00\x00\x00"), 4<<20-2)...)
		}),
	}
}

// cutFrames are halves of frames that would take as much as may be.
func cutFrames() []HostileFrame {
	half := func(name string, frame func(tb testing.TB) []byte) HostileFrame {
		return HostileFrame{"half of " + name, func(tb testing.TB) []byte {
			whole := frame(tb)
			return whole[:len(whole)/2]
		}, Refused}
	}
	return []HostileFrame{
		half("a JPEG", func(testing.TB) []byte {
			return jpegFile{width: 8000, height: 5000, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes()
		}),
		half("a progressive JPEG", func(testing.TB) []byte {
			return jpegFile{width: 4000, height: 3000, progressive: true, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes()
		}),
		half("a PNG", pngFile{width: 8000, height: 5000, depth: 8, kind: 6}.bytes),
		half("a GIF", gifFile{width: 8000, height: 5000, palette: true, interlace: true, pictures: 1}.bytes),
		half("a BMP", func(testing.TB) []byte {
			return bmpFile{width: 4000, height: 2000, depth: 24, data: 24_000_000}.bytes()
		}),
		half("a WebP", func(testing.TB) []byte { return huffmanBomb() }),
	}
}
