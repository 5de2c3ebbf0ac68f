package frame

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// areaMean is the mean of what pixel (x, y) of a reduced plane covers, worked out the slow way.
func areaMean(x, y int, from, to image.Point, at func(x, y int) byte) float64 {
	sum, area := 0.0, 0.0
	scaleX, scaleY := float64(from.X)/float64(to.X), float64(from.Y)/float64(to.Y)
	overlap := func(i, cell int, scale float64) float64 {
		return max(0, min(float64(cell+1)*scale, float64(i+1))-max(float64(cell)*scale, float64(i)))
	}
	for sy := range from.Y {
		for sx := range from.X {
			part := overlap(sx, x, scaleX) * overlap(sy, y, scaleY)
			sum += part * float64(at(sx, sy))
			area += part
		}
	}
	return sum / area
}

func expectMeans(t *testing.T, to, from image.Point, got, at func(x, y int) byte) {
	t.Helper()
	for y := range to.Y {
		for x := range to.X {
			want := areaMean(x, y, from, to, at)
			if math.Abs(float64(got(x, y))-want) > 0.51 {
				t.Errorf("%v to %v: sample (%d, %d) is %d, want %.2f", from, to, x, y, got(x, y), want)
				return
			}
		}
	}
}

var planeSizes = []struct{ from, to image.Point }{
	{image.Pt(24, 16), image.Pt(12, 8)}, // whole factors
	{image.Pt(24, 16), image.Pt(8, 5)},
	{image.Pt(24, 16), image.Pt(16, 11)},
	{image.Pt(25, 17), image.Pt(24, 16)},
	{image.Pt(23, 19), image.Pt(7, 6)},
	{image.Pt(1, 37), image.Pt(1, 10)},
	{image.Pt(37, 1), image.Pt(10, 1)},
	{image.Pt(5, 3), image.Pt(1, 1)},
	{image.Pt(9, 9), image.Pt(9, 9)},
}

func TestReducedPlanesAreMeansOfWhatTheyCover(t *testing.T) {
	for ratio, cell := range chromaCell {
		for _, c := range planeSizes {
			src := image.NewYCbCr(image.Rectangle{Max: c.from}, image.YCbCrSubsampleRatio(ratio))
			rng := rand.New(rand.NewPCG(2, 2))
			for _, plane := range [][]byte{src.Y, src.Cb, src.Cr} {
				for i := range plane {
					plane[i] = byte(rng.IntN(256))
				}
			}
			dst, ok := reduced(src, c.from, c.to).(*image.YCbCr)
			if !ok || dst.SubsampleRatio != src.SubsampleRatio || dst.Rect.Size() != c.to {
				t.Fatalf("%v %v became %T %v", src.SubsampleRatio, c, dst, dst.Rect)
			}
			plane := func(pix []byte, stride int) func(x, y int) byte {
				return func(x, y int) byte { return pix[y*stride+x] }
			}
			samples := func(p image.Point) image.Point {
				return image.Pt((p.X+cell.X-1)/cell.X, (p.Y+cell.Y-1)/cell.Y)
			}
			expectMeans(t, c.to, c.from, plane(dst.Y, dst.YStride), plane(src.Y, src.YStride))
			expectMeans(t, samples(c.to), samples(c.from), plane(dst.Cb, dst.CStride), plane(src.Cb, src.CStride))
			expectMeans(t, samples(c.to), samples(c.from), plane(dst.Cr, dst.CStride), plane(src.Cr, src.CStride))
		}
	}
}

func TestReducedPixelsAreMeansOfWhatTheyCover(t *testing.T) {
	for _, c := range planeSizes {
		src := image.NewRGBA(image.Rectangle{Max: c.from})
		rng := rand.New(rand.NewPCG(3, 3))
		for i := range src.Pix {
			src.Pix[i] = byte(rng.IntN(256)) | byte(i%4/3)*255 // opaque
		}
		dst := reduced(src, c.from, c.to).(*image.RGBA)
		for channel := range 4 {
			pixels := func(m *image.RGBA) func(x, y int) byte {
				return func(x, y int) byte { return m.Pix[m.PixOffset(x, y)+channel] }
			}
			expectMeans(t, c.to, c.from, pixels(dst), pixels(src))
		}
	}
}

func TestPartsOfPicturesStayInTheirPlace(t *testing.T) {
	grey := image.NewYCbCr(image.Rect(0, 0, 32, 32), image.YCbCrSubsampleRatio420)
	for i := range grey.Cb {
		grey.Cb[i], grey.Cr[i] = 128, 128
	}
	part := image.Rect(16, 16, 32, 32)
	for _, m := range []image.Image{
		grey.SubImage(part), image.NewGray(part), image.NewPaletted(part, color.Palette{black}),
		as(image.NewRGBA(image.Rect(0, 0, 64, 32))).SubImage(part),
	} {
		small := reduced(m, image.Pt(32, 32), image.Pt(16, 16))
		expectColour(t, small, 4, 12, white)
		expectColour(t, small, 12, 12, black)
	}
}
