package doorlog

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/disintegration/imaging"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// Limits on a frame, checked before anything of it is decoded. What is above
// one of them is ErrTooLarge.
const (
	MaxFrameBytes  = 32 << 20   // bytes of the file
	MaxFramePixels = 40_000_000 // width times height

	// MaxFrameMemory is how many bytes may be in use at once to make a
	// thumbnail, the frame's own not counted. What a frame needs is worked out
	// from its headers before it is decoded. For a thumbnail of the default
	// size there is enough for
	//
	//	MaxFramePixels  of a baseline JPEG (24 megapixels if it is CMYK), a GIF,
	//	                a BMP, a lossy WebP, and a PNG of 8 bits
	//	24 megapixels   of a progressive JPEG with chroma of half the size (4:2:0)
	//	22 megapixels   of a PNG of 16 bits; of an interlaced one half as many,
	//	                and 20 of one of 8 bits
	//	12 megapixels   of a progressive JPEG with chroma of full size (4:4:4)
	//	 9 megapixels   of a lossless WebP
	//
	// so that a machine with 512 MB has room for it. Frames that need more than
	// 32 MiB are read one at a time, each after a garbage collection, others as
	// many at once as there are processors. What the collector has not taken
	// yet comes on top: a program on a small machine sets GOMEMLIMIT.
	MaxFrameMemory = 200 << 20

	// MaxFrameScans is how often a progressive JPEG may pass over the picture.
	// Encoders make 10 to 20 scans; a scan of a few bytes costs as much time as
	// the picture is large. A JPEG that is not progressive has one scan for
	// each of its components at most.
	MaxFrameScans = 64
)

const (
	thumbnailQuality = 85
	maxJPEGEdge      = 1<<16 - 1
)

// A frameFormat is a kind of image file that a frame may be.
type frameFormat struct {
	name   string
	magic  string // how such a file begins; '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	exif   func([]byte) []byte // nil if the format has none

	// cost is how many bytes decode may have in use at once, or what makes
	// the frame one that decode must not be let at.
	cost func(frame []byte, c image.Config) (int64, error)
}

// The decoders are named here and never found through image.Decode: what that
// reads depends on which packages a program happens to import.
var frameFormats = [...]frameFormat{
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, exifOfJPEG, costOfJPEG},
	{"PNG", pngMagic, png.DecodeConfig, png.Decode, exifOfPNG, costOfPNG},
	{"GIF", "GIF8?a", gif.DecodeConfig, gif.Decode, nil, costOfGIF},
	{"WebP", "RIFF????WEBP", webp.DecodeConfig, decodeWebP, exifOfWebP, costOfWebP},
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode, nil, costOfBMP},
}

// shrink turns the frame into a JPEG of quality 85 whose longest edge is at most
// edge pixels, which must be positive. A frame that is smaller keeps its size. The
// thumbnail is upright (EXIF orientation is applied), transparent pixels are white
// in it, and it has no metadata. width and height are the size of the upright
// frame. The error is ErrInvalid for a frame that cannot be read.
func (found inspected) shrink(frame []byte, edge int) (thumb []byte, width, height int, err error) {
	format, size := found.format, found.size
	img, err := format.decode(bytes.NewReader(frame))
	if err != nil {
		return nil, 0, 0, invalid("frame", "cannot be read as %s: %v", format.name, err)
	}
	turn := upright
	if format.exif != nil {
		turn = orientation(format.exif(frame))
	}
	small := turned(reduced(img, size, thumbnailSize(size, edge)), turn)
	if swapsEdges(turn) {
		size.X, size.Y = size.Y, size.X
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: thumbnailQuality}); err != nil {
		return nil, 0, 0, fmt.Errorf("encode: %w", err)
	}
	return out.Bytes(), size.X, size.Y, nil
}

// inspected is what is known of a frame before it is decoded.
type inspected struct {
	format *frameFormat
	size   image.Point
	memory int64 // bytes that may be in use at once to make the thumbnail
}

// inspect recognises the format of a frame by its content and checks the
// limits, of which all but the one in bytes are read from its headers. The error
// is ErrInvalid for what is none of the formats, and ErrTooLarge as well above a limit.
func inspect(formats []frameFormat, frame []byte, edge int) (inspected, error) {
	if len(frame) == 0 {
		return inspected{}, invalid("frame", "is empty")
	}
	if len(frame) > MaxFrameBytes {
		return inspected{}, tooLarge("frame", "has %d bytes, more than %d", len(frame), MaxFrameBytes)
	}
	format := formatOf(formats, frame)
	if format == nil {
		return inspected{}, invalid("frame", "is not a JPEG, PNG, GIF, WebP or BMP image")
	}
	c, err := format.config(bytes.NewReader(frame))
	if err != nil {
		return inspected{}, invalid("frame", "cannot be read as %s: %v", format.name, err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return inspected{}, invalid("frame", "has no pixels: its size is %dx%d", c.Width, c.Height)
	}
	if int64(c.Width)*int64(c.Height) > MaxFramePixels || max(c.Width, c.Height) > maxFrameEdge {
		return inspected{}, tooLarge("frame", "is %dx%d pixels, more than %d in all or %d along an edge",
			c.Width, c.Height, MaxFramePixels, maxFrameEdge)
	}
	size := image.Pt(c.Width, c.Height)
	memory, err := format.cost(frame, c)
	if err != nil {
		return inspected{}, err
	}
	if memory += costOfReduction(size, thumbnailSize(size, edge)); memory > MaxFrameMemory {
		return inspected{}, tooLarge("frame", "is a %s of %dx%d pixels that takes %d bytes of memory to read, more than %d",
			format.name, c.Width, c.Height, memory, MaxFrameMemory)
	}
	return inspected{format, size, memory}, nil
}

func formatOf(formats []frameFormat, frame []byte) *frameFormat {
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

// decodeWebP corrects the colours of a lossy WebP image: its luma lies in
// 16..235 and its chroma in 16..240 (RFC 6386, section 9.2), while an
// image.YCbCr means the whole of 0..255, as in JPEG, and x/image/webp leaves
// them as they are. Without this, black comes out as dark grey.
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

// thumbnailSize returns the largest size of the same shape whose longest edge
// is at most edge, and at most what JPEG can hold; size itself if it is small enough.
func thumbnailSize(size image.Point, edge int) image.Point {
	longest := max(size.X, size.Y)
	edge = min(edge, maxJPEGEdge, longest)
	scale := func(n int) int {
		return max(1, int((int64(n)*int64(edge)+int64(longest)/2)/int64(longest)))
	}
	return image.Pt(scale(size.X), scale(size.Y))
}

// chromaCell is how many pixels share one chroma sample.
var chromaCell = [...]image.Point{
	image.YCbCrSubsampleRatio444: {X: 1, Y: 1},
	image.YCbCrSubsampleRatio422: {X: 2, Y: 1},
	image.YCbCrSubsampleRatio420: {X: 2, Y: 2},
	image.YCbCrSubsampleRatio440: {X: 1, Y: 2},
	image.YCbCrSubsampleRatio411: {X: 4, Y: 1},
	image.YCbCrSubsampleRatio410: {X: 4, Y: 2},
}

// reduced returns img, which lies on a white canvas of size from, as an image
// of size to, none of whose edges is longer. The result is opaque and of a
// type for which the JPEG encoder has a fast path: *image.YCbCr and
// *image.Gray stay what they are, which saves the conversion of every pixel to
// RGB and back, and all others become *image.RGBA. They are converted row by
// row, so that no second image of the full size is held.
func reduced(img image.Image, from, to image.Point) image.Image {
	whole := image.Rectangle{Max: from}
	switch m := img.(type) {
	case *image.YCbCr:
		if m.Rect == whole {
			return reducedYCbCr(m, to)
		}
	case *image.Gray:
		if m.Rect == whole {
			small := image.NewGray(image.Rectangle{Max: to})
			averagePlane(small.Pix, to, m.Pix, m.Stride, from)
			return small
		}
	case *image.Paletted:
		// Decoders differ in whether they check that an index lies in the
		// palette. With a full one, every index does.
		for len(m.Palette) < 256 {
			m.Palette = append(m.Palette, color.Black)
		}
	}
	line := image.NewRGBA(image.Rect(0, 0, from.X, 1))
	small := image.NewRGBA(image.Rectangle{Max: to})
	average(small.Pix, to, from, 4, func(y int) []byte {
		draw.Draw(line, line.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(line, line.Rect, img, image.Pt(0, y), draw.Over)
		return line.Pix
	})
	return small
}

func reducedYCbCr(m *image.YCbCr, to image.Point) *image.YCbCr {
	from := m.Rect.Size()
	if from == to {
		return m
	}
	small := image.NewYCbCr(image.Rectangle{Max: to}, m.SubsampleRatio)
	averagePlane(small.Y, to, m.Y, m.YStride, from)
	cell := chromaCell[m.SubsampleRatio]
	samples := func(size image.Point) image.Point {
		return image.Pt((size.X+cell.X-1)/cell.X, (size.Y+cell.Y-1)/cell.Y)
	}
	averagePlane(small.Cb, samples(to), m.Cb, m.CStride, samples(from))
	averagePlane(small.Cr, samples(to), m.Cr, m.CStride, samples(from))
	return small
}

func averagePlane(dst []byte, to image.Point, src []byte, stride int, from image.Point) {
	average(dst, to, from, 1, func(y int) []byte { return src[y*stride:][:from.X] })
}

// average shrinks rows of interleaved 8-bit channels by area averaging: each
// sample of dst is the mean of the rectangle of the source that it covers, in
// which samples at the border count by the part that lies inside. row returns
// row y of the source; it is called once for each, in order.
//
// A filter such as Lanczos is a little sharper where the two sizes are close,
// and takes longer than the decoder does (imaging.Resize, 1920x1080 to 1280).
func average(dst []byte, to, from image.Point, channels int, row func(y int) []byte) {
	across, down := newRatio(from.X, to.X), newRatio(from.Y, to.Y)
	mean := 1 / float64(across.wide*down.wide)
	sums := make([]uint32, from.X*channels) // at most 255*maxFrameEdge: no overflow
	missing := down.wide
	for y := range from.Y {
		samples := row(y)
		part := min(missing, down.narrow)
		addWeighted(sums, samples, part)
		if missing -= part; missing > 0 {
			continue
		}
		emit(dst[:to.X*channels], sums, channels, across, mean)
		dst = dst[to.X*channels:]
		clear(sums)
		part = down.narrow - part
		addWeighted(sums, samples, part)
		missing = down.wide - part
	}
}

// A ratio says how long a sample of the result (wide) and of the source
// (narrow) is, in the largest unit in which both are whole.
type ratio struct{ wide, narrow int }

func newRatio(from, to int) ratio {
	a, b := from, to
	for b != 0 {
		a, b = b, a%b
	}
	return ratio{wide: from / a, narrow: to / a}
}

func addWeighted(sums []uint32, samples []byte, weight int) {
	if weight == 0 {
		return
	}
	w := uint32(weight)
	samples = samples[:len(sums)]
	for i, v := range samples {
		sums[i] += w * uint32(v)
	}
}

// emit writes a row of the result from the sums of the rows that it covers.
func emit(dst []byte, sums []uint32, channels int, across ratio, mean float64) {
	for c := range channels {
		out, sum, missing := c, int64(0), across.wide
		for in := c; in < len(sums); in += channels {
			part := min(missing, across.narrow)
			sum += int64(part) * int64(sums[in])
			if missing -= part; missing > 0 {
				continue
			}
			dst[out] = byte(float64(sum)*mean + 0.5)
			out += channels
			part = across.narrow - part
			sum = int64(part) * int64(sums[in])
			missing = across.wide - part
		}
	}
}

// swapsEdges reports whether an upright frame of that orientation is as wide
// as the saved one is high.
func swapsEdges(orientation int) bool { return orientation >= 5 }

// turned returns img, saved with an EXIF orientation, the right way up. It
// comes after the reduction, when there is little left to turn.
func turned(img image.Image, orientation int) image.Image {
	turns := [...]func(image.Image) *image.NRGBA{
		2: imaging.FlipH, 3: imaging.Rotate180, 4: imaging.FlipV,
		5: imaging.Transpose, 6: imaging.Rotate270, 7: imaging.Transverse, 8: imaging.Rotate90,
	}
	if orientation == upright {
		return img
	}
	// imaging reads the pixels in goroutines of its own, where a panic would end
	// the process. So it gets none of the decoder's planes, which may be too short.
	if planes, ok := img.(*image.YCbCr); ok {
		own := image.NewRGBA(planes.Rect)
		draw.Draw(own, own.Rect, planes, planes.Rect.Min, draw.Src)
		img = own
	}
	m := turns[orientation](img)
	// All is opaque by now, so the two types mean the same; the JPEG encoder
	// has a fast path for this one.
	return &image.RGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
}
