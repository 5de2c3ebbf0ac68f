package scene

import (
	"cmp"
	"image/color"
	"math"
)

// prop draws one thing with its shadow and returns the box of the thing alone.
func (p *painter) prop(pr Prop, st stage) Box {
	height := (st.h1 + (st.h2-st.h1)*pr.V) * kinds[pr.Kind].height * cmp.Or(pr.Look.Size, 1)
	p.stand(st.x1+(st.x2-st.x1)*pr.U, st.y1+(st.y2-st.y1)*pr.V, height, pr.Flip)
	p.shadow(pr.Kind)
	p.drawn = nothing
	switch pr.Kind {
	case Person:
		p.person(pr)
	case Dog:
		p.dog(pr.Look.Coat)
	case Cat:
		p.cat(pr.Look.Coat)
	case Car:
		p.car(pr.Look.Coat)
	case Traffic:
		p.traffic(pr.Look.Coat)
	case Van:
		p.van(pr.Look.Coat)
	case Parcel:
		p.parcel(pr.Look.Coat)
	case Leaf:
		p.ellipse(pr.Look.Coat, 0, -1, 0.8, 0.4)
	}
	p.stand(0, 0, 1, false)
	b := p.drawn
	return Box{
		X1: max(math.Floor(b.X1), 0), Y1: max(math.Floor(b.Y1), 0),
		X2: min(math.Ceil(b.X2), Width), Y2: min(math.Ceil(b.Y2), Height),
	}
}

// shadow draws the shadow under a thing.
func (p *painter) shadow(k Kind) {
	wide := [...]float64{Person: 0.17, Dog: 0.6, Cat: 0.7, Car: 0.72, Traffic: 1.35, Van: 1, Parcel: 0.8, Leaf: 0.1}[k]
	p.fill(color.NRGBA{A: 70}, oval(0, -0.005, wide, min(wide*0.16, 0.09)))
}

// The methods below draw the figures. The origin is between the feet, and 1 is the height.

func (p *painter) person(pr Prop) {
	l := pr.Look
	shade := darker(l.Coat)
	p.limb(l.Legs, -0.045, -0.47, -0.075, -0.05, 0.105, 0.066)
	p.limb(l.Legs, 0.045, -0.47, 0.07, -0.04, 0.105, 0.066)
	p.limb(0x2a2523, -0.075, -0.022, -0.045, -0.022, 0.04, 0.04)
	p.limb(0x2a2523, 0.072, -0.02, 0.105, -0.02, 0.04, 0.04)
	if l.Bag && !pr.Away {
		p.limb(0xb5402e, -0.1, -0.76, 0.1, -0.76, 0.1, 0.1)
	}
	p.limb(shade, -0.125, -0.755, -0.165, -0.5, 0.075, 0.055)
	p.ellipse(l.Skin, -0.168, -0.462, 0.026, 0.032)
	p.poly(l.Coat, -0.06, -0.835, 0.06, -0.835, 0.135, -0.8, 0.15, -0.755, 0.12, -0.6, 0.115, -0.43, -0.115, -0.43,
		-0.12, -0.6, -0.15, -0.755, -0.135, -0.8)
	if l.Parcel {
		p.limb(shade, 0.125, -0.755, 0.15, -0.6, 0.075, 0.06)
		p.rect(0xb98a55, -0.05, -0.66, 0.2, -0.5)
		p.rect(0xd9c49a, 0.055, -0.66, 0.085, -0.5)
		p.limb(shade, 0.15, -0.6, 0.07, -0.53, 0.06, 0.05)
		p.ellipse(l.Skin, 0.055, -0.525, 0.028, 0.026)
	} else {
		p.limb(shade, 0.125, -0.755, 0.16, -0.51, 0.075, 0.055)
		p.ellipse(l.Skin, 0.164, -0.47, 0.026, 0.032)
	}
	p.limb(l.Skin, 0, -0.87, 0, -0.83, 0.06, 0.065)
	p.head(l, pr.Away)
	if l.Bag && pr.Away {
		p.poly(0xb5402e, -0.1, -0.78, 0.1, -0.78, 0.11, -0.52, -0.11, -0.52)
		p.rect(0x8c3023, -0.07, -0.64, 0.07, -0.54)
	}
}

func (p *painter) head(l Look, away bool) {
	p.ellipse(l.Hair, 0, -0.925, 0.073, 0.075)
	if away {
		p.limb(l.Hair, 0, -0.9, 0, -0.87, 0.13, 0.1)
	} else {
		p.ellipse(l.Skin, 0, -0.91, 0.06, 0.072)
		p.poly(l.Hair, -0.066, -0.92, -0.058, -0.97, 0, -0.998, 0.058, -0.97, 0.066, -0.92, 0.03, -0.958, -0.035, -0.95)
		p.ellipse(0x2b2320, -0.024, -0.915, 0.0075, 0.009)
		p.ellipse(0x2b2320, 0.024, -0.915, 0.0075, 0.009)
		p.poly(0x8f4f43, -0.024, -0.88, 0, -0.874, 0.024, -0.88, 0.013, -0.866, -0.013, -0.866)
	}
	if l.Cap {
		p.poly(l.Coat, -0.074, -0.94, -0.06, -0.985, 0, -1.005, 0.06, -0.985, 0.074, -0.94)
		p.limb(darker(l.Coat), -0.07, -0.942, 0.07, -0.942, 0.018, 0.018)
	}
}

func (p *painter) dog(coat uint32) {
	dark := darker(coat)
	for _, x := range [...]float64{-0.36, 0.3} {
		p.limb(dark, x+0.1, -0.4, x+0.13, -0.05, 0.13, 0.09)
		p.limb(coat, x, -0.4, x-0.02, -0.04, 0.15, 0.1)
	}
	p.limb(coat, -0.5, -0.6, -0.74, -0.88, 0.12, 0.06)
	p.limb(coat, -0.36, -0.54, 0.34, -0.56, 0.36, 0.4)
	p.limb(coat, 0.36, -0.62, 0.55, -0.83, 0.3, 0.24)
	p.ellipse(coat, 0.57, -0.86, 0.17, 0.14)
	p.limb(coat, 0.64, -0.82, 0.8, -0.79, 0.16, 0.12)
	p.limb(dark, 0.49, -0.93, 0.43, -0.74, 0.12, 0.1)
	p.ellipse(0x1c1816, 0.86, -0.81, 0.035, 0.035)
	p.ellipse(0x1c1816, 0.64, -0.89, 0.025, 0.028)
	p.limb(0xc0392b, 0.36, -0.78, 0.52, -0.66, 0.05, 0.05)
}

func (p *painter) cat(coat uint32) {
	dark := darker(coat)
	for _, x := range [...]float64{-0.42, 0.28} {
		p.limb(dark, x+0.12, -0.36, x+0.16, -0.04, 0.12, 0.08)
		p.limb(coat, x, -0.36, x, -0.04, 0.14, 0.09)
	}
	p.limb(coat, -0.48, -0.5, -0.78, -0.72, 0.1, 0.09)
	p.limb(coat, -0.78, -0.72, -0.72, -0.98, 0.09, 0.06)
	p.limb(coat, -0.4, -0.46, 0.34, -0.48, 0.34, 0.34)
	for _, x := range [...]float64{-0.22, -0.02, 0.18} {
		p.limb(dark, x, -0.6, x+0.02, -0.42, 0.05, 0.03)
	}
	p.poly(dark, 0.38, -0.8, 0.4, -1, 0.54, -0.86)
	p.poly(coat, 0.56, -0.86, 0.7, -1, 0.74, -0.78)
	p.ellipse(coat, 0.56, -0.72, 0.2, 0.18)
	p.ellipse(0x2a3a1c, 0.52, -0.74, 0.028, 0.04)
	p.ellipse(0x2a3a1c, 0.66, -0.74, 0.028, 0.04)
	p.ellipse(0xd98c8c, 0.61, -0.66, 0.03, 0.022)
}

func (p *painter) car(coat uint32) {
	dark := darker(coat)
	p.rect(0x17181b, -0.62, -0.2, -0.4, 0)
	p.rect(0x17181b, 0.4, -0.2, 0.62, 0)
	p.poly(dark, -0.5, -0.62, -0.4, -0.94, -0.3, -1, 0.3, -1, 0.4, -0.94, 0.5, -0.62)
	p.poly(0x5f7c8e, -0.42, -0.62, -0.34, -0.9, 0.34, -0.9, 0.42, -0.62)
	p.poly(0x8fb0c2, -0.1, -0.62, 0.06, -0.9, 0.2, -0.9, 0.04, -0.62)
	p.limb(dark, -0.6, -0.62, -0.54, -0.6, 0.1, 0.1)
	p.limb(dark, 0.54, -0.6, 0.6, -0.62, 0.1, 0.1)
	p.poly(coat, -0.52, -0.63, 0.52, -0.63, 0.63, -0.46, 0.66, -0.15, 0.6, -0.1, -0.6, -0.1, -0.66, -0.15, -0.63, -0.46)
	p.poly(dark, -0.4, -0.58, 0.4, -0.58, 0.46, -0.5, -0.46, -0.5)
	p.rect(0x202226, -0.34, -0.4, 0.34, -0.24)
	p.rect(0xe8e8e0, -0.16, -0.22, 0.16, -0.13)
	for _, x := range [...]float64{-0.49, 0.49} {
		c := p.lit(0xe9eef0)
		if p.light != dayLight {
			c = glowing(0xfff3cf)
		}
		p.fill(c, oval(x, -0.38, 0.105, 0.075))
	}
}

func (p *painter) traffic(coat uint32) {
	p.poly(coat, -1.3, -0.18, -1.32, -0.5, -1.2, -0.58, -0.86, -0.62, -0.5, -0.96, -0.3, -1, 0.3, -1, 0.46, -0.95, 0.8, -0.6,
		1.2, -0.52, 1.32, -0.4, 1.32, -0.18)
	p.poly(0x5f7c8e, -0.7, -0.62, -0.42, -0.9, -0.05, -0.92, -0.05, -0.6)
	p.poly(0x5f7c8e, 0.05, -0.6, 0.05, -0.92, 0.36, -0.89, 0.64, -0.6)
	p.wheels(0.8, 0.21)
	p.fill(glowing(0xfff3cf), oval(1.26, -0.4, 0.07, 0.06))
	p.fill(glowing(0xc8281e), oval(-1.27, -0.46, 0.05, 0.07))
}

func (p *painter) van(coat uint32) {
	p.poly(coat, -1.1, -0.14, -1.1, -0.94, -1.04, -1, 0.5, -1, 0.62, -0.95, 0.84, -0.55, 1.06, -0.46, 1.1, -0.36, 1.1, -0.14)
	p.poly(0x5f7c8e, 0.36, -0.56, 0.36, -0.88, 0.56, -0.88, 0.74, -0.56)
	p.rect(darker(coat), -1.1, -0.56, 0.26, -0.4)
	p.wheels(0.68, 0.16)
	p.fill(glowing(0xfff3cf), oval(1.05, -0.33, 0.05, 0.05))
}

func (p *painter) wheels(apart, radius float64) {
	for _, x := range [...]float64{-apart, apart} {
		p.ellipse(0x17181b, x, -radius, radius, radius)
		p.ellipse(0x9aa0a6, x, -radius, radius*0.5, radius*0.5)
	}
}

func (p *painter) parcel(coat uint32) {
	p.poly(0xd8b283, -0.72, -0.74, -0.5, -1, 0.86, -1, 0.72, -0.74)
	p.poly(darker(coat), 0.72, -0.74, 0.86, -1, 0.86, -0.2, 0.72, 0)
	p.rect(coat, -0.72, -0.74, 0.72, 0)
	p.rect(0xe0cda2, -0.08, -0.74, 0.12, 0)
	p.rect(0xf3f0e6, 0.26, -0.42, 0.6, -0.16)
}

// darker returns a colour with three quarters of the light.
func darker(c uint32) uint32 { return c>>1&0x7f7f7f + c>>2&0x3f3f3f }
