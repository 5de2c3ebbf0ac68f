package scene

import "image"

// Draw returns a scene as it is before it becomes a JPEG, its backdrop, and what is
// detected in it.
func (s *Studio) Draw(sc Scene) (img, backdrop *image.RGBA, found []Detection) {
	p := newPainter()
	backdrop = s.backdrop(&sc)
	found = p.scene(&sc, backdrop)
	return p.img, backdrop, found
}
