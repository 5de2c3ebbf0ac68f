package scene

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// A painter fills shapes with smooth edges, in the light that it is given.
type painter struct {
	img    *image.RGBA
	raster vector.Rasterizer
	light  light
	tint   tint

	// Shapes are given in units of a figure that stands at x, y; sx is
	// negative for one that looks to the left.
	x, y, sx, sy float64

	drawn Box // around the shapes drawn
}

var nothing = Box{X1: math.Inf(1), Y1: math.Inf(1), X2: math.Inf(-1), Y2: math.Inf(-1)}

func newPainter() *painter {
	return &painter{img: image.NewRGBA(image.Rect(0, 0, Width, Height)), sx: 1, sy: 1, drawn: nothing}
}

// stand puts the origin at x, y, with so many pixels to a unit.
func (p *painter) stand(x, y, unit float64, flip bool) {
	p.x, p.y, p.sx, p.sy = x, y, unit, unit
	if flip {
		p.sx = -unit
	}
}

// poly fills the polygon x, y, x, y, … in the light of the hour.
func (p *painter) poly(c uint32, xy ...float64) { p.fill(p.lit(c), xy) }

// lit is a colour in the light of the hour, glowing one that is a light itself.
func (p *painter) lit(c uint32) color.NRGBA {
	part := func(shift, i int) uint8 { return uint8(min(float64(c>>shift&0xff)*p.tint[i], 255)) }
	return color.NRGBA{part(16, 0), part(8, 1), part(0, 2), 255}
}

func glowing(c uint32) color.NRGBA { return color.NRGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255} }

func (p *painter) fill(c color.Color, xy []float64) {
	b := nothing
	for i := 0; i < len(xy); i += 2 {
		xy[i], xy[i+1] = p.x+xy[i]*p.sx, p.y+xy[i+1]*p.sy
		b.X1, b.Y1 = min(b.X1, xy[i]), min(b.Y1, xy[i+1])
		b.X2, b.Y2 = max(b.X2, xy[i]), max(b.Y2, xy[i+1])
	}
	p.drawn = Box{
		X1: min(p.drawn.X1, b.X1), Y1: min(p.drawn.Y1, b.Y1), X2: max(p.drawn.X2, b.X2), Y2: max(p.drawn.Y2, b.Y2),
	}
	r := image.Rect(int(math.Floor(b.X1)), int(math.Floor(b.Y1)), int(math.Ceil(b.X2)), int(math.Ceil(b.Y2)))
	if r = r.Intersect(p.img.Rect); r.Empty() {
		return
	}
	p.raster.Reset(r.Dx(), r.Dy())
	for i := 0; i < len(xy); i += 2 {
		x, y := float32(xy[i]-float64(r.Min.X)), float32(xy[i+1]-float64(r.Min.Y))
		if i == 0 {
			p.raster.MoveTo(x, y)
		} else {
			p.raster.LineTo(x, y)
		}
	}
	p.raster.ClosePath()
	p.raster.Draw(p.img, r, image.NewUniform(c), image.Point{})
}

func (p *painter) rect(c uint32, x1, y1, x2, y2 float64) { p.poly(c, x1, y1, x2, y1, x2, y2, x1, y2) }

func (p *painter) ellipse(c uint32, x, y, rx, ry float64) { p.fill(p.lit(c), oval(x, y, rx, ry)) }

func oval(x, y, rx, ry float64) []float64 {
	const corners = 28
	xy := make([]float64, 0, 2*corners)
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		xy = append(xy, x+rx*cos, y+ry*sin)
	}
	return xy
}

// limb fills a line with round ends that is w1 thick where it begins and w2
// where it ends.
func (p *painter) limb(c uint32, x1, y1, x2, y2, w1, w2 float64) {
	const steps = 8
	across := math.Atan2(y2-y1, x2-x1) + math.Pi/2
	xy := make([]float64, 0, 4*(steps+1))
	for i := range steps + 1 {
		sin, cos := math.Sincos(across + math.Pi*float64(i)/steps)
		xy = append(xy, x1+w1/2*cos, y1+w1/2*sin)
	}
	for i := range steps + 1 {
		sin, cos := math.Sincos(across + math.Pi*(1+float64(i)/steps))
		xy = append(xy, x2+w2/2*cos, y2+w2/2*sin)
	}
	p.poly(c, xy...)
}
