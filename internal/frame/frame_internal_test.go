package frame

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/doorlog/doorlog/internal/fault"
)

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	black = color.RGBA{0, 0, 0, 255}
	white = color.RGBA{255, 255, 255, 255}
)

// marked is 64x32, black, with a red square in the first corner and a green one in the second.
func marked() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 64, 32))
	draw.Draw(m, m.Rect, image.NewUniform(black), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(0, 0, 16, 16), image.NewUniform(red), image.Point{}, draw.Src)
	draw.Draw(m, image.Rect(48, 0, 64, 16), image.NewUniform(green), image.Point{}, draw.Src)
	return m
}

func encoded(tb testing.TB, format string, m image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "JPEG":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
	case "PNG":
		err = png.Encode(&b, m)
	case "GIF":
		err = gif.Encode(&b, m, nil)
	case "BMP":
		err = bmp.Encode(&b, m)
	case "WebP":
		b.Write(riff("VP8L", losslessWebP(m)))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func riff(kind string, content []byte) []byte {
	return addChunk([]byte("RIFF\x04\x00\x00\x00WEBP"), kind, content)
}

func addChunk(file []byte, kind string, content []byte) []byte {
	file = append(file, kind...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(content)))
	file = append(file, content...)
	if len(content)%2 != 0 {
		file = append(file, 0)
	}
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}

// losslessWebP writes an image of pure reds and greens: its codes have one bit each for green and red, none for the rest.
func losslessWebP(m image.Image) []byte {
	data := []byte{0x2f}
	free := 0
	put := func(value, bits int) {
		for i := range bits {
			if free == 0 {
				data, free = append(data, 0), 8
			}
			data[len(data)-1] |= byte(value>>i&1) << (8 - free)
			free--
		}
	}
	size := m.Bounds().Size()
	put(size.X-1, 14)
	put(size.Y-1, 14)
	put(0, 1+3+1+1+1) // alpha, version, transform, cache, meta codes
	for _, symbols := range [][]int{{0, 255}, {0, 255}, {0}, {255}, {0}} {
		put(1, 1)
		put(len(symbols)-1, 1)
		put(1, 1)
		for _, s := range symbols {
			put(s, 8)
		}
	}
	for y := range size.Y {
		for x := range size.X {
			r, g, _, _ := m.At(x, y).RGBA()
			put(int(g>>15), 1)
			put(int(r>>15), 1)
		}
	}
	return data
}

// thumbnail shrinks a frame that must be readable.
func thumbnail(tb testing.TB, frame []byte, edge int) (m image.Image, width, height int) {
	tb.Helper()
	thumb, width, height, err := shrink(frame, edge)
	if err != nil {
		tb.Fatal(err)
	}
	m, err = jpeg.Decode(bytes.NewReader(thumb))
	if err != nil {
		tb.Fatal(err)
	}
	return m, width, height
}

// expectColour allows for what JPEG does near the edge of a saturated colour.
func expectColour(tb testing.TB, m image.Image, x, y int, want color.Color) {
	tb.Helper()
	expectNear(tb, m, x, y, want, 30)
}

func expectNear(tb testing.TB, m image.Image, x, y int, want color.Color, tolerance int) {
	tb.Helper()
	got, wanted := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA), color.RGBAModel.Convert(want).(color.RGBA)
	far := func(a, b uint8) bool { return int(a)-int(b) > tolerance || int(b)-int(a) > tolerance }
	if far(got.R, wanted.R) || far(got.G, wanted.G) || far(got.B, wanted.B) {
		tb.Errorf("pixel (%d, %d) is %v, want about %v", x, y, got, wanted)
	}
}

func as[T draw.Image](m T) T {
	draw.Draw(m, m.Bounds(), marked(), image.Point{}, draw.Src)
	return m
}

func TestAFrameOfEveryFormatBecomesAThumbnail(t *testing.T) {
	whole := image.Rect(0, 0, 64, 32)
	for name, frame := range map[string][]byte{
		"JPEG":                encoded(t, "JPEG", marked()),
		"PNG":                 encoded(t, "PNG", marked()),
		"PNG with alpha":      encoded(t, "PNG", as(image.NewNRGBA(whole))),
		"PNG of 16 bits":      encoded(t, "PNG", as(image.NewRGBA64(whole))),
		"PNG with a palette":  encoded(t, "PNG", as(image.NewPaletted(whole, color.Palette{black, red, green}))),
		"GIF":                 encoded(t, "GIF", marked()),
		"BMP":                 encoded(t, "BMP", marked()),
		"BMP with a palette":  encoded(t, "BMP", as(image.NewPaletted(whole, color.Palette{black, red, green}))),
		"WebP":                encoded(t, "WebP", marked()),
		"JPEG, bytes trailed": append(encoded(t, "JPEG", marked()), "trailer"...),
	} {
		t.Run(name, func(t *testing.T) {
			m, width, height := thumbnail(t, frame, 32)
			if width != 64 || height != 32 || m.Bounds() != image.Rect(0, 0, 32, 16) {
				t.Fatalf("frame of %dx%d became %v", width, height, m.Bounds())
			}
			expectColour(t, m, 3, 3, red)
			expectColour(t, m, 28, 3, green)
			expectColour(t, m, 16, 12, black)
		})
	}
}

func TestAGreyFrameStaysGrey(t *testing.T) {
	for name, m := range map[string]draw.Image{
		"JPEG": image.NewGray(image.Rect(0, 0, 32, 32)),
		"PNG":  image.NewGray16(image.Rect(0, 0, 32, 32)),
	} {
		draw.Draw(m, m.Bounds(), image.NewUniform(color.Gray{77}), image.Point{}, draw.Src)
		thumb, _, _ := thumbnail(t, encoded(t, name, m), 10)
		expectNear(t, thumb, 5, 5, color.Gray{77}, 1)
	}
	ink := as(image.NewCMYK(image.Rect(0, 0, 64, 32))) // as print JPEGs are decoded
	expectColour(t, reduced(ink, image.Pt(64, 32), image.Pt(32, 16)), 3, 3, red)
}

// cwebp made these, of 32x16 pixels: the left half black or transparent, the right 200, 30, 60.
const (
	lossyWebP = "UklGRkoAAABXRUJQVlA4ID4AAADQAgCdASogABAAPjEUiEKiISEYBAAgAwSgB2AAKNoAAP7/j9h/0eT//Qp9qKdh//+h" +
		"Q//Qof/oUP/oJAAAAA=="
	lossyAlphaWebP = "UklGRnQAAABXRUJQVlA4WAoAAAAQAAAAHwAADwAAQUxQSA8AAAABEBIQ/p8WZS0iJoBs/gsAVlA4ID4AAADQAgCdASog" +
		"ABAAPjEUiEKiISEYBAAgAwSgB2AAKNoAAP7/j9h/0eT//Qp9qKdh//+hQ//Qof/oUP/oJAAAAA=="
)

func TestALossyWebPKeepsItsColours(t *testing.T) {
	for text, left := range map[string]color.Color{lossyWebP: black, lossyAlphaWebP: white} {
		frame, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		m, _, _ := thumbnail(t, frame, 640)
		expectNear(t, m, 4, 8, left, 5)
		expectNear(t, m, 27, 8, color.RGBA{200, 30, 60, 255}, 5)
	}
}

func TestTransparentPixelsAreWhite(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 64, 32))
	draw.Draw(m, image.Rect(32, 0, 64, 32), image.NewUniform(color.NRGBA{255, 0, 0, 128}), image.Point{}, draw.Src)
	thumb, _, _ := thumbnail(t, encoded(t, "PNG", m), 32)
	expectColour(t, thumb, 4, 8, white)
	expectColour(t, thumb, 28, 8, color.RGBA{255, 127, 127, 255})
}

func TestTheFirstPictureOfAGIFLiesOnItsScreen(t *testing.T) {
	picture := func(r image.Rectangle, c color.Color) *image.Paletted {
		return image.NewPaletted(r, color.Palette{c, black})
	}
	var b bytes.Buffer
	err := gif.EncodeAll(&b, &gif.GIF{
		Image:  []*image.Paletted{picture(image.Rect(32, 16, 64, 32), red), picture(image.Rect(0, 0, 64, 32), green)},
		Delay:  []int{1, 1},
		Config: image.Config{Width: 64, Height: 32},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, width, height := thumbnail(t, b.Bytes(), 640)
	if width != 64 || height != 32 {
		t.Errorf("size is %dx%d", width, height)
	}
	expectColour(t, m, 8, 8, white)
	expectColour(t, m, 50, 8, white)
	expectColour(t, m, 50, 24, red)
}

func TestAColourOutsideThePaletteIsBlackOrRefused(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 32, 32), color.Palette{white, red, green})
	for i := range m.Pix {
		m.Pix[i] = 3
	}
	thumb, _, _ := thumbnail(t, encoded(t, "PNG", m), 640)
	expectColour(t, thumb, 8, 8, black)
	expectColour(t, reduced(m, image.Pt(32, 32), image.Pt(16, 16)), 8, 8, black)

	frame := encoded(t, "BMP", m)
	const infoColoursUsed, pixels = 46, 14 + 40
	binary.LittleEndian.PutUint32(frame[10:], pixels+3*4)
	binary.LittleEndian.PutUint32(frame[infoColoursUsed:], 3)
	frame = slices.Delete(frame, pixels+3*4, pixels+256*4)
	if _, _, _, err := shrink(frame, 640); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "palette") {
		t.Errorf("BMP with colour 3 of 3: %v", err)
	}
	for i := range frame[pixels+3*4:] {
		frame[pixels+3*4+i] = 2
	}
	thumb, _, _ = thumbnail(t, frame, 640) // the same file with colours that it has
	expectColour(t, thumb, 8, 8, green)
}

// pngHeader is the beginning of a PNG of that size, and no pixel.
func pngHeader(width, height uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	head = append(binary.BigEndian.AppendUint32(head, height), 8, 2, 0, 0, 0)
	file := append([]byte(pngMagic), 0, 0, 0, 13)
	file = append(file, head...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(head))
}

func TestAFrameAboveTheLimitsIsRefusedFromItsHeader(t *testing.T) {
	jpegHeader := "\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
	bmpHeader := binary.LittleEndian.AppendUint32([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00"), 40)
	bmpHeader = binary.LittleEndian.AppendUint32(bmpHeader, 8000)
	bmpHeader = append(binary.LittleEndian.AppendUint32(bmpHeader, 5001), 1, 0, 24, 0)
	for name, frame := range map[string][]byte{
		"PNG of 50,000 x 50,000":                     pngHeader(50_000, 50_000),
		"PNG of 2^32 pixels":                         pngHeader(1<<16, 1<<16),
		"PNG of 8000 x 5001":                         pngHeader(8000, 5001),
		"PNG with an edge that an event cannot hold": pngHeader(MaxEdge+1, 1),
		"JPEG":              []byte(jpegHeader),
		"GIF":               []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"),
		"lossless WebP":     riff("VP8L", []byte("\x2f\xff\xff\xff\x0f\x00")),
		"WebP with VP8X":    riff("VP8X", []byte("\x00\x00\x00\x00\xff\xff\x00\xff\x0f\x00")),
		"BMP":               append(bmpHeader, make([]byte, 24)...),
		"32 MiB and a byte": append([]byte("\xff\xd8\xff"), make([]byte, MaxBytes-2)...),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _, err := shrink(frame, 640)
			runtime.ReadMemStats(&after)
			itself := err != nil && strings.Contains(err.Error(), "dimension overflow") // image/png on 32 bits
			if !errors.Is(err, fault.ErrInvalid) || !errors.Is(err, fault.ErrTooLarge) && !itself {
				t.Errorf("error is %v", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
				t.Errorf("%d bytes were allocated to find out", n)
			}
		})
	}
}

func TestWhatIsNoReadableFrameIsRefused(t *testing.T) {
	noise := string(bytes.Repeat([]byte{0x5a, 0xc3, 0x00, 0x99}, 64))
	const unknown = "frame: is not a JPEG, PNG, GIF, WebP or BMP image"
	half := func(format string) string {
		frame := encoded(t, format, marked())
		return string(frame[:len(frame)/2])
	}
	for _, c := range []struct{ name, frame, want string }{
		{"nothing", "", "frame: is empty"},
		{"a zip", "PK\x03\x04" + noise, unknown},
		{"a TIFF", "II*\x00\x08\x00\x00\x00" + noise, unknown},
		{"a big-endian TIFF", "MM\x00*\x00\x00\x00\x08" + noise, unknown},
		{"text", "BM is how this begins", unknown},
		{"a WAVE file", "RIFF\x20\x00\x00\x00WAVEfmt " + noise, unknown},
		{"a byte", "\xff", unknown},
		{"JPEG garbage", "\xff\xd8\xff" + noise, "frame: cannot be read as JPEG: "},
		{"PNG garbage", pngMagic + noise, "frame: cannot be read as PNG: "},
		{"GIF garbage", "GIF89a\x10\x00\x10\x00\x00\x00\x00" + noise, "frame: cannot be read as GIF: "},
		{"WebP garbage", "RIFF\xf0\x00\x00\x00WEBP" + noise, "frame: cannot be read as WebP: "},
		{"BMP garbage", "BM\x00\x00\x00\x00\x00\x00\x00\x00" + noise, "frame: cannot be read as BMP: "},
		{"half a JPEG", half("JPEG"), "frame: cannot be read as JPEG: "},
		{"half a PNG", half("PNG"), "frame: cannot be read as PNG: "},
		{"half a GIF", half("GIF"), "frame: cannot be read as GIF: "},
		{"half a WebP", half("WebP"), "frame: cannot be read as WebP: "},
		{"half a BMP", half("BMP"), "frame: cannot be read as BMP: "},
		{"a GIF without pixels", "GIF89a\x00\x00\x10\x00\x00\x00\x00", "frame: has no pixels: its size is 0x16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			thumb, width, height, err := shrink([]byte(c.frame), 640)
			if !errors.Is(err, fault.ErrInvalid) || errors.Is(err, fault.ErrTooLarge) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error is %v, want %s", err, c.want)
			}
			if thumb != nil || width != 0 || height != 0 {
				t.Errorf("refused, yet %d bytes, %dx%d", len(thumb), width, height)
			}
		})
	}
}

func TestThumbnailsKeepTheShape(t *testing.T) {
	for _, c := range []struct{ width, height, edge, wantWidth, wantHeight int }{
		{1920, 1080, 1280, 1280, 720},
		{1920, 1080, 640, 640, 360},
		{1080, 1920, 640, 360, 640},
		{1921, 1080, 640, 640, 360},
		{641, 480, 640, 640, 479},
		{640, 480, 640, 640, 480},
		{320, 200, 640, 320, 200},
		{1, 1, 1, 1, 1},
		{10_000, 1, 640, 640, 1},
		{3, 10_000, 640, 1, 640},
		{100_000, 3, 1 << 24, 65_535, 2},
		{MaxEdge, 2, 640, 640, 1},
	} {
		got := thumbnailSize(image.Pt(c.width, c.height), c.edge)
		if got != image.Pt(c.wantWidth, c.wantHeight) {
			t.Errorf("%dx%d to %d: %v, want %dx%d", c.width, c.height, c.edge, got, c.wantWidth, c.wantHeight)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		width, height, edge := 1+rng.IntN(6000), 1+rng.IntN(6000), 1+rng.IntN(2000)
		got := thumbnailSize(image.Pt(width, height), edge)
		scale := min(1, float64(edge)/float64(max(width, height)))
		if max(got.X, got.Y) != min(edge, max(width, height)) ||
			math.Abs(float64(got.X)-float64(width)*scale) > 1 || math.Abs(float64(got.Y)-float64(height)*scale) > 1 {
			t.Errorf("%dx%d to %d: %v", width, height, edge, got)
		}
	}
}

func TestAThumbnailHasQuality85(t *testing.T) {
	var want bytes.Buffer
	if err := jpeg.Encode(&want, marked(), &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	thumb, _, _, err := shrink(encoded(t, "PNG", marked()), 64)
	if err != nil || !bytes.Equal(thumb, want.Bytes()) {
		t.Errorf("%d bytes instead of %d, error %v", len(thumb), want.Len(), err)
	}
}

func TestAFrameIsNeverEnlarged(t *testing.T) {
	for _, format := range []string{"JPEG", "PNG", "GIF", "WebP", "BMP"} {
		m, width, height := thumbnail(t, encoded(t, format, marked()), 1280)
		if width != 64 || height != 32 || m.Bounds() != image.Rect(0, 0, 64, 32) {
			t.Errorf("%s of 64x32 was reported as %dx%d and became %v", format, width, height, m.Bounds())
		}
	}
}
