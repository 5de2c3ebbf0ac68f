// Package scene draws what four made-up cameras see, and says where in the picture a
// detector would find things. It draws first and measures what it has drawn, so each box
// fits its thing.
package scene

import "time"

// The size of every picture, in pixels.
const (
	Width  = 640
	Height = 360
)

// The cameras.
const (
	FrontDoor = "front_door" // looks at the porch
	Driveway  = "driveway"   // looks from the house to the street
	Garage    = "garage"     // inside
	Backyard  = "backyard"
)

// A Scene is what one picture shows.
type Scene struct {
	Camera string
	At     time.Time // in the zone whose clock says whether it is light
	Props  []Prop
}

// A Prop is one thing in a scene.
type Prop struct {
	Kind       Kind
	Confidence float64 // of the detector, which finds every kind but Leaf
	U, V       float64 // where on the camera's ground: 0,0 far left to 1,1 near right
	Flip       bool    // it looks to the left
	Away       bool    // a person seen from behind
	Look       Look
}

// A Look tells people, pets and cars of one kind apart. Colours are 0xRRGGBB.
type Look struct {
	Coat, Legs, Hair, Skin uint32  // only people have more than a coat
	Size                   float64 // compared with others of the kind; 0 means 1
	Cap, Bag, Parcel       bool
}

// A Kind says what a prop is.
type Kind uint8

// The kinds of props.
const (
	Person Kind = iota
	Dog
	Cat
	Car     // from the front
	Traffic // a car that passes on the street
	Van     // on the street as well
	Parcel
	Leaf // too small for any detector
)

// kinds has the label that a detector gives to each kind, and its height; a person is 1 high.
var kinds = [...]struct {
	label  string
	height float64
}{
	Person: {"person", 1}, Dog: {"dog", 0.37}, Cat: {"cat", 0.28}, Car: {"car", 0.86},
	Traffic: {"car", 1}, Van: {"truck", 1.5}, Parcel: {"package", 0.2}, Leaf: {"", 0.05},
}

// Label returns what a detector calls the kind, "" if it does not find it.
func (k Kind) Label() string { return kinds[k].label }

// A Detection is what a detector finds in a picture.
type Detection struct {
	Label      string
	Confidence float64
	Box        Box
}

// A Box is a rectangle of a picture, in pixels: X1,Y1 is its upper left corner, X2,Y2 its
// lower right one.
type Box struct{ X1, Y1, X2, Y2 float64 }

// A stage is the ground of a camera, in pixels. Things stand with their feet between y1
// (far) and y2 (near); a person is h1 high at y1 and h2 at y2.
type stage struct{ x1, x2, y1, y2, h1, h2 float64 }

var (
	stages = map[string]stage{
		FrontDoor: {215, 560, 312, 348, 222, 248},
		Driveway:  {225, 440, 226, 340, 82, 172},
		Garage:    {150, 500, 292, 346, 188, 232},
		Backyard:  {120, 540, 238, 344, 92, 190},
	}
	street = stage{60, 580, 172, 180, 36, 40}
)

// stage returns the ground on which things of a kind stand.
func (s *Scene) stage(k Kind) stage {
	if k == Traffic || k == Van {
		return street
	}
	return stages[s.Camera]
}
