package frame

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"io"
	"testing"
)

// shrink makes a thumbnail as a store does.
func shrink(frame []byte, edge int) (thumb []byte, width, height int, err error) {
	made, err := New(edge).Shrink(context.Background(), frame)
	return made.JPEG, made.Width, made.Height, err
}

// Frames made by hand, of sizes and kinds that no encoder of Go writes. All of
// their pixels are the same.

// A jpegFile is a JPEG whose codes are so chosen that zeros are all the data
// that a scan needs: two bits a block, or with end-of-band runs almost none.
type jpegFile struct {
	width, height int
	progressive   bool
	names         string // of the components, a byte each
	sampling      []byte // of the components, across and down in four bits each
	adobe         []byte // transform, if not empty
	scans         int    // over all components; behind it, in a progressive one, over the first alone
	run           bool   // blocks end in runs, so that a scan of a few bytes covers 16,384 of them
	restart       int    // interval, of which the data then has no marker
	before        []byte // segments before the first one
}

func (f jpegFile) bytes() []byte {
	var out []byte
	segment := func(marker byte, content ...byte) {
		out = append(out, 0xff, marker)
		out = append(binary.BigEndian.AppendUint16(out, uint16(2+len(content))), content...)
	}
	out = append(out, 0xff, startOfImage)
	out = append(out, f.before...)
	if f.restart > 0 {
		segment(0xdd, byte(f.restart>>8), byte(f.restart))
	}
	if len(f.adobe) > 0 {
		segment(app14, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), f.adobe...)...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...) // quantization
	frame := binary.BigEndian.AppendUint16([]byte{8}, uint16(f.height))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(f.width)), byte(len(f.names)))
	for i := range len(f.names) {
		frame = append(frame, f.names[i], f.sampling[i], 0)
	}
	ac := byte(0) // end of block
	if f.run {
		ac = 0xe0 // end of 2^14 blocks and as many as the next 14 bits say
	}
	kind := byte(startOfFrame0)
	if f.progressive {
		kind = startOfFrame2
	}
	segment(kind, frame...)
	oneCode := append([]byte{1}, make([]byte, 15)...)
	segment(0xc4, append(append([]byte{0x00}, oneCode...), 0)...)  // DC: no difference
	segment(0xc4, append(append([]byte{0x10}, oneCode...), ac)...) // AC
	h := headerOfJPEG(append(out[:len(out):len(out)], 0xff, endOfImage))
	blocks := int(h.samples(image.Pt(f.width, f.height)) / 64)
	for i := range f.scans {
		out = f.scan(out, i, blocks)
	}
	return append(out, 0xff, endOfImage)
}

func (f *jpegFile) scan(out []byte, i, blocks int) []byte {
	names, selection := f.names, []byte{0, 63, 0}
	bits := 2 * blocks
	if f.progressive {
		selection[1], bits = 0, blocks
	}
	if f.progressive && i > 0 {
		names, selection = names[:1], []byte{1, 63, 0}
		if f.run {
			selection[2] = 0x10 // a refinement, which looks at each coefficient
			bits = 15 * (1 + blocks/(1<<14))
		}
	}
	out = append(out, 0xff, startOfScan, 0, byte(6+2*len(names)), byte(len(names)))
	for j := range len(names) {
		out = append(out, names[j], 0)
	}
	return append(append(out, selection...), make([]byte, units(bits, 8))...)
}

// A pngFile is a PNG of zeros.
type pngFile struct {
	width, height          int
	depth, kind, interlace byte
	palette                []byte // of 3 bytes a colour
	transparent            []byte // tRNS
	extra                  []byte // a private chunk before the pixels
	pixel                  byte   // what all bytes of the pixels are
}

func pngChunk(out []byte, kind string, content []byte) []byte {
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(content))), kind...)
	out = append(out, content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[len(out)-len(content)-4:]))
}

func (f pngFile) bytes(tb testing.TB) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(f.width))
	head = append(binary.BigEndian.AppendUint32(head, uint32(f.height)), f.depth, f.kind, 0, 0, f.interlace)
	out := pngChunk([]byte(pngMagic), "IHDR", head)
	if f.palette != nil {
		out = pngChunk(out, "PLTE", f.palette)
	}
	if f.transparent != nil {
		out = pngChunk(out, "tRNS", f.transparent)
	}
	if f.extra != nil {
		out = pngChunk(out, "prVt", f.extra)
	}
	var data bytes.Buffer
	w, err := zlib.NewWriterLevel(&data, zlib.BestSpeed)
	if err != nil {
		tb.Fatal(err)
	}
	channels := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[f.kind]
	rows := func(width, height int) {
		if width == 0 {
			return // a pass without pixels
		}
		row := append([]byte{0}, bytes.Repeat([]byte{f.pixel}, units(width*channels*int(f.depth), 8))...)
		for range height {
			if _, err := w.Write(row); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if f.interlace == 0 {
		rows(f.width, f.height)
	} else {
		for _, pass := range []struct{ x, y, dx, dy int }{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
			rows(units(f.width-pass.x, pass.dx), units(f.height-pass.y, pass.dy))
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return pngChunk(pngChunk(out, "IDAT", data.Bytes()), "IEND", nil)
}

// A gifFile is a GIF whose pictures cover its screen.
type gifFile struct {
	width, height int
	palette       bool
	interlace     bool
	before        []byte // blocks before the first picture
	pictures      int
	noTrailer     bool
}

func (f gifFile) bytes(tb testing.TB) []byte {
	out := binary.LittleEndian.AppendUint16([]byte("GIF89a"), uint16(f.width))
	out = binary.LittleEndian.AppendUint16(out, uint16(f.height))
	if f.palette {
		out = append(out, 0x80, 0, 0, 0, 0, 0, 255, 255, 255) // of two colours
	} else {
		out = append(out, 0, 0, 0)
	}
	out = append(out, f.before...)
	if f.pictures == 0 {
		return out
	}
	var codes bytes.Buffer
	w := lzw.NewWriter(&codes, lzw.LSB, 2)
	if _, err := io.CopyN(w, zeros{}, int64(f.width)*int64(f.height)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	for range f.pictures {
		out = append(out, 0x2c, 0, 0, 0, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(f.width))
		out = binary.LittleEndian.AppendUint16(out, uint16(f.height))
		if f.interlace {
			out = append(out, 0x40, 2)
		} else {
			out = append(out, 0, 2)
		}
		for rest := codes.Bytes(); len(rest) > 0; {
			n := min(len(rest), 255)
			out = append(append(out, byte(n)), rest[:n]...)
			rest = rest[n:]
		}
		out = append(out, 0)
	}
	if f.noTrailer {
		return out
	}
	return append(out, 0x3b)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A bmpFile is a BMP; its height may be negative, which means from top to bottom.
type bmpFile struct {
	width, height int32
	depth         uint16
	colours       uint32 // of the palette, as the header says
	palette, data int    // bytes that are there, of the palette and of the pixels
}

func (f bmpFile) bytes() []byte {
	const header = 14 + 40
	little := binary.LittleEndian
	out := little.AppendUint32([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00"), uint32(header+f.palette))
	out = little.AppendUint32(out, 40)
	out = little.AppendUint32(little.AppendUint32(out, uint32(f.width)), uint32(f.height))
	out = little.AppendUint16(little.AppendUint16(out, 1), f.depth)
	out = append(out, make([]byte, 16)...) // compression, size, resolution
	out = little.AppendUint32(little.AppendUint32(out, f.colours), 0)
	return append(out, make([]byte, f.palette+f.data)...)
}

// A bitWriter writes bits from the lowest of each byte on, as lossless WebP has them.
type bitWriter struct {
	data []byte
	free int // bits of the last byte
}

func (b *bitWriter) put(value, n int) {
	for i := range n {
		if b.free == 0 {
			b.data, b.free = append(b.data, 0), 8
		}
		b.data[len(b.data)-1] |= byte(value>>i&1) << (8 - b.free)
		b.free--
	}
}

// putReversed writes a Huffman code, from its highest bit on.
func (b *bitWriter) putReversed(code, n int) {
	for i := n - 1; i >= 0; i-- {
		b.put(code>>i, 1)
	}
}

// single is a code of one symbol, which takes no bits.
func (b *bitWriter) single(symbol int) {
	b.put(1, 1)
	b.put(0, 1)
	b.put(1, 1)
	b.put(symbol, 8)
}

// A lengthRun is so many symbols whose codes are of that length.
type lengthRun struct{ length, count int }

// code writes a code by the lengths of its symbols: one or two runs.
func (b *bitWriter) code(runs ...lengthRun) {
	const again = 16                                                                    // repeats a length 3 to 6 times
	order := []int{17, 18, 0, 1, 2, 3, 4, 5, again, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} // of the lengths of lengths
	type lengthCode struct{ bits, value int }                                           // canonical: by length, then by symbol
	codes := map[int]lengthCode{again: {1, 0}}
	for i, run := range runs {
		codes[run.length] = lengthCode{2, 2 + i}
	}
	if len(runs) == 1 {
		codes = map[int]lengthCode{runs[0].length: {1, 0}, again: {1, 1}}
	}
	b.put(0, 1)
	b.put(len(order)-4, 4)
	for _, length := range order {
		b.put(codes[length].bits, 3)
	}
	write := func(length int) { b.putReversed(codes[length].value, codes[length].bits) }
	b.put(0, 1) // lengths for all symbols follow
	for _, run := range runs {
		for left, first := run.count, true; left > 0; first = false {
			if first || left < 3 {
				write(run.length)
				left--
				continue
			}
			n := min(left, 6)
			write(again)
			b.put(n-3, 2)
			left -= n
		}
	}
}

// huffmanBomb is a lossless WebP of 208x208 pixels with as many groups of codes
// as the decoder takes, each of the largest codes that there are.
func huffmanBomb() []byte {
	const edge, tiles, groups = 208, 52 * 52, 2600
	b := &bitWriter{data: []byte{0x2f}}
	b.put(edge-1, 14)
	b.put(edge-1, 14)
	b.put(0, 1+3+1) // alpha, version, transform
	b.put(1, 1)
	b.put(11, 4) // cache of 2^11 colours
	b.put(1, 1)
	b.put(0, 3)       // tiles of 4x4
	b.put(0, 1)       // the picture that says which group a tile has: no cache
	const short = 232 // codes of 8 bits for green, which has 24 symbols more than the others
	b.code(lengthRun{8, short}, lengthRun{9, 280 - short})
	b.code(lengthRun{8, 256})
	for range 3 {
		b.single(0)
	}
	for i := range tiles {
		group := min(i, groups-1)
		if green := group & 0xff; green < short {
			b.putReversed(green, 8)
		} else {
			b.putReversed(short+green, 9)
		}
		b.putReversed(group>>8, 8) // red
	}
	for range groups {
		b.code(lengthRun{11, 1768}, lengthRun{12, 560}) // complete, as the decoder wants it
		for range 3 {
			b.code(lengthRun{8, 256})
		}
		b.code(lengthRun{5, 24}, lengthRun{6, 16})
	}
	return riff("VP8L", append(b.data, make([]byte, edge*edge*5)...))
}

// losslessBomb is a lossless WebP of that size in a few bytes: each pixel takes none.
func losslessBomb(width, height int) []byte {
	return riff("VP8L", losslessData(width, height))
}

func losslessData(width, height int) []byte {
	b := &bitWriter{data: []byte{0x2f}}
	b.put(width-1, 14)
	b.put(height-1, 14)
	b.put(0, 1+3+1+1+1)
	for range 5 {
		b.single(0)
	}
	return append(b.data, 0, 0, 0, 0)
}

// lossyBomb is a lossy WebP with the data of 512 pixels that says it has more.
func lossyBomb(tb testing.TB, width, height int) []byte {
	frame, err := base64.StdEncoding.DecodeString(lossyWebP)
	if err != nil {
		tb.Fatal(err)
	}
	const size = webpHeaderBytes + 8 + 6
	binary.LittleEndian.PutUint16(frame[size:], uint16(width))
	binary.LittleEndian.PutUint16(frame[size+2:], uint16(height))
	return frame
}

// alphaBomb is a lossy WebP whose alpha, in a few bytes, is as large as its canvas.
func alphaBomb(tb testing.TB, width, height int) []byte {
	return withAlpha(lossyBomb(tb, width, height), width, height, append([]byte{1}, losslessData(width, height)[5:]...))
}

func withAlpha(lossy []byte, width, height int, alpha []byte) []byte {
	canvas := []byte{0x10, 0, 0, 0}
	for _, n := range []int{width - 1, height - 1} {
		canvas = append(canvas, byte(n), byte(n>>8), byte(n>>16))
	}
	out := addChunk(riff("VP8X", canvas), "ALPH", alpha)
	return addChunk(out, "VP8 ", lossy[webpHeaderBytes+8:])
}
