package frame

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/internal/fault"
)

// FuzzShrink looks for frames that make anything panic, our code or a
// decoder, that take more memory than their headers say, and for thumbnails
// that are not what shrink says of them.
func FuzzShrink(f *testing.F) {
	for i := range formats {
		f.Add(encoded(f, formats[i].name, marked()), uint16(40))
	}
	for _, frame := range turnedFrames(f, 6) {
		f.Add(frame, uint16(640))
	}
	for _, text := range []string{lossyWebP, lossyAlphaWebP} {
		frame, _ := base64.StdEncoding.DecodeString(text)
		f.Add(frame, uint16(20))
	}
	for _, frame := range framesOfEveryCost(f, 41, 23) {
		f.Add(frame, uint16(17))
	}
	f.Add(pngHeader(50_000, 50_000), uint16(1))
	f.Fuzz(func(t *testing.T, frame []byte, edge uint16) {
		frame = rightSums(frame)
		found, err := inspect(formats[:], frame, int(edge))
		if edge == 0 || err == nil && pixels(found.size) > 300_000 {
			return // too slow
		}
		var before, after runtime.MemStats
		used := uint64(math.MaxUint64) // others allocate too, so the least counts
		var thumb []byte
		var width, height int
		for try := 0; try < 3 && used > mostMemory(found); try++ {
			runtime.ReadMemStats(&before)
			thumb, width, height, err = shrink(frame, int(edge))
			runtime.ReadMemStats(&after)
			used = min(used, after.TotalAlloc-before.TotalAlloc)
		}
		if used > mostMemory(found) {
			t.Fatalf("%d bytes were allocated; the headers say %d", used, found.memory)
		}
		if err != nil {
			if thumb != nil || !errors.Is(err, fault.ErrInvalid) || strings.Contains(err.Error(), "panic") {
				t.Fatalf("%d bytes and %v", len(thumb), err)
			}
			return
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(thumb))
		if err != nil {
			t.Fatal(err)
		}
		if want := thumbnailSize(image.Pt(width, height), int(edge)); image.Pt(c.Width, c.Height) != want {
			t.Fatalf("%dx%d to %d became %dx%d", width, height, edge, c.Width, c.Height)
		}
	})
}

// mostMemory is what shrink may allocate for a frame. Beside the figure that is
// compared with the limit come buffers of fixed size, and for the codes of WebP
// the lengths of which they are made, which do not stay.
func mostMemory(found inspected) uint64 {
	const buffers = 1 << 20
	n := uint64(found.memory)
	if found.format != nil && found.format.name == "WebP" {
		n *= 2
	}
	return n + buffers
}

// rightSums mends the checksums of a PNG, which no mutation gets right.
func rightSums(frame []byte) []byte {
	if !bytes.HasPrefix(frame, []byte(pngMagic)) {
		return frame
	}
	frame = bytes.Clone(frame)
	at := len(pngMagic)
	for _, content := range chunksOfPNG(frame) {
		end := at + 8 + len(content)
		if end+4 > len(frame) {
			break
		}
		binary.BigEndian.PutUint32(frame[end:], crc32.ChecksumIEEE(frame[at+4:end]))
		at = end + 4
	}
	return frame
}

// FuzzEXIF looks for metadata, and for parts of frames, that lead the search
// for the orientation outside of the frame, or to one that there is not.
func FuzzEXIF(f *testing.F) {
	for _, frame := range turnedFrames(f, 6) {
		f.Add(frame)
	}
	f.Add(exifSaying(binary.BigEndian, 8))
	f.Add(exifSaying(binary.LittleEndian, 3))
	f.Fuzz(func(t *testing.T, frame []byte) {
		check := func(content []byte) {
			if turn := orientation(content); turn < 1 || turn > 8 {
				t.Errorf("orientation %d", turn)
			}
			if len(content) > len(frame) || !bytes.Contains(frame, content) {
				t.Errorf("%d bytes that are not in the frame", len(content))
			}
		}
		check(frame)
		for _, find := range []func([]byte) []byte{exifOfJPEG, exifOfPNG, exifOfWebP} {
			check(find(frame))
		}
		length := 0
		for _, content := range segmentsOfJPEG(frame) {
			length += len(content) + 4
		}
		if length > len(frame) {
			t.Errorf("segments of %d bytes in a frame of %d", length, len(frame))
		}
	})
}
