package scene

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// A painter fills shapes with smooth edges, in some light.
type painter struct {
	img    *image.RGBA
	raster vector.Rasterizer
	light  light
	tint   tint

	// The origin of shapes is at x, y, and sx, sy are the pixels of a unit. If sx is negative
	// a figure looks to the left.
	x, y, sx, sy float64

	drawn Box // around all shapes since it was set to nothing
}

// nothing is the box around no shape.
var nothing = Box{X1: math.Inf(1), Y1: math.Inf(1), X2: math.Inf(-1), Y2: math.Inf(-1)}

func newPainter() *painter {
	return &painter{img: image.NewRGBA(image.Rect(0, 0, Width, Height)), sx: 1, sy: 1, drawn: nothing}
}

// stand sets the origin to x, y, and the pixels of a unit.
func (p *painter) stand(x, y, unit float64, flip bool) {
	p.x, p.y, p.sx, p.sy = x, y, unit, unit
	if flip {
		p.sx = -unit
	}
}

// poly fills the polygon with the corners x, y, x, y and so on. The light changes its colour.
func (p *painter) poly(c uint32, xy ...float64) { p.fill(p.lit(c), xy) }

// lit returns a colour as it looks in the light.
func (p *painter) lit(c uint32) color.NRGBA {
	part := func(shift, i int) uint8 { return uint8(min(float64(c>>shift&0xff)*p.tint[i], 255)) }
	return color.NRGBA{part(16, 0), part(8, 1), part(0, 2), 255}
}

// glowing returns a colour that gives light itself.
func glowing(c uint32) color.NRGBA { return color.NRGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255} }

// fill fills a polygon with a colour, and changes xy to pixels.
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

// oval returns the corners of an ellipse with these radii.
func oval(x, y, rx, ry float64) []float64 {
	const corners = 28
	xy := make([]float64, 0, 2*corners)
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		xy = append(xy, x+rx*cos, y+ry*sin)
	}
	return xy
}

// limb fills a line with round ends. It is w1 wide at its beginning and w2 at its end.
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
