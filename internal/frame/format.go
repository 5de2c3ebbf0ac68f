package frame

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/doorlog/doorlog/internal/fault"
)

// A format is a kind of image file that a frame may be.
type format struct {
	name   string
	magic  string // how such a file begins; '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)

	// headers walks the parts of a frame. If it returns an error, the frame must
	// not be decoded.
	headers func(frame []byte, c image.Config) (headers, error)
}

// headers is what the parts of a frame say, apart from its size.
type headers struct {
	memory int64  // bytes that decode may have in use at once
	exif   []byte // nil if there is none
}

// formats names the decoders. image.Decode is not used: which formats it reads depends
// on the packages that the program happens to import.
var formats = [...]format{
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, headersOfJPEG},
	{"PNG", pngMagic, png.DecodeConfig, png.Decode, headersOfPNG},
	{"GIF", "GIF8?a", gif.DecodeConfig, gif.Decode, headersOfGIF},
	{"WebP", "RIFF????WEBP", webp.DecodeConfig, decodeWebP, headersOfWebP},
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode, headersOfBMP},
}

// inspected is what is known of a frame before it is decoded.
type inspected struct {
	format *format
	size   image.Point
	memory int64 // bytes that may be in use at once to make the thumbnail
	turn   int   // EXIF orientation
}

// inspect recognises the format of a frame by its content and checks the limits. It reads
// only the headers. The error is [fault.ErrInvalid]; above a limit it is also
// [fault.ErrTooLarge].
func inspect(formats []format, frame []byte, edge int) (inspected, error) {
	if len(frame) == 0 {
		return inspected{}, fault.Invalid("frame", "is empty")
	}
	if len(frame) > MaxBytes {
		return inspected{}, fault.TooLarge("frame", "has %d bytes, more than %d", len(frame), MaxBytes)
	}
	format := formatOf(formats, frame)
	if format == nil {
		return inspected{}, fault.Invalid("frame", "is not a JPEG, PNG, GIF, WebP or BMP image")
	}
	c, err := format.config(bytes.NewReader(frame))
	if err != nil {
		return inspected{}, fault.Invalid("frame", "cannot be read as %s: %v", format.name, err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return inspected{}, fault.Invalid("frame", "has no pixels: its size is %dx%d", c.Width, c.Height)
	}
	if int64(c.Width)*int64(c.Height) > MaxPixels || max(c.Width, c.Height) > MaxEdge {
		return inspected{}, fault.TooLarge("frame", "is %dx%d pixels, more than %d in all or %d along an edge",
			c.Width, c.Height, MaxPixels, MaxEdge)
	}
	size := image.Pt(c.Width, c.Height)
	h, err := format.headers(frame, c)
	if err != nil {
		return inspected{}, err
	}
	memory := h.memory
	if memory += costOfReduction(size, thumbnailSize(size, edge)); memory > MaxMemory {
		return inspected{}, fault.TooLarge("frame", "is a %s of %dx%d pixels that takes %d bytes of memory to read, more than %d",
			format.name, c.Width, c.Height, memory, MaxMemory)
	}
	return inspected{format, size, memory, orientation(h.exif)}, nil
}

func formatOf(formats []format, frame []byte) *format {
	for i := range formats {
		if beginsWith(frame, formats[i].magic) {
			return &formats[i]
		}
	}
	return nil
}

func beginsWith(frame []byte, magic string) bool {
	if len(frame) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != frame[i] {
			return false
		}
	}
	return true
}

// decodeWebP decodes a WebP image and corrects the colours of a lossy one. Its luma lies
// in 16..235 and its chroma in 16..240 (RFC 6386, section 9.2), but image.YCbCr has the
// range 0..255, as in JPEG, and x/image/webp does not convert them. Without the correction
// black comes out as dark grey.
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	switch m := img.(type) {
	case *image.YCbCr:
		widenRange(m)
	case *image.NYCbCrA:
		widenRange(&m.YCbCr)
	}
	return img, err
}

func widenRange(m *image.YCbCr) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = byte(min(max((i-16)*255+109, 0)/219, 255))
		chroma[i] = byte(min(max((i-128)*255+128*224+112, 0)/224, 255))
	}
	for i, v := range m.Y {
		m.Y[i] = luma[v]
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = chroma[m.Cb[i]], chroma[m.Cr[i]]
	}
}
