package household

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"reflect"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// decode returns the pixels of a JPEG.
func decode(t *testing.T, frame []byte) *image.RGBA {
	t.Helper()
	decoded, err := jpeg.Decode(bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(decoded.Bounds())
	draw.Draw(img, img.Rect, decoded, image.Point{}, draw.Src)
	return img
}

func TestFramesAreJPEGsThatShowTheirDetections(t *testing.T) {
	h := New(1, time.UTC)
	for _, s := range h.day(noon) {
		frame, detections, err := h.Picture(&s)
		if err != nil {
			t.Fatal(err)
		}
		img := decode(t, frame)
		if got := img.Rect; got != image.Rect(0, 0, s.Event.FrameWidth, s.Event.FrameHeight) || got != image.Rect(0, 0, 640, 360) {
			t.Errorf("%s: the frame is %v, the event says %d by %d", s.Event.RecordingID, got, s.Event.FrameWidth, s.Event.FrameHeight)
		}
		if len(s.scene.Props) == 0 && detections != nil {
			t.Errorf("%s: %d detections of nothing", s.Event.RecordingID, len(detections))
		}
		if len(detections) == 0 {
			continue
		}
		empty, _, err := h.studio.Shoot(scene.Scene{Camera: s.scene.Camera, At: s.scene.At})
		if err != nil {
			t.Fatal(err)
		}
		backdrop := decode(t, empty)
		for _, d := range detections {
			checkBox(t, d, img, backdrop)
		}
	}
}

// checkBox fails unless the box lies in the frame and something is in it.
func checkBox(t *testing.T, d doorlog.Detection, img, backdrop *image.RGBA) {
	t.Helper()
	b := *d.Box
	if b.X1 < 0 || b.Y1 < 0 || b.X2 > scene.Width || b.Y2 > scene.Height || b.X2-b.X1 < 8 || b.Y2-b.Y1 < 8 {
		t.Errorf("%s: box %v", d.Label, b)
	}
	r := image.Rect(int(b.X1), int(b.Y1), int(b.X2), int(b.Y2))
	if share := float64(differing(img, backdrop, r)) / float64(r.Dx()*r.Dy()); share < 0.2 {
		t.Errorf("%s: only %.0f %% of the box %v show anything", d.Label, 100*share, b)
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

func TestTheSameSightingIsTheSamePicture(t *testing.T) {
	one, other := New(5, time.UTC), New(5, time.UTC)
	day := one.day(noon)
	for i := range 10 {
		s := day[i*len(day)/10]
		frame, detections, err := one.Picture(&s)
		if err != nil {
			t.Fatal(err)
		}
		again, detectionsAgain, err := other.Picture(&s)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(frame, again) || !reflect.DeepEqual(detections, detectionsAgain) {
			t.Errorf("%s was drawn differently", s.Event.RecordingID)
		}
	}
}

// BenchmarkPicture draws and encodes the pictures of a day, one at a time.
func BenchmarkPicture(b *testing.B) {
	h := New(1, time.UTC)
	day := h.day(noon)
	for i := 0; b.Loop(); i++ {
		if _, _, err := h.Picture(&day[i%len(day)]); err != nil {
			b.Fatal(err)
		}
	}
}
