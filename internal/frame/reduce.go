package frame

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/disintegration/imaging"
)

const maxJPEGEdge = 1<<16 - 1

// thumbnailSize returns the largest size with the same proportions whose longest edge is
// at most edge, and at most what JPEG can hold. It is never larger than size.
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

// reduced draws img on a white canvas of size from and returns the canvas reduced to size
// to, which is not larger. The result is opaque, and the JPEG encoder has a fast path for
// its type: *image.YCbCr and *image.Gray keep their type, which saves the conversion of
// every pixel to RGB and back; all others become *image.RGBA. They are converted row by
// row, so that memory never holds a second image of full size.
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
		// Not every decoder checks that an index lies in the palette. In a palette
		// of 256 colours every index does.
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

// average shrinks rows of interleaved 8-bit channels by area averaging. Each sample of dst
// is the mean of the rectangle of the source that it covers; a sample at the border counts
// by the share of it that is inside. row returns row y of the source. It is called once for
// each row, in order.
//
// A filter such as Lanczos is a little sharper if the two sizes are close, but takes longer
// than the decoder (imaging.Resize, 1920x1080 to 1280).
func average(dst []byte, to, from image.Point, channels int, row func(y int) []byte) {
	across, down := newRatio(from.X, to.X), newRatio(from.Y, to.Y)
	mean := 1 / float64(across.wide*down.wide)
	sums := make([]uint32, from.X*channels) // at most 255*MaxEdge: no overflow
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

// A ratio is the length of a sample of the result (wide) and of the source (narrow), in
// the largest unit in which both are whole numbers.
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

// emit writes a row of the result. sums are the sums of the source rows that it covers.
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

// swapsEdges reports whether turning a frame of this orientation upright swaps its width
// and height.
func swapsEdges(orientation int) bool { return orientation >= 5 }

// turned returns img turned upright from an EXIF orientation. It runs after the reduction,
// when few pixels are left to turn.
func turned(img image.Image, orientation int) image.Image {
	turns := [...]func(image.Image) *image.NRGBA{
		2: imaging.FlipH, 3: imaging.Rotate180, 4: imaging.FlipV,
		5: imaging.Transpose, 6: imaging.Rotate270, 7: imaging.Transverse, 8: imaging.Rotate90,
	}
	if orientation == upright {
		return img
	}
	// imaging reads the pixels in goroutines of its own, where a panic would end the
	// process. The planes of a decoder may be too short, so imaging gets a copy.
	if planes, ok := img.(*image.YCbCr); ok {
		own := image.NewRGBA(planes.Rect)
		draw.Draw(own, own.Rect, planes, planes.Rect.Min, draw.Src)
		img = own
	}
	m := turns[orientation](img)
	// All pixels are opaque, so NRGBA and RGBA have the same bytes. The JPEG encoder
	// has a fast path for RGBA.
	return &image.RGBA{Pix: m.Pix, Stride: m.Stride, Rect: m.Rect}
}
