package frame

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/internal/fault"
)

var (
	same444 = []byte{0x11, 0x11, 0x11}
	same420 = []byte{0x22, 0x11, 0x11}
)

// framesOfEveryCost are frames of that size, one for each way in which a decoder takes memory.
func framesOfEveryCost(tb testing.TB, w, h int) map[string][]byte {
	ycc := jpegFile{width: w, height: h, names: "\x01\x02\x03", sampling: same444, scans: 1}
	with := func(change func(*jpegFile)) []byte {
		f := ycc
		change(&f)
		return f.bytes()
	}
	frames := map[string][]byte{
		"JPEG 4:4:4":        ycc.bytes(),
		"JPEG 4:2:0":        with(func(f *jpegFile) { f.sampling = same420 }),
		"JPEG 4:1:0":        with(func(f *jpegFile) { f.sampling = []byte{0x42, 0x11, 0x11} }),
		"JPEG grey":         with(func(f *jpegFile) { f.names, f.sampling = "\x01", []byte{0x42} }),
		"JPEG RGB":          with(func(f *jpegFile) { f.names = "RGB" }),
		"JPEG RGB by Adobe": with(func(f *jpegFile) { f.adobe = []byte{0} }),
		"JPEG CMYK":         with(func(f *jpegFile) { f.names, f.sampling, f.adobe = "CMYK", []byte{0x11, 0x11, 0x11, 0x11}, []byte{0} }),
		"JPEG YCCK": with(func(f *jpegFile) {
			f.names, f.sampling, f.adobe = "\x01\x02\x03\x04", []byte{0x22, 0x11, 0x11, 0x22}, []byte{2}
		}),
		"progressive JPEG 4:4:4": with(func(f *jpegFile) { f.progressive, f.scans = true, 5 }),
		"progressive JPEG 4:2:0": with(func(f *jpegFile) { f.progressive, f.sampling = true, same420 }),
		"progressive JPEG CMYK": with(func(f *jpegFile) {
			f.progressive, f.names, f.sampling, f.adobe = true, "CMYK", []byte{0x22, 0x11, 0x11, 0x22}, []byte{0}
		}),
		"GIF":                   gifFile{width: w, height: h, palette: true, pictures: 1}.bytes(tb),
		"GIF, interlaced":       gifFile{width: w, height: h, palette: true, interlace: true, pictures: 3}.bytes(tb),
		"BMP of 24 bits":        bmpFile{width: int32(w), height: int32(h), depth: 24, data: h * (3*w + 1)}.bytes(),
		"BMP of 32 bits":        bmpFile{width: int32(w), height: -int32(h), depth: 32, data: h * 4 * w}.bytes(),
		"BMP of 1 bit":          bmpFile{width: int32(w), height: int32(h), depth: 1, colours: 2, palette: 8, data: h * (w/8 + 2)}.bytes(),
		"lossless WebP":         losslessBomb(w, h),
		"WebP of many codes":    huffmanBomb(),
		"lossy WebP":            lossyBomb(tb, w, h),
		"WebP with alpha":       alphaBomb(tb, w, h),
		"WebP with plain alpha": withAlpha(lossyBomb(tb, w, h), w, h, make([]byte, 1+w*h)),
	}
	for name, f := range map[string]pngFile{
		"PNG grey":                    {depth: 8},
		"PNG grey, transparent":       {depth: 1, transparent: []byte{0, 0}},
		"PNG grey of 16 bits":         {depth: 16},
		"PNG with a palette":          {depth: 8, kind: 3, palette: make([]byte, 3*256)},
		"PNG of colours":              {depth: 8, kind: 2},
		"PNG of 16 bits":              {depth: 16, kind: 2},
		"PNG with alpha":              {depth: 8, kind: 6},
		"PNG grey with alpha, 16":     {depth: 16, kind: 4},
		"PNG of 16 bits, interlaced":  {depth: 16, kind: 6, interlace: 1},
		"PNG with a palette in lines": {depth: 4, kind: 3, interlace: 1, palette: make([]byte, 3*16)},
	} {
		f.width, f.height = w, h
		frames[name] = f.bytes(tb)
	}
	return frames
}

// What the frames cost decides which are refused, so it must not be less than
// they take, nor so much more that frames are refused that fit.
func TestAFrameTakesTheMemoryThatItsHeadersSay(t *testing.T) {
	frames := framesOfEveryCost(t, 1201, 801)
	frames["WebP of many codes"] = huffmanBomb()
	for name, frame := range frames {
		t.Run(name, func(t *testing.T) {
			found, err := inspect(formats[:], frame, 640)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _, err = shrink(frame, 640)
			runtime.ReadMemStats(&after)
			cut := strings.HasPrefix(name, "lossy") || strings.HasPrefix(name, "WebP with") // which have no pixels
			if err != nil && !cut {
				t.Fatal(err)
			}
			used, least := after.TotalAlloc-before.TotalAlloc, uint64(found.memory/4)
			if strings.Contains(name, "WebP") {
				least = 0
			}
			if used > mostMemory(found) || used < least {
				t.Errorf("%d bytes were allocated; the headers say %d", used, found.memory)
			}
		})
	}
}

func TestTheLargestFramesThatAreTaken(t *testing.T) {
	jpegOf := func(w, h int, progressive bool, sampling []byte) []byte {
		f := jpegFile{width: w, height: h, progressive: progressive, names: "\x01\x02\x03\x04"[:len(sampling)], sampling: sampling}
		if len(sampling) == 4 {
			f.adobe = []byte{0}
		}
		frame := f.bytes()
		return append(frame[:len(frame)-2], "\xff\xda\x00\x02"...)
	}
	header := func(f pngFile) []byte {
		head := pngHeader(uint32(f.width), uint32(f.height))
		head[24], head[25], head[28] = f.depth, f.kind, f.interlace
		return pngChunk(pngChunk(head[:8:8], "IHDR", head[16:29]), "IDAT", nil)
	}
	const edge = 1280 // the default
	for _, c := range []struct {
		name  string
		frame []byte
		taken bool
	}{
		{"4K JPEG", jpegOf(3840, 2160, false, same420), true},
		{"4K progressive JPEG 4:4:4", jpegOf(3840, 2160, true, same444), true},
		{"12 MP JPEG", jpegOf(4032, 3024, false, same444), true},
		{"12 MP progressive JPEG 4:2:0", jpegOf(4080, 3060, true, same420), true},
		{"12 MP progressive JPEG 4:4:4", jpegOf(4080, 3060, true, same444), true},
		{"24 MP progressive JPEG 4:2:0", jpegOf(6000, 4000, true, same420), true},
		{"40 MP JPEG 4:4:4", jpegOf(8000, 5000, false, same444), true},
		{"40 MP progressive JPEG 4:2:0", jpegOf(8000, 5000, true, same420), false},
		{"16 MP progressive JPEG 4:4:4", jpegOf(4000, 4000, true, same444), false},
		{"24 MP JPEG CMYK", jpegOf(6000, 4000, false, []byte{0x11, 0x11, 0x11, 0x11}), true},
		{"40 MP JPEG CMYK", jpegOf(8000, 5000, false, []byte{0x11, 0x11, 0x11, 0x11}), false},
		{"40 MP PNG with alpha", header(pngFile{width: 8000, height: 5000, depth: 8, kind: 6}), true},
		{"40 MP PNG, interlaced", header(pngFile{width: 8000, height: 5000, depth: 8, kind: 6, interlace: 1}), false},
		{"20 MP PNG, interlaced", header(pngFile{width: 5000, height: 4000, depth: 8, kind: 6, interlace: 1}), true},
		{"11 MP PNG of 16 bits, interlaced", header(pngFile{width: 4000, height: 2750, depth: 16, kind: 6, interlace: 1}), true},
		{"22 MP PNG of 16 bits", header(pngFile{width: 5500, height: 4000, depth: 16, kind: 2}), true},
		{"40 MP PNG of 16 bits", header(pngFile{width: 8000, height: 5000, depth: 16, kind: 2}), false},
		{"PNG of two rows", header(pngFile{width: MaxEdge, height: 2, depth: 8, kind: 2}), false},
		{"40 MP GIF", gifFile{width: 8000, height: 5000}.bytes(t), true},
		{"40 MP BMP", bmpFile{width: 8000, height: 5000, depth: 32}.bytes(), true},
		{"4K lossless WebP", losslessBomb(4096, 2160), true},
		{"12 MP lossless WebP", losslessBomb(4000, 3000), false},
		{"40 MP lossy WebP", lossyBomb(t, 8000, 5000), true},
		{"4K WebP with alpha", alphaBomb(t, 4096, 2160), true},
	} {
		found, err := inspect(formats[:], c.frame, edge)
		if taken := err == nil; taken != c.taken || !taken && !errors.Is(err, fault.ErrTooLarge) {
			t.Errorf("%s: %v, and needs %d of %d bytes", c.name, err, found.memory, MaxMemory)
		}
	}
}

func TestAJPEGHasALimitedNumberOfScans(t *testing.T) {
	f := jpegFile{width: 64, height: 64, progressive: true, names: "\x01\x02\x03", sampling: same420, scans: MaxScans}
	if _, _, _, err := shrink(f.bytes(), 640); err != nil {
		t.Errorf("%d scans: %v", f.scans, err)
	}
	f.scans++
	if _, _, _, err := shrink(f.bytes(), 640); !errors.Is(err, fault.ErrTooLarge) || !strings.Contains(err.Error(), "65 scans, more than 64") {
		t.Errorf("%d scans: %v", f.scans, err)
	}
	// A sequential one says each component once.
	f.progressive, f.scans = false, 3
	if _, _, _, err := shrink(f.bytes(), 640); err != nil {
		t.Errorf("%d scans: %v", f.scans, err)
	}
	f.scans++
	if _, _, _, err := shrink(f.bytes(), 640); !errors.Is(err, fault.ErrTooLarge) || !strings.Contains(err.Error(), "4 scans, more than 3") {
		t.Errorf("%d scans: %v", f.scans, err)
	}
	// What looks like one inside of a segment is none.
	f.scans = 1
	inside := append([]byte("\xff\xd8\xff\xe1\x00\x52"), bytes.Repeat([]byte("\xff\xda\x00\x02"), 20)...)
	if _, _, _, err := shrink(append(inside, f.bytes()[2:]...), 640); err != nil {
		t.Errorf("scans inside of EXIF: %v", err)
	}
}

// A stranger's file must not be able to show the decoder more than it shows us:
// a conversion that is asked for late, or a size that stands behind another.
func TestTheCostIsThatOfWhatTheDecoderSees(t *testing.T) {
	size := image.Config{Width: 64, Height: 64, ColorModel: color.YCbCrModel}
	f := jpegFile{width: 64, height: 64, names: "\x01\x02\x03", sampling: same444, scans: 1}
	plain := f.bytes()
	late := slices.Concat(plain[:len(plain)-2], []byte("\xff\xe0\x00\x07other\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00\xff\xd9"))
	before, _ := headersOfJPEG(plain, size)
	after, _ := headersOfJPEG(late, size)
	if after.memory != before.memory+4*64*64 {
		t.Errorf("conversion that is asked for after the scan: %d, without it %d", after.memory, before.memory)
	}
	cutOff := lossyBomb(t, 64, 64)
	cutOff = cutOff[:len(cutOff)-10]
	if _, err := inspect(formats[:], cutOff, 640); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "ends within its VP8 chunk") {
		t.Errorf("WebP that is cut off: %v", err)
	}
}
