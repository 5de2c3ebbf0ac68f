package doorlog

import "github.com/doorlog/doorlog/internal/frame"

// Limits on an event. What is beyond one of them is ErrTooLarge.
const (
	// MaxNameLen is in bytes: of a camera, type, label, person, method, recording ID or thumbnail path,
	// and of the name of an attribute.
	MaxNameLen = 255

	// MaxDetections is the largest number of detections of an event.
	MaxDetections = 1000

	// MaxAttributes is the largest number of attributes of an event.
	MaxAttributes = 64

	// MaxAttributeValue is the length of the longest value of an attribute, in bytes.
	MaxAttributeValue = 4096
)

// MaxUpdates is the largest number of events that [Store.UpdateEvents] changes at once: other
// writes wait for the one transaction in which it does that.
const MaxUpdates = 10_000

// Limits on a frame. They are checked before the frame is decoded. A frame beyond one of
// them is ErrTooLarge.
const (
	// MaxFrameBytes is the size of the largest frame that is accepted as a file: 32 MiB.
	MaxFrameBytes = frame.MaxBytes

	// MaxFramePixels is the maximum of width times height: 40 million pixels.
	MaxFramePixels = frame.MaxPixels

	// MaxFrameMemory is how many bytes of memory may be used at once to make a
	// thumbnail: 200 MiB, not counting the frame's own bytes. The need is worked out
	// from the frame's headers before it is decoded. For a thumbnail of the default
	// size the limit is enough for
	//
	//	MaxFramePixels  of a baseline JPEG (24 megapixels if it is CMYK), a GIF,
	//	                a BMP, a lossy WebP, and a PNG of 8 bits
	//	24 megapixels   of a progressive JPEG with chroma of half the size (4:2:0)
	//	22 megapixels   of a PNG of 16 bits
	//	20 megapixels   of an interlaced PNG of 8 bits (11 if it is of 16 bits)
	//	12 megapixels   of a progressive JPEG with chroma of full size (4:4:4)
	//	 9 megapixels   of a lossless WebP
	//
	// A machine with 512 MB has room for that. Frames that need more than 32 MiB are
	// decoded one at a time, each after a garbage collection. Other frames are decoded
	// in parallel, up to GOMAXPROCS at once. Garbage that is not collected yet comes on
	// top: on a small machine, set GOMEMLIMIT.
	MaxFrameMemory = frame.MaxMemory

	// MaxFrameScans is the maximum number of scans in a progressive JPEG: 64. Encoders
	// make 10 to 20. A scan of only a few bytes still costs time in proportion to the
	// size of the picture. A JPEG that is not progressive may have at most one scan for
	// each of its components.
	MaxFrameScans = frame.MaxScans

	maxFrameEdge = frame.MaxEdge // of the longer side, in pixels
)
