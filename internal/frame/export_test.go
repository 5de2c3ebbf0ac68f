package frame

import (
	"image"
	"io"
	"testing"
)

// RaceDetector says whether it is on.
const RaceDetector = raceDetector

// A Spoiled is what a test puts in the place of parts of a format. nil parts stay.
type Spoiled struct {
	Config  func(io.Reader) (image.Config, error)
	Decode  func(io.Reader) (image.Image, error)
	Headers func() // called before those of the format
}

// Spoil has each Shrinker that is made before restore is called read JPEGs in another way.
func Spoil(with Spoiled) (restore func()) {
	jpeg := formatOf(formats[:], []byte("\xff\xd8\xff"))
	before := *jpeg
	if with.Config != nil {
		jpeg.config = with.Config
	}
	if with.Decode != nil {
		jpeg.decode = with.Decode
	}
	if with.Headers != nil {
		jpeg.headers = func(frame []byte, c image.Config) (headers, error) {
			with.Headers()
			return before.headers(frame, c)
		}
	}
	return func() { *jpeg = before }
}

// SmallFrame is a picture of 64x32 pixels.
func SmallFrame(tb testing.TB, format string) []byte {
	tb.Helper()
	return encoded(tb, format, marked())
}

// TurnedJPEG is one that EXIF says lies on its side.
func TurnedJPEG(tb testing.TB) []byte {
	tb.Helper()
	return turnedFrames(tb, 6)["JPEG"]
}
