package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"slices"
	"testing"
)

// exifSaying is EXIF of one directory, in which the orientation is the second entry.
func exifSaying(order binary.AppendByteOrder, value uint16) []byte {
	tiff := []byte("II")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM")
	}
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	entry := func(tag, kind uint16) {
		tiff = order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, tag), kind), 1)
		tiff = order.AppendUint16(order.AppendUint16(tiff, value), 0)
	}
	entry(tagOrientation-1, typeShort)
	entry(tagOrientation, typeShort)
	return order.AppendUint32(tiff, 0)
}

// turnedFrames are the marked frame in every format that can say how it is to be turned.
func turnedFrames(tb testing.TB, value uint16) map[string][]byte {
	exif := exifSaying(binary.BigEndian, value)
	segment := append([]byte(exifPrefix), exifSaying(binary.LittleEndian, value)...)
	segment = append([]byte{0xff, 0xe1, 0, byte(2 + len(segment))}, segment...)
	other := []byte("\xff\xe1\x00\x08http\x00\x00") // XMP comes in APP1 too
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(exif))), "eXIf"...)
	chunk = append(chunk, exif...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const headerOfPNG = len(pngMagic) + 12 + 13
	return map[string][]byte{
		"JPEG": slices.Insert(encoded(tb, "JPEG", marked()), 2, append(other, segment...)...),
		"PNG":  slices.Insert(encoded(tb, "PNG", marked()), headerOfPNG, chunk...),
		"WebP": addChunk(encoded(tb, "WebP", marked()), "EXIF", exif),
	}
}

func TestAFrameIsTurnedUpright(t *testing.T) {
	topLeft, topRight := image.Pt(0, 0), image.Pt(1, 0)
	bottomLeft, bottomRight := image.Pt(0, 1), image.Pt(1, 1)
	for value, want := range map[uint16]struct{ red, green image.Point }{
		0: {topLeft, topRight}, // no orientation that there is
		1: {topLeft, topRight},
		2: {topRight, topLeft},
		3: {bottomRight, bottomLeft},
		4: {bottomLeft, bottomRight},
		5: {topLeft, bottomLeft},
		6: {topRight, bottomRight},
		7: {bottomRight, topRight},
		8: {bottomLeft, topLeft},
		9: {topLeft, topRight},
	} {
		wantSize := image.Pt(64, 32)
		if value >= 5 && value <= 8 {
			wantSize = image.Pt(32, 64)
		}
		for format, frame := range turnedFrames(t, value) {
			t.Run(fmt.Sprintf("%s %d", format, value), func(t *testing.T) {
				m, width, height := thumbnail(t, frame, 48)
				size := m.Bounds().Size()
				if image.Pt(width, height) != wantSize || size != wantSize.Mul(3).Div(4) {
					t.Fatalf("size is %dx%d, thumbnail %v; want %v and three quarters of it", width, height, size, wantSize)
				}
				expect := func(corner image.Point, c color.Color) {
					t.Helper()
					expectColour(t, m, 4+corner.X*(size.X-8), 4+corner.Y*(size.Y-8), c)
				}
				expect(want.red, red)
				expect(want.green, green)
				expectColour(t, m, size.X/2, size.Y/2, black)
			})
		}
	}
}

func TestAThumbnailHasNoMetadata(t *testing.T) {
	for format, frame := range turnedFrames(t, 6) {
		thumb, _, _, err := shrink(frame, 640)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(thumb, []byte("\xff\xe1")) || bytes.Contains(thumb, []byte("Exif")) {
			t.Errorf("%s: metadata is left", format)
		}
	}
}

func TestBrokenEXIFCountsAsUpright(t *testing.T) {
	whole := exifSaying(binary.LittleEndian, 6)
	const directory, second = 8, 8 + 2 + 12
	with := func(at int, b ...byte) []byte {
		return append(append(slices.Clone(whole[:at]), b...), whole[at+len(b):]...)
	}
	for _, c := range []struct {
		name string
		exif []byte
		want int
	}{
		{"whole", whole, 6},
		{"whole, with the prefix of JPEG", append([]byte(exifPrefix), whole...), 6},
		{"none", nil, upright},
		{"byte order alone", whole[:4], upright},
		{"no such byte order", with(0, 'X'), upright},
		{"the other byte order", with(0, 'M', 'M'), upright},
		{"directory behind the end", with(4, 0xff, 0xff, 0xff, 0xff), upright},
		{"directory at the end", with(4, byte(len(whole))), upright},
		{"fewer entries than announced", whole[:second+11], upright},
		{"more entries than there are, found before", with(directory, 0xff, 0xff), 6},
		{"no orientation among the entries", with(directory, 1), upright},
		{"orientation is text", with(second+2, 2), upright},
		{"two orientations", with(second+4, 2), upright},
		{"orientation 0", with(second+8, 0), upright},
		{"orientation 9", with(second+8, 9), upright},
		{"orientation 262", with(second+9, 1), upright},
	} {
		if got := orientation(c.exif); got != c.want {
			t.Errorf("%s: orientation %d, want %d", c.name, got, c.want)
		}
	}
}

func TestEXIFIsFoundAmongTheSegmentsOfAJPEG(t *testing.T) {
	exif := exifPrefix + string(exifSaying(binary.BigEndian, 6))
	app1 := "\xff\xe1\x00" + string(rune(2+len(exif))) + exif
	for _, c := range []struct {
		name, segments string
		want           int
	}{
		{"first", app1, 6},
		{"behind another segment", "\xff\xe0\x00\x04JF" + app1, 6},
		{"behind padding", "\xff\xff\xff" + app1, 6},
		{"behind stray bytes", "stray\xff\x00" + app1, 6},
		{"behind a restart marker", "\xff\xd0" + app1, 6},
		{"twice", app1 + "\xff\xe1\x00\x08Exif\x00\x00", 6},
		{"behind the start of the scan", "\xff\xda\x00\x02" + app1, upright},
		{"behind the end", "\xff\xd9\x00\x02" + app1, upright},
		{"longer than the frame", "\xff\xe1\x10\x00" + exif, upright},
		{"in a segment shorter than its own length", "\xff\xe1\x00\x01" + exif, upright},
	} {
		if got := orientation(exifOfJPEG([]byte("\xff\xd8" + c.segments))); got != c.want {
			t.Errorf("%s: orientation %d, want %d", c.name, got, c.want)
		}
	}
}

// A frame that ends too early, or whose lengths lie, is for the decoder to
// refuse; the search for EXIF before it must end, and stay inside.
func TestTheSearchForEXIFStaysInsideTheFrame(t *testing.T) {
	find := map[string]func([]byte) []byte{"JPEG": exifOfJPEG, "PNG": exifOfPNG, "WebP": exifOfWebP}
	for format, frame := range turnedFrames(t, 6) {
		frame = slices.Clip(frame)
		first := 0 // shortest beginning of the frame that holds the EXIF
		for n := range len(frame) + 1 {
			found := orientation(find[format](slices.Clip(frame[:n])))
			if first == 0 && found == 6 {
				first = n
			}
			if found != upright && found != 6 || first != 0 && found != 6 {
				t.Fatalf("%s: of %d bytes, orientation %d", format, n, found)
			}
		}
		if first == 0 {
			t.Errorf("%s: EXIF was not found", format)
		}
		for i := range frame {
			lying := slices.Clone(frame)
			lying[i] = 0xff
			if found := find[format](lying); len(found) > len(frame) {
				t.Errorf("%s: %d bytes of EXIF in %d", format, len(found), len(frame))
			}
		}
	}
}

// What is found in the frames of each format, by the walk of their parts.
func exifOfJPEG(frame []byte) []byte { return headerOfJPEG(frame).exif }

func exifOfPNG(frame []byte) []byte {
	h, _ := headersOfPNG(frame, image.Config{})
	return h.exif
}

func exifOfWebP(frame []byte) []byte {
	h, _ := headersOfWebP(frame, image.Config{})
	return h.exif
}
