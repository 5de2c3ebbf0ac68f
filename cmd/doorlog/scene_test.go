package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

func TestFramesAreJPEGsThatShowTheirDetections(t *testing.T) {
	studio := newStudio()
	for _, s := range (household{seed: 1, loc: time.UTC}).day(noon) {
		frame, detections, err := studio.shoot(s.scene)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := jpeg.Decode(bytes.NewReader(frame))
		if err != nil {
			t.Fatalf("%s: %v", s.event.RecordingID, err)
		}
		img := image.NewRGBA(decoded.Bounds())
		draw.Draw(img, img.Rect, decoded, image.Point{}, draw.Src)
		if got := img.Rect; got != image.Rect(0, 0, s.event.FrameWidth, s.event.FrameHeight) || got != image.Rect(0, 0, 640, 360) {
			t.Errorf("%s: the frame is %v, the event says %d by %d", s.event.RecordingID, got, s.event.FrameWidth, s.event.FrameHeight)
		}
		if len(s.scene.props) == 0 && detections != nil {
			t.Errorf("%s: %d detections of nothing", s.event.RecordingID, len(detections))
		}
		backdrop := studio.backdrop(s.event.Camera, lightAt(s.scene.at))
		for _, d := range detections {
			checkBox(t, d, img, backdrop)
		}
	}
}

// Things keep within the frame, and their boxes around them, wherever they
// stand and whatever the hour.
func TestEveryThingIsInItsBox(t *testing.T) {
	studio, p := newStudio(), newPainter()
	for camera := range stages {
		for _, hour := range []int{3, 12} {
			for k := kindPerson; k < kindLeaf; k++ {
				for corner := range 8 {
					thing := prop{
						kind: k, confidence: 0.5, look: courierLook,
						u: float64(corner & 1), v: float64(corner >> 1 & 1), flip: corner&4 != 0, away: corner&4 != 0,
					}
					sc := scene{camera, time.Date(2026, time.May, 1, hour, 0, 0, 0, time.UTC), []prop{thing}}
					backdrop := studio.backdrop(camera, lightAt(sc.at))
					detections := p.scene(sc, backdrop)
					if len(detections) != 1 || detections[0].Label != kinds[k].label || detections[0].Confidence != 0.5 {
						t.Fatalf("%s: %+v", camera, detections)
					}
					checkBox(t, detections[0], p.img, backdrop)
					checkAbove(t, *detections[0].Box, p.img, backdrop)
				}
			}
		}
	}
}

// checkBox sees to it that the box lies in the frame, and something in the box.
func checkBox(t *testing.T, d doorlog.Detection, img, backdrop *image.RGBA) {
	t.Helper()
	b := *d.Box
	if b.X1 < 0 || b.Y1 < 0 || b.X2 > frameWidth || b.Y2 > frameHeight || b.X2-b.X1 < 8 || b.Y2-b.Y1 < 8 {
		t.Errorf("%s: box %v", d.Label, b)
	}
	r := image.Rect(int(b.X1), int(b.Y1), int(b.X2), int(b.Y2))
	if share := float64(differing(img, backdrop, r)) / float64(r.Dx()*r.Dy()); share < 0.2 {
		t.Errorf("%s: only %.0f %% of the box %v show anything", d.Label, 100*share, b)
	}
}

// checkAbove sees to it that the box ends where the thing does; on the other
// sides there are shadows.
func checkAbove(t *testing.T, b doorlog.Box, img, backdrop *image.RGBA) {
	t.Helper()
	if n := differing(img, backdrop, image.Rect(0, 0, frameWidth, int(b.Y1))); n > 0 {
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
	props := []prop{{kind: kindCat, v: 0.5}, {kind: kindPerson, v: 0.9}, {kind: kindDog, v: 0.1}}
	sc := scene{backyard, noon, props}
	var got []string
	for _, d := range newPainter().scene(sc, newStudio().backdrop(backyard, dayLight)) {
		got = append(got, d.Label)
	}
	if want := []string{"person", "cat", "dog"}; !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
}

func TestTheSameSceneIsTheSameFrame(t *testing.T) {
	day := household{seed: 5, loc: time.UTC}.day(noon)
	one, other := newStudio(), newStudio()
	for i := range 10 {
		s := day[i*len(day)/10]
		frame, detections, err := one.shoot(s.scene)
		if err != nil {
			t.Fatal(err)
		}
		again, detectionsAgain, err := other.shoot(s.scene)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(frame, again) || !reflect.DeepEqual(detections, detectionsAgain) {
			t.Errorf("%s was drawn differently", s.event.RecordingID)
		}
	}
}

func TestCamerasAndHoursLookDifferent(t *testing.T) {
	studio := newStudio()
	seen := map[string]string{}
	for camera := range stages {
		for l := range lights {
			pix := string(studio.backdrop(camera, light(l)).Pix)
			name := camera + " " + [...]string{"dawn", "day", "dusk", "night"}[l]
			if twin := seen[pix]; twin != "" {
				t.Errorf("%s looks like %s", name, twin)
			}
			seen[pix] = name
		}
	}
}

// BenchmarkFrame draws and encodes the frames of a day, one at a time.
func BenchmarkFrame(b *testing.B) {
	studio, day := newStudio(), household{seed: 1, loc: time.UTC}.day(noon)
	for i := 0; b.Loop(); i++ {
		if _, _, err := studio.shoot(day[i%len(day)].scene); err != nil {
			b.Fatal(err)
		}
	}
}
