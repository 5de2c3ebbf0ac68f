package scene

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

const jpegQuality = 85

// A Studio draws scenes. It keeps the backdrops, one for each camera and light, and makes
// each when it is first needed. It is safe for concurrent use.
type Studio struct {
	backdrops map[string]*[len(lights)]func() *image.RGBA
	painters  sync.Pool
}

// NewStudio returns a studio.
func NewStudio() *Studio {
	s := &Studio{backdrops: map[string]*[len(lights)]func() *image.RGBA{}}
	for camera := range stages {
		s.backdrops[camera] = new([len(lights)]func() *image.RGBA)
		for l := range lights {
			s.backdrops[camera][l] = sync.OnceValue(func() *image.RGBA { return drawBackdrop(camera, light(l)) })
		}
	}
	s.painters.New = func() any { return newPainter() }
	return s
}

// backdrop returns the scene without its props. The caller must not change it.
func (s *Studio) backdrop(sc *Scene) *image.RGBA {
	return s.backdrops[sc.Camera][lightAt(sc.At)]()
}

// Shoot returns the scene as a JPEG of Width by Height, and what a detector finds in it,
// the nearest first. It always returns the same for the same scene.
func (s *Studio) Shoot(sc Scene) ([]byte, []Detection, error) {
	p := s.painters.Get().(*painter) //nolint:forcetypeassert // the pool holds nothing else
	defer s.painters.Put(p)
	detections := p.scene(&sc, s.backdrop(&sc))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, p.img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), detections, nil
}

// scene draws a scene, the far things first.
func (p *painter) scene(sc *Scene, backdrop *image.RGBA) []Detection {
	copy(p.img.Pix, backdrop.Pix)
	p.light = lightAt(sc.At)
	switch p.tint = lights[p.light].tint; {
	case sc.Camera == Garage:
		p.tint = indoors[p.light]
	case p.light == nightLight:
		p.tint = lamps[sc.Camera]
	}
	props := slices.Clone(sc.Props)
	slices.SortStableFunc(props, func(a, b Prop) int { return cmp.Compare(a.V, b.V) })
	var detections []Detection
	for _, pr := range props {
		box := p.prop(pr, sc.stage(pr.Kind))
		if label := pr.Kind.Label(); label != "" {
			detections = append(detections, Detection{label, pr.Confidence, box})
		}
	}
	p.caption(strings.ToUpper(strings.ReplaceAll(sc.Camera, "_", " ")) + "  " + sc.At.Format(time.DateTime))
	slices.Reverse(detections)
	return detections
}

// caption writes the camera and the time into the lower left corner, white on a black shadow.
func (p *painter) caption(text string) {
	for i, c := range []color.Color{color.Black, color.White} {
		d := font.Drawer{Dst: p.img, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(11-i, Height-10-i)}
		d.DrawString(text)
	}
}
