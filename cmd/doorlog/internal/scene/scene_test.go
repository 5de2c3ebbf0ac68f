package scene_test

import (
	"image"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

var cameras = []string{scene.FrontDoor, scene.Driveway, scene.Garage, scene.Backyard}

// at returns a moment at this hour of a day.
func at(hour int) time.Time { return time.Date(2026, time.May, 1, hour, 0, 0, 0, time.UTC) }

// Things keep within the frame, and their boxes around them, wherever they
// stand and whatever the hour.
func TestEveryThingIsInItsBox(t *testing.T) {
	studio := scene.NewStudio()
	courier := scene.Look{Coat: 0x6b4a2f, Legs: 0x3d2f24, Hair: 0x2b2320, Skin: 0xb07a55, Cap: true, Parcel: true}
	for _, camera := range cameras {
		for _, hour := range []int{3, 12} {
			for k := range scene.Leaf {
				for corner := range 8 {
					thing := scene.Prop{
						Kind: k, Confidence: 0.5, Look: courier,
						U: float64(corner & 1), V: float64(corner >> 1 & 1), Flip: corner&4 != 0, Away: corner&4 != 0,
					}
					img, backdrop, detections := studio.Draw(scene.Scene{Camera: camera, At: at(hour), Props: []scene.Prop{thing}})
					if len(detections) != 1 || detections[0].Label != k.Label() || detections[0].Confidence != 0.5 {
						t.Fatalf("%s: %+v", camera, detections)
					}
					checkBox(t, detections[0], img, backdrop)
					checkAbove(t, detections[0].Box, img, backdrop)
				}
			}
		}
	}
}

// checkBox fails unless the box lies in the frame and something is in it.
func checkBox(t *testing.T, d scene.Detection, img, backdrop *image.RGBA) {
	t.Helper()
	b := d.Box
	if b.X1 < 0 || b.Y1 < 0 || b.X2 > scene.Width || b.Y2 > scene.Height || b.X2-b.X1 < 8 || b.Y2-b.Y1 < 8 {
		t.Errorf("%s: box %v", d.Label, b)
	}
	r := image.Rect(int(b.X1), int(b.Y1), int(b.X2), int(b.Y2))
	if share := float64(differing(img, backdrop, r)) / float64(r.Dx()*r.Dy()); share < 0.2 {
		t.Errorf("%s: only %.0f %% of the box %v show anything", d.Label, 100*share, b)
	}
}

// checkAbove fails unless the upper side of the box is that of the thing. On the other
// sides there are shadows.
func checkAbove(t *testing.T, b scene.Box, img, backdrop *image.RGBA) {
	t.Helper()
	if n := differing(img, backdrop, image.Rect(0, 0, scene.Width, int(b.Y1))); n > 0 {
		t.Errorf("%d pixels changed above the box %v", n, b)
	}
	if differing(img, backdrop, image.Rect(int(b.X1), int(b.Y1), int(b.X2), int(b.Y1)+4)) == 0 {
		t.Errorf("nothing lies at the top of the box %v", b)
	}
}

// differing counts the pixels in r that clearly differ.
func differing(a, b *image.RGBA, r image.Rectangle) (n int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := a.PixOffset(r.Min.X, y)
		for i := row; i < row+4*r.Dx(); i += 4 {
			sum := 0
			for c := i; c < i+3; c++ {
				sum += int(max(a.Pix[c], b.Pix[c]) - min(a.Pix[c], b.Pix[c]))
			}
			if sum > 12 {
				n++
			}
		}
	}
	return n
}

func TestNearThingsAreDetectedFirst(t *testing.T) {
	props := []scene.Prop{{Kind: scene.Cat, V: 0.5}, {Kind: scene.Person, V: 0.9}, {Kind: scene.Dog, V: 0.1}}
	_, _, detections := scene.NewStudio().Draw(scene.Scene{Camera: scene.Backyard, At: at(12), Props: props})
	var got []string
	for _, d := range detections {
		got = append(got, d.Label)
	}
	if want := []string{"person", "cat", "dog"}; !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
}

func TestCamerasAndHoursLookDifferent(t *testing.T) {
	studio := scene.NewStudio()
	seen := map[string]string{}
	for _, camera := range cameras {
		for light, hour := range map[string]int{"dawn": 7, "day": 12, "dusk": 19, "night": 3} {
			_, backdrop, _ := studio.Draw(scene.Scene{Camera: camera, At: at(hour)})
			pix, name := string(backdrop.Pix), camera+" "+light
			if twin := seen[pix]; twin != "" {
				t.Errorf("%s looks like %s", name, twin)
			}
			seen[pix] = name
		}
	}
}
