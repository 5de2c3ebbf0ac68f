package scene

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// drawBackdrop draws what stands still: everything but the props. It is done once for each
// camera and light, so that a picture costs a copy and its props.
func drawBackdrop(camera string, l light) *image.RGBA {
	p := newPainter()
	p.light, p.tint = l, lights[l].tint
	if camera == Garage {
		p.tint = indoors[l]
	}
	switch camera {
	case FrontDoor:
		p.frontDoor()
	case Driveway:
		p.driveway()
	case Garage:
		p.garage()
	case Backyard:
		p.backyard()
	}
	return p.img
}

// sky draws the sky from the top to the row bottom, with stars or clouds.
func (p *painter) sky(bottom int) {
	top, low := glowing(lights[p.light].zenith), glowing(lights[p.light].horizon)
	for y := range bottom {
		f := float64(y) / float64(bottom)
		mix := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*f) }
		c := color.RGBA{mix(top.R, low.R), mix(top.G, low.G), mix(top.B, low.B), 255}
		for x := range Width {
			p.img.SetRGBA(x, y, c)
		}
	}
	if p.light == nightLight {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			p.fill(color.NRGBA{230, 235, 255, uint8(60 + rng.IntN(160))},
				oval(rng.Float64()*Width, rng.Float64()*float64(bottom)*0.8, 0.9, 0.9))
		}
		return
	}
	cloud := color.NRGBA{255, 250, 245, 110}
	for _, at := range [...][2]float64{{90, 34}, {330, 22}, {520, 52}} {
		p.fill(cloud, oval(at[0], at[1], 52, 8))
		p.fill(cloud, oval(at[0]-14, at[1]-7, 26, 9))
		p.fill(cloud, oval(at[0]+16, at[1]-5, 22, 7))
	}
}

// speckle draws n blades of grass on the ground, from the left edge to width and between the
// rows y1 and y2.
func (p *painter) speckle(c uint32, n int, width, y1, y2 float64) {
	rng := rand.New(rand.NewPCG(uint64(c), uint64(n)))
	for range n {
		depth := rng.Float64()
		x, y, long := width*rng.Float64(), y1+(y2-y1)*depth, 2+4*depth
		p.limb(c, x, y, x+1, y-long, 1.4, 0.6)
	}
}

// bush draws a heap of leaves around x, y.
func (p *painter) bush(c uint32, x, y, rx, ry float64) {
	rng := rand.New(rand.NewPCG(uint64(x), uint64(y)))
	p.ellipse(darker(c), x, y, rx, ry)
	for range 26 {
		angle, far := rng.Float64()*2*math.Pi, math.Sqrt(rng.Float64())
		sin, cos := math.Sincos(angle)
		leaves := c
		if sin*far > 0.1 {
			leaves = blend(c, darker(c))
		}
		p.ellipse(leaves, x+rx*0.85*far*cos, y+ry*0.85*far*sin-2, rx*0.24, ry*0.22)
	}
}

func (p *painter) tree(x, ground, height float64) {
	p.limb(0x5d4632, x, ground, x, ground-height*0.6, height*0.09, height*0.06)
	p.bush(0x4f7d3a, x, ground-height*0.72, height*0.3, height*0.3)
}

// window draws a window. It shows the sky by day, and the light of the room in the dark.
func (p *painter) window(x1, y1, x2, y2 float64) {
	p.rect(0xf4f1ea, x1-4, y1-4, x2+4, y2+4)
	if p.dark() {
		p.fill(glowing(0xf3cf86), []float64{x1, y1, x2, y1, x2, y2, x1, y2})
		p.fill(color.NRGBA{190, 120, 50, 60}, []float64{x1, y1, x1 + (x2-x1)*0.3, y1, x1 + (x2-x1)*0.15, y2, x1, y2})
		p.fill(color.NRGBA{190, 120, 50, 60}, []float64{x2, y1, x2 - (x2-x1)*0.3, y1, x2 - (x2-x1)*0.15, y2, x2, y2})
	} else {
		p.rect(0x8fb1c6, x1, y1, x2, y2)
		p.poly(0xb9d2df, x1, y1+(y2-y1)*0.7, x1+(x2-x1)*0.8, y1, x2, y1, x1, y2)
	}
	p.rect(0xf4f1ea, (x1+x2)/2-1.5, y1, (x1+x2)/2+1.5, y2)
	p.rect(0xf4f1ea, x1, (y1+y2)/2-1.5, x2, (y1+y2)/2+1.5)
	p.rect(0xd9d4c8, x1-8, y2+4, x2+8, y2+9)
}

// glow lights up what is within reach of a lamp at x, y, at night.
func (p *painter) glow(x, y, reach float64) {
	if p.light != nightLight {
		return
	}
	warm := [3]float64{2.6, 1.75, 0.6}
	for py := range Height {
		for px := range Width {
			near := max(1-math.Hypot(float64(px)-x, float64(py)-y)/reach, 0)
			pix := p.img.Pix[p.img.PixOffset(px, py):]
			near *= 1 - float64(pix[0])/255 // a lit window stays as it is
			for i, w := range warm {
				pix[i] = uint8(min(float64(pix[i])*(1+w*near), 255))
			}
		}
	}
}

// bulb returns the colour of a lamp. It is lit in the dark.
func (p *painter) bulb() color.NRGBA {
	if p.dark() {
		return glowing(0xffe7ac)
	}
	return p.lit(0xe9e4d2)
}

// dark reports whether lamps are lit.
func (p *painter) dark() bool { return p.light == duskLight || p.light == nightLight }

func (p *painter) frontDoor() {
	p.sky(250)
	p.tree(52, 262, 190)
	p.rect(0x6f9a4c, 0, 248, 200, Height)
	p.speckle(0x5b863c, 220, 190, 290, 358)
	p.bush(0x47733a, 120, 250, 62, 34)
	p.bush(0x52803f, 30, 268, 52, 30)
	p.rect(0xd6dde0, 172, 0, Width, 300)
	for y := 14.0; y < 296; y += 17 {
		p.rect(0xb9c3c8, 172, y, Width, y+2)
		p.rect(0xe4eaec, 172, y+2, Width, y+4)
	}
	p.rect(0xf2efe7, 312, 42, 452, 300)
	p.rect(0x7b2f2a, 324, 54, 440, 300)
	for _, at := range [...][2]float64{{338, 150}, {388, 150}, {338, 226}, {388, 226}} {
		p.rect(0x5f221e, at[0], at[1], at[0]+38, at[1]+60)
		p.rect(0x8a3a34, at[0]+4, at[1]+4, at[0]+34, at[1]+56)
	}
	p.window(342, 72, 422, 130)
	p.limb(0xd8b65a, 430, 196, 430, 214, 7, 7)
	p.rect(0x2a2c30, 426, 170, 435, 184)
	p.window(512, 92, 604, 206)
	p.rect(0x3b3f44, 286, 112, 300, 118)
	p.poly(0x3b3f44, 282, 118, 304, 118, 299, 146, 287, 146)
	p.fill(p.bulb(), []float64{286, 121, 300, 121, 297, 142, 289, 142})
	p.poly(0xa98a68, 150, 292, Width, 292, Width, Height, 60, Height)
	for i := range 13 {
		x := float64(i) * 48
		p.poly(0x8a6d4f, 158+x*0.86, 292, 160+x*0.86, 292, 80+x*1.12, Height, 76+x*1.12, Height)
	}
	p.poly(0x5b4a3c, 318, 298, 446, 298, 468, 322, 300, 322)
	p.poly(0x72604f, 326, 301, 438, 301, 456, 319, 312, 319)
	p.rect(0xf2efe7, 168, 0, 192, 318)
	p.rect(0xd3cdc0, 186, 0, 192, 318)
	p.rect(0xf2efe7, 162, 300, 198, 320)
	p.poly(0xb2613f, 580, 286, 622, 286, 615, 330, 587, 330)
	p.bush(0x4d8043, 600, 262, 36, 34)
	p.rect(0x9a9fa3, 0, 0, Width, 8)
	p.glow(293, 131, 430)
}

func (p *painter) driveway() {
	p.sky(140)
	for i, x := range [...]float64{-20, 130, 300, 440, 580} {
		p.bush(0x507a45, x+60, 122, 54, 30)
		wall, roof := [...]uint32{0xcdbfa6, 0xb8c4c9, 0xd8cdb9, 0xc3b0a0, 0xb7c0ad}[i], [...]uint32{0x6d4b42, 0x4d5560, 0x75503f, 0x5a4a48, 0x5f4a3f}[i]
		p.rect(wall, x, 96, x+84, 148)
		p.poly(roof, x-8, 98, x+14, 68, x+70, 68, x+92, 98)
		p.window(x+14, 108, x+32, 126)
		p.window(x+52, 108, x+70, 126)
	}
	p.rect(0x7ba356, 0, 138, Width, 156)
	p.rect(0x5c6066, 0, 154, Width, 184)
	for x := 10.0; x < Width; x += 64 {
		p.rect(0xd9d3bd, x, 168, x+30, 170)
	}
	p.rect(0xc2bfb6, 0, 184, Width, 192)
	p.rect(0x78a352, 0, 192, Width, Height)
	p.speckle(0x628c40, 420, Width, 196, 356)
	p.speckle(0x8bb562, 300, Width, 196, 356)
	p.poly(0xb9b4aa, 250, 184, 398, 184, 556, Height, 96, Height)
	for _, f := range [...]float64{0.25, 0.58} {
		y := 184 + 176*f
		p.poly(0x9b968c, 250-154*f, y, 398+158*f, y, 399+158*f, y+2+2*f, 249-154*f, y+2+2*f)
	}
	p.poly(0x9b968c, 323, 184, 325, 184, 330, Height, 326, Height)
	p.bush(0x47733a, 60, 214, 40, 22)
	p.bush(0x4f7f40, 28, 246, 58, 36)
	p.bush(0x47733a, 20, 300, 60, 46)
	p.limb(0x6b5138, 520, 262, 520, 216, 6, 6)
	p.poly(0x3c4f6b, 504, 218, 504, 204, 510, 198, 532, 198, 538, 204, 538, 218)
	p.rect(0xb5402e, 534, 196, 537, 206)
	p.limb(0x42464b, 592, 206, 592, 74, 6, 4)
	p.limb(0x42464b, 592, 76, 560, 70, 4, 4)
	p.fill(p.bulb(), oval(559, 73, 9, 4))
	p.tree(618, 268, 190)
	p.glow(560, 90, 260)
	p.glow(300, 400, 340)
}

func (p *painter) garage() {
	p.rect(0xcfc8bb, 0, 0, Width, 262)
	p.poly(0xb7b0a4, 0, 0, 112, 36, 112, 246, 0, 322)
	p.poly(0xb7b0a4, Width, 0, 528, 36, 528, 246, Width, 322)
	p.poly(0xdedad2, 0, 0, Width, 0, 528, 36, 112, 36)
	p.rect(0xf1eee8, 170, 62, 470, 248)
	for i := range 4 {
		y := 68 + float64(i)*45
		for j := range 4 {
			x := 177 + float64(j)*73
			p.rect(0xd9d5cc, x, y, x+66, y+39)
			p.rect(0xe9e6df, x+4, y+4, x+62, y+35)
			if i == 0 {
				sky := lights[p.light].horizon
				p.fill(glowing(sky), []float64{x + 6, y + 6, x + 60, y + 6, x + 60, y + 33, x + 6, y + 33})
				p.rect(0xf1eee8, x+32, y+6, x+34, y+33)
			}
		}
	}
	p.poly(0x9fa09e, 112, 246, 528, 246, Width, 322, Width, Height, 0, Height, 0, 322)
	p.poly(0x8c8d8b, 318, 246, 322, 246, 326, Height, 316, Height)
	p.poly(0x8c8d8b, 70, 274, 570, 274, 574, 277, 66, 277)
	p.fill(color.NRGBA{40, 38, 36, 70}, oval(356, 312, 54, 9))
	p.garageShelf()
	p.garageTools()
	p.limb(0x8f9294, 250, 16, 390, 16, 8, 8)
	p.fill(glowing(0xfdfaf0), []float64{254, 14, 386, 14, 384, 20, 256, 20})
}

func (p *painter) garageShelf() {
	for _, y := range [...]float64{96, 160, 226} {
		p.poly(0x7d5c3c, 8, y+18, 104, y, 104, y+6, 8, y+26)
	}
	p.poly(0x6b4d31, 96, 78, 103, 78, 103, 262, 96, 266)
	p.poly(0x6b4d31, 10, 84, 18, 82, 18, 318, 10, 322)
	box := func(c uint32, x, y, w, h float64) {
		p.rect(c, x, y-h, x+w, y)
		p.rect(blend(c, darker(c)), x+w*0.42, y-h, x+w*0.58, y)
	}
	box(0xb98a55, 26, 110, 34, 30)
	box(0x4f7a94, 66, 102, 26, 22)
	box(0x8a9a5b, 24, 174, 24, 34)
	box(0xa8543f, 56, 168, 18, 20)
	box(0xa8543f, 77, 164, 16, 20)
	box(0xb98a55, 28, 240, 54, 36)
}

func (p *painter) garageTools() {
	p.poly(0x8f7350, 544, 74, 630, 56, 630, 150, 544, 152)
	for i, c := range [...]uint32{0xb5402e, 0x3c4f6b, 0xd8a13a, 0x4d8043} {
		x := 556 + float64(i)*19
		p.limb(0x8b9094, x, 90, x+1, 128, 4, 4)
		p.limb(c, x, 84, x, 102, 8, 7)
	}
	for _, x := range [...]float64{556, 612} { // a bicycle
		p.ellipse(0x26282b, x, 262, 25, 31)
		p.ellipse(0xb2aca1, x, 262, 21, 27)
		p.ellipse(0x26282b, x, 262, 3, 3)
	}
	for _, tube := range [...][4]float64{{556, 262, 574, 214}, {574, 214, 600, 218}, {574, 214, 584, 260}, {584, 260, 600, 218}, {556, 262, 584, 260}, {612, 262, 598, 206}} {
		p.limb(0x2f7f86, tube[0], tube[1], tube[2], tube[3], 5, 5)
	}
	p.limb(0x26282b, 564, 210, 584, 209, 7, 5)
	p.limb(0x26282b, 588, 203, 606, 207, 5, 5)
}

func (p *painter) backyard() {
	p.sky(150)
	for i := range 9 {
		x := float64(i) * 82
		p.bush([...]uint32{0x4c7541, 0x577f46, 0x446b3c}[i%3], x, 118, 58, 44)
	}
	p.rect(0x2f4a2a, 0, 118, Width, 212)
	for x := 0.0; x < Width; x += 22 {
		p.poly(0xa37e57, x, 132, x+5, 126, x+15, 126, x+20, 132, x+20, 212, x, 212)
		p.rect(0x866543, x+18, 132, x+20, 212)
	}
	p.rect(0x866543, 0, 146, Width, 151)
	p.rect(0x866543, 0, 190, Width, 195)
	p.rect(0x76a550, 0, 208, Width, Height)
	for i := range 6 {
		x := float64(i) * 118
		p.poly(0x82b35a, x+40, 208, x+98, 208, x*1.5+30, Height, x*1.5-80, Height)
	}
	p.speckle(0x5f8c3f, 420, Width, 214, 358)
	p.speckle(0x95c26c, 260, Width, 214, 358)
	p.rect(0x8f6a48, 34, 118, 154, 226)
	for x := 48.0; x < 154; x += 15 {
		p.rect(0x7a5839, x, 118, x+2, 226)
	}
	p.poly(0x5d4038, 22, 122, 94, 72, 166, 122)
	p.rect(0x6d4d33, 76, 148, 116, 226)
	p.ellipse(0xd8b65a, 109, 190, 2.5, 2.5)
	for i := range 14 {
		x := 190 + float64(i)*24
		p.ellipse(0x4d8043, x, 214, 14, 9)
		p.ellipse([...]uint32{0xe2574c, 0xf2c14e, 0xd77fb4}[i%3], x-3, 208, 4, 4)
		p.ellipse([...]uint32{0xf2c14e, 0xe9e6df, 0xe2574c}[i%3], x+6, 211, 3.5, 3.5)
	}
	p.tree(566, 262, 230)
	p.limb(0x4c3a29, 500, 150, 502, 236, 2, 2)
	p.limb(0x4c3a29, 528, 152, 530, 236, 2, 2)
	p.limb(0x8a5a34, 498, 237, 534, 237, 6, 6)
	p.poly(0xbcb6ab, 0, 346, Width, 346, Width, Height, 0, Height)
	for x := 36.0; x < Width; x += 92 {
		p.rect(0x9d978c, x, 346, x+2, Height)
	}
	p.rect(0x9d978c, 0, 346, Width, 348)
	p.glow(330, 390, 390)
}

// blend returns the mean of two colours.
func blend(a, b uint32) uint32 { return a>>1&0x7f7f7f + b>>1&0x7f7f7f }
