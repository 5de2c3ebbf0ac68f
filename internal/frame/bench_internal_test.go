package frame

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"
)

func BenchmarkShrink1080pTo640(b *testing.B)  { benchmarkShrink(b, 640) }
func BenchmarkShrink1080pTo1280(b *testing.B) { benchmarkShrink(b, 1280) }

// benchmarkShrink measures one noisy JPEG frame of 1920x1080 (4:2:0, 0.5 MB):
// what the decoder and the encoder cost by themselves, and shrink as a whole.
// "ratio" lets the three take turns in one run and divides the fastest shrink
// by the fastest decoder plus the fastest encoder.
//
//	go test -run '^$' -bench Shrink1080p
func benchmarkShrink(b *testing.B, edge int) {
	frame := cameraFrame(b)
	img, err := jpeg.Decode(bytes.NewReader(frame))
	if err != nil {
		b.Fatal(err)
	}
	from := img.Bounds().Size()
	small := reduced(img, from, thumbnailSize(from, edge))
	steps := map[string]func() error{
		"decode": func() error { _, err := jpeg.Decode(bytes.NewReader(frame)); return err },
		"encode": func() error {
			return jpeg.Encode(new(bytes.Buffer), small, &jpeg.Options{Quality: thumbnailQuality})
		},
		"shrink": func() error { _, _, _, err := shrink(frame, edge); return err },
	}
	for _, name := range []string{"decode", "encode", "shrink"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := steps[name](); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("ratio", func(b *testing.B) {
		fastest := map[string]time.Duration{}
		for b.Loop() {
			for name, step := range steps {
				start := time.Now()
				if err := step(); err != nil {
					b.Fatal(err)
				}
				if took := time.Since(start); fastest[name] == 0 || took < fastest[name] {
					fastest[name] = took
				}
			}
		}
		b.ReportMetric(float64(fastest["shrink"])/float64(fastest["decode"]+fastest["encode"]), "x(decode+encode)")
	})
}

func cameraFrame(tb testing.TB) []byte {
	rng := rand.New(rand.NewPCG(4, 4))
	m := image.NewRGBA(image.Rect(0, 0, 1920, 1080))
	for y := range 1080 {
		for x := range 1920 {
			noise := rng.IntN(25) - 12
			level := func(v int) uint8 { return uint8(min(max(v+noise, 0), 255)) }
			m.SetRGBA(x, y, color.RGBA{level(x / 8), level(y / 5), level((x/40 + y/40) % 2 * 160), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
