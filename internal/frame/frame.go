// Package frame makes thumbnails: it turns a picture into a small JPEG. Cameras and
// strangers supply the pictures, so every limit is checked before a picture is decoded,
// and no panic of a decoder leaves the package. [Shrinker.Shrink] is the only way in.
package frame

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/doorlog/doorlog/internal/fault"
)

// Limits on a frame. They are checked before it is decoded.
const (
	MaxBytes  = 32 << 20   // of the file
	MaxPixels = 40_000_000 // width times height
	MaxEdge   = 1 << 24    // pixels along the longest edge
	MaxMemory = 200 << 20  // bytes of memory in use at once to make a thumbnail, without the file
	MaxScans  = 64         // passes of a progressive JPEG over the picture
)

// large is in bytes of memory: frames that need more are decoded one at a time.
const large = 32 << 20

const thumbnailQuality = 85

// A Thumbnail is a small picture of a frame.
type Thumbnail struct {
	JPEG          []byte
	Width, Height int // of the upright frame, in pixels
}

// A Shrinker makes thumbnails. It works on at most GOMAXPROCS frames at once, and on at
// most one large frame among them: small machines are short of memory first. It is safe
// for concurrent use.
type Shrinker struct {
	edge    int
	formats []format      // what frames may be
	slots   chan struct{} // has a token for each frame that is being decoded
	large   chan struct{} // has a token if one of them is large
}

// New returns a [Shrinker]. The longest edge of its thumbnails has at most edge pixels.
// edge must be positive.
func New(edge int) *Shrinker {
	return &Shrinker{
		edge: edge, formats: slices.Clone(formats[:]),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)), large: make(chan struct{}, 1),
	}
}

// Shrink turns a frame (JPEG, PNG, GIF, WebP or BMP) into a JPEG of quality 85. A frame
// that is small enough keeps its size. The thumbnail is upright (EXIF orientation is
// applied), its transparent pixels are white, and it has no metadata.
//
// The error is [fault.ErrInvalid] if the frame cannot be read or makes its decoder panic,
// and [fault.ErrTooLarge] as well if the frame exceeds a limit. If ctx ends while the call
// waits for other frames, the error is that of ctx.
func (s *Shrinker) Shrink(ctx context.Context, frame []byte) (t Thumbnail, err error) {
	// recover catches only panics of this goroutine, so all decoding must run in it.
	defer func() {
		if p := recover(); p != nil {
			t, err = Thumbnail{}, fault.Invalid("frame", "makes its decoder panic: %v", p)
		}
	}()
	found, err := inspect(s.formats, frame, s.edge)
	if err != nil {
		return Thumbnail{}, err
	}
	tokens := []chan struct{}{s.slots}
	if found.memory > large {
		tokens = []chan struct{}{s.large, s.slots}
	}
	for _, c := range tokens {
		select {
		case c <- struct{}{}:
			defer func() { <-c }()
		case <-ctx.Done():
			return Thumbnail{}, ctx.Err()
		}
	}
	if found.memory > large {
		debug.FreeOSMemory() // the garbage of the large frame before this one
	}
	return found.shrink(frame, s.edge)
}

// shrink decodes an inspected frame and makes its thumbnail.
func (found inspected) shrink(frame []byte, edge int) (Thumbnail, error) {
	format, size := found.format, found.size
	img, err := format.decode(bytes.NewReader(frame))
	if err != nil {
		return Thumbnail{}, fault.Invalid("frame", "cannot be read as %s: %v", format.name, err)
	}
	small := turned(reduced(img, size, thumbnailSize(size, edge)), found.turn)
	if swapsEdges(found.turn) {
		size.X, size.Y = size.Y, size.X
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: thumbnailQuality}); err != nil {
		return Thumbnail{}, fmt.Errorf("encode: %w", err)
	}
	return Thumbnail{JPEG: out.Bytes(), Width: size.X, Height: size.Y}, nil
}
