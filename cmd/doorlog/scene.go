package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The demo's frames are drawn, so that every detection's box lies where the
// thing is: what is drawn is measured, not the other way round.

const (
	frameWidth  = 640
	frameHeight = 360
	jpegQuality = 85
)

// A scene is what one frame shows.
type scene struct {
	camera string
	at     time.Time // in the household's own time zone
	props  []prop
}

// A prop is one thing in a scene.
type prop struct {
	kind       kind
	confidence float64 // the detector's
	u, v       float64 // where on the camera's ground: 0,0 far left to 1,1 near right
	flip       bool    // it looks to the left
	away       bool    // a person seen from behind
	look       look
}

// A look tells people, pets and cars of one kind apart.
type look struct {
	coat, legs, hair, skin uint32 // a car, pet or parcel has a coat only
	size                   float64
	cap, bag, parcel       bool
}

type kind uint8

const (
	kindPerson kind = iota
	kindDog
	kindCat
	kindCar     // from the front
	kindTraffic // a car that passes on the street
	kindVan     // on the street as well
	kindParcel
	kindLeaf // too small for any detector
)

// kinds says what a detector calls a kind, and how high one is beside a
// person.
var kinds = [...]struct {
	label  string
	height float64
}{
	kindPerson: {"person", 1}, kindDog: {"dog", 0.37}, kindCat: {"cat", 0.28}, kindCar: {"car", 0.86},
	kindTraffic: {"car", 1}, kindVan: {"truck", 1.5}, kindParcel: {"package", 0.2}, kindLeaf: {"", 0.05},
}

// A stage is the ground of a camera, in pixels: things stand with their feet
// between y1 (far) and y2 (near), where a person is h1 and h2 high.
type stage struct{ x1, x2, y1, y2, h1, h2 float64 }

var (
	stages = map[string]stage{
		frontDoor: {215, 560, 312, 348, 222, 248},
		driveway:  {225, 440, 226, 340, 82, 172},
		garage:    {150, 500, 292, 346, 188, 232},
		backyard:  {120, 540, 238, 344, 92, 190},
	}
	street = stage{60, 580, 172, 180, 36, 40}
)

func (s scene) stage(k kind) stage {
	if k == kindTraffic || k == kindVan {
		return street
	}
	return stages[s.camera]
}

// A light is a time of day, as far as colours go.
type light uint8

const (
	dawnLight light = iota
	dayLight
	duskLight
	nightLight
)

// lights holds the sky's colours from top to horizon, and what is left of the
// red, green and blue of everything below it.
var lights = [...]struct {
	zenith, horizon uint32
	tint            tint
}{
	dawnLight:  {0x8ea9cf, 0xf8cfa6, tint{0.95, 0.84, 0.78}},
	dayLight:   {0x6aa5de, 0xdcebf6, tint{1, 1, 1}},
	duskLight:  {0x454b84, 0xf2a06c, tint{0.82, 0.69, 0.68}},
	nightLight: {0x050916, 0x1c2745, tint{0.26, 0.31, 0.45}},
}

// lamps is the light on people and things outside at night, where they have
// woken a lamp, and indoors the light of the garage.
var (
	lamps   = map[string]tint{frontDoor: {0.84, 0.72, 0.58}, driveway: {0.58, 0.55, 0.52}, backyard: {0.56, 0.55, 0.52}}
	indoors = [...]tint{
		dawnLight: {0.88, 0.85, 0.82}, dayLight: {0.98, 0.98, 0.98}, duskLight: {0.86, 0.83, 0.79}, nightLight: {0.78, 0.76, 0.73},
	}
)

func lightAt(t time.Time) light {
	switch minute := t.Hour()*60 + t.Minute(); {
	case minute < 6*60 || minute >= 20*60+30:
		return nightLight
	case minute < 7*60+40:
		return dawnLight
	case minute < 18*60+45:
		return dayLight
	}
	return duskLight
}

// A studio draws scenes. It keeps what stands still, one backdrop per camera
// and light. It is safe for concurrent use.
type studio struct {
	backdrops map[string]*[len(lights)]func() *image.RGBA
	painters  sync.Pool
}

func newStudio() *studio {
	s := &studio{backdrops: map[string]*[len(lights)]func() *image.RGBA{}}
	for camera := range stages {
		s.backdrops[camera] = new([len(lights)]func() *image.RGBA)
		for l := range lights {
			s.backdrops[camera][l] = sync.OnceValue(func() *image.RGBA { return drawBackdrop(camera, light(l)) })
		}
	}
	s.painters.New = func() any { return newPainter() }
	return s
}

// backdrop returns the scene without its props. It is shared: read only.
func (s *studio) backdrop(camera string, l light) *image.RGBA {
	return s.backdrops[camera][l]()
}

// shoot returns the scene as a JPEG of frameWidth by frameHeight, and what is
// to be detected in it, near things first.
func (s *studio) shoot(sc scene) ([]byte, []doorlog.Detection, error) {
	p := s.painters.Get().(*painter) //nolint:forcetypeassert // the pool holds nothing else
	defer s.painters.Put(p)
	detections := p.scene(sc, s.backdrop(sc.camera, lightAt(sc.at)))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, p.img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), detections, nil
}

func (p *painter) scene(sc scene, backdrop *image.RGBA) []doorlog.Detection {
	copy(p.img.Pix, backdrop.Pix)
	p.light = lightAt(sc.at)
	switch p.tint = lights[p.light].tint; {
	case sc.camera == garage:
		p.tint = indoors[p.light]
	case p.light == nightLight:
		p.tint = lamps[sc.camera]
	}
	props := slices.Clone(sc.props)
	slices.SortStableFunc(props, func(a, b prop) int { return cmp.Compare(a.v, b.v) })
	var detections []doorlog.Detection
	for _, pr := range props {
		box := p.prop(pr, sc.stage(pr.kind))
		if label := kinds[pr.kind].label; label != "" {
			detections = append(detections, doorlog.Detection{Label: label, Confidence: pr.confidence, Box: &box})
		}
	}
	p.caption(strings.ToUpper(strings.ReplaceAll(sc.camera, "_", " ")) + "  " + sc.at.Format(time.DateTime))
	slices.Reverse(detections)
	return detections
}

func (p *painter) caption(text string) {
	for i, c := range []color.Color{color.Black, color.White} {
		d := font.Drawer{Dst: p.img, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(11-i, frameHeight-10-i)}
		d.DrawString(text)
	}
}

// tint is what is left of red, green and blue.
type tint [3]float64

// A painter fills shapes with smooth edges, in the light that it is given.
type painter struct {
	img    *image.RGBA
	raster vector.Rasterizer
	light  light
	tint   tint

	// Shapes are given in units of a figure that stands at x, y; sx is
	// negative for one that looks to the left.
	x, y, sx, sy float64

	drawn doorlog.Box // around the shapes drawn
}

var nothing = doorlog.Box{X1: math.Inf(1), Y1: math.Inf(1), X2: math.Inf(-1), Y2: math.Inf(-1)}

func newPainter() *painter {
	return &painter{img: image.NewRGBA(image.Rect(0, 0, frameWidth, frameHeight)), sx: 1, sy: 1, drawn: nothing}
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
	p.drawn = doorlog.Box{
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
