// Package frame makes thumbnails: a picture in, a small JPEG out. The pictures come
// from cameras and from strangers, so every limit is checked before a decoder sees
// one, and no panic of a decoder leaves the package. [Shrinker.Shrink] is the only
// way in.
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

// Limits on a frame, checked before anything of it is decoded.
const (
	MaxBytes  = 32 << 20   // of the file
	MaxPixels = 40_000_000 // width times height
	MaxEdge   = 1 << 24    // pixels along the longest edge
	MaxMemory = 200 << 20  // bytes in use at once to make a thumbnail, without the frame's own
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

// A Shrinker makes thumbnails. It works on as many frames at once as the machine has
// processors, and on one large one among them, because memory is what small machines
// have least of. It is safe for concurrent use.
type Shrinker struct {
	edge    int
	formats []format      // what frames may be
	slots   chan struct{} // a token for each frame that may be in memory at once
	large   chan struct{} // and one for the large frame among them
}

// New returns a Shrinker whose thumbnails have no edge of more than edge pixels,
// which must be positive.
func New(edge int) *Shrinker {
	return &Shrinker{
		edge: edge, formats: slices.Clone(formats[:]),
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)), large: make(chan struct{}, 1),
	}
}

// Shrink turns a frame (JPEG, PNG, GIF, WebP or BMP) into a JPEG of quality 85. A frame
// that is small enough keeps its size. The thumbnail is upright (EXIF orientation is
// applied), transparent pixels are white in it, and it has no metadata.
//
// A frame that cannot be read, or makes its decoder panic, is fault.ErrInvalid; above a
// limit it is fault.ErrTooLarge as well. If ctx ends before the frame's turn comes, the
// error is that of ctx.
func (s *Shrinker) Shrink(ctx context.Context, frame []byte) (t Thumbnail, err error) {
	// It holds what runs in this goroutine alone: all decoding must.
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
		debug.FreeOSMemory() // else what the one before it left is still in memory beside it
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
