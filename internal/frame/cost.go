package frame

import (
	"bytes"
	"image"
	"image/color"

	"github.com/doorlog/doorlog/internal/fault"
)

// The cost of a frame is computed before it is decoded. It is an upper bound of the
// memory that the decoder has in use at once: for the picture, for the decoder's own
// buffers, and for what a hostile file can make it allocate. The figures come from the
// code of the decoders; a test compares them with what the decoders really allocate.
//
// One walk over the parts of a frame finds both its cost and its EXIF data.

func pixels(size image.Point) int64 { return int64(size.X) * int64(size.Y) }

// units returns how many units of the given size cover n.
func units(n, size int) int { return (n + size - 1) / size }

// costOfReduction returns the memory, in bytes, that reduced, turned and the encoder use
// in addition to the decoder's: a row of pixels and a row of sums, then the small picture,
// the same turned, and its file.
func costOfReduction(from, to image.Point) int64 {
	const row, small = 4 + 4*4, 4 + 4 + 4
	return row*int64(from.X) + small*pixels(to)
}

// headersOfJPEG computes the memory of a JPEG: one byte for each sample, 4 more for its
// coefficient if the JPEG is progressive, and 4 bytes a pixel if it may be converted to RGB
// or CMYK.
func headersOfJPEG(frame []byte, c image.Config) (headers, error) {
	h := headerOfJPEG(frame)
	most := max(1, len(h.sampling))
	if h.progressive {
		most = MaxScans
	}
	if h.scans > most {
		return headers{}, fault.TooLarge("frame", "is a JPEG of %d scans, more than %d", h.scans, most)
	}
	size := image.Pt(c.Width, c.Height)
	n := h.samples(size)
	if h.progressive {
		n += 4 * n
	}
	if h.converted {
		n += 4 * pixels(size)
	}
	return headers{n, h.exif}, nil
}

// A jpegHeader is what the segments of a JPEG say about the decoder's work.
type jpegHeader struct {
	progressive bool
	converted   bool          // the decoder may convert it to RGB or CMYK
	sampling    []image.Point // for each component, the blocks of an MCU across and down
	scans       int
	exif        []byte // content of the first APP1 segment with EXIF before a scan
}

func headerOfJPEG(frame []byte) (h jpegHeader) {
	const adobeTransform = 11 // offset of the byte that is 0 for RGB and CMYK
	for marker, content := range segmentsOfJPEG(frame) {
		switch marker {
		case startOfFrame0, startOfFrame1, startOfFrame2:
			if h.sampling != nil || len(content) < 6 {
				return h // the decoder stops here
			}
			h.progressive = marker == startOfFrame2
			names := ""
			for spec := content[6:]; len(spec) >= 3; spec = spec[3:] {
				names += string(spec[:1])
				h.sampling = append(h.sampling, image.Pt(int(spec[1]>>4), int(spec[1]&0xf)))
			}
			h.converted = h.converted || names == "RGB" || len(names) == 4
		case app14:
			h.converted = h.converted || len(content) > adobeTransform && content[adobeTransform] == 0
		case app1:
			if h.exif == nil && h.scans == 0 && bytes.HasPrefix(content, []byte(exifPrefix)) {
				h.exif = content
			}
		case startOfScan:
			h.scans++
		}
	}
	return h
}

// samples returns the number of samples of all components, in whole MCUs.
func (h *jpegHeader) samples(size image.Point) (n int64) {
	const edge = 8 // of a block
	if len(h.sampling) == 0 {
		return 0 // no picture; the decoder reports that
	}
	mcu := h.sampling[0]
	if len(h.sampling) == 1 {
		mcu = image.Pt(1, 1) // by ITU-T T.81, A.2.2, whatever the header says
	}
	if mcu.X == 0 || mcu.Y == 0 {
		return 0 // the decoder refuses it
	}
	mcus := pixels(image.Pt(units(size.X, edge*mcu.X), units(size.Y, edge*mcu.Y)))
	if len(h.sampling) == 1 {
		return mcus * edge * edge
	}
	for _, blocks := range h.sampling {
		n += mcus * pixels(blocks) * edge * edge
	}
	return n
}

// headersOfPNG computes the memory of a PNG: the pixels, in the Go image type for their
// colour type and depth, and two rows. An interlaced PNG needs the pixels twice: its seven
// passes are decoded one by one and merged.
func headersOfPNG(frame []byte, c image.Config) (headers, error) {
	const (
		headerBytes = 13
		grey        = 0
		palette     = 3
		widest      = 8 // bytes of a pixel
	)
	var depth, kind, interlace byte
	var transparent, late bool // late: the pixel data has begun
	var exif []byte
	for name, content := range chunksOfPNG(frame) {
		switch string(name) {
		case "IHDR":
			if len(content) == headerBytes && !late {
				depth, kind, interlace = content[8], content[9], content[12]
			}
		case "tRNS":
			transparent = transparent || !late
		case "IDAT":
			late = true
		case "eXIf":
			if exif == nil {
				exif = content
			}
		}
	}
	n := pixels(image.Pt(c.Width, c.Height))
	if kind != palette && (kind != grey || transparent) {
		n *= 4
	}
	if depth == 16 {
		n *= 2
	}
	if interlace != 0 {
		n *= 2
	}
	return headers{n + 2*widest*int64(c.Width), exif}, nil
}

// headersOfGIF computes the memory of a GIF: one byte a pixel, and another one because the
// rows may be interlaced.
func headersOfGIF(_ []byte, c image.Config) (headers, error) {
	return headers{memory: 2 * pixels(image.Pt(c.Width, c.Height))}, nil
}

// headersOfBMP computes the memory of a BMP: 4 bytes a pixel, or one if it has a palette,
// and a row.
func headersOfBMP(_ []byte, c image.Config) (headers, error) {
	n := pixels(image.Pt(c.Width, c.Height+1))
	if _, ok := c.ColorModel.(color.Palette); ok {
		return headers{memory: n}, nil
	}
	return headers{memory: 4 * n}, nil
}

// headersOfWebP computes the memory of a WebP.
//
// A lossy picture takes 1.5 bytes a pixel, in whole macroblocks; the parameters of the
// macroblocks; a copy of its data; and a byte a pixel for alpha. A lossless picture takes 4
// bytes a pixel, up to one more for three pictures of its tiles, and the Huffman codes. The
// codes come in up to 2,600 groups, at most one for each tile of 4x4 pixels. Alpha may be
// compressed as a lossless picture.
//
// A WebP that is cut off is refused: the decoder would allocate the length that the chunk
// claims, up to 128 MiB, before it reads the data.
func headersOfWebP(frame []byte, c image.Config) (h headers, err error) {
	const (
		macroblock  = 16
		parameters  = 8 // bytes of a macroblock
		tile        = 4
		groups      = 2600
		group       = 56 << 10 // bytes of 5 codes, of 280+2048, 256, 256, 256 and 40 symbols
		compression = 3        // bits of the first byte of alpha
	)
	size := image.Pt(c.Width, c.Height)
	tiles := pixels(image.Pt(units(size.X, tile), units(size.Y, tile)))
	blocks := pixels(image.Pt(units(size.X, macroblock), units(size.Y, macroblock)))
	lossless := 5*pixels(size) + min(tiles, groups)*group
	lossy := blocks*(macroblock*macroblock*3/2+parameters) + pixels(size)
	last := false // the decoder stops after this chunk
	for kind, content := range chunksOfWebP(frame) {
		switch name := string(kind); {
		case name == "EXIF":
			if h.exif == nil {
				h.exif = content
			}
			continue
		case last:
			continue
		case name == "VP8L":
			h.memory, last = max(h.memory, lossless), true
		case name == "VP8 ":
			h.memory, last = max(h.memory, lossy+int64(len(content))), true
		case name == "ALPH":
			h.memory = max(h.memory, pixels(size))
			if len(content) > 0 && content[0]&compression != 0 {
				h.memory = max(h.memory, lossless)
			}
		default:
			continue
		}
		if content == nil {
			return h, fault.Invalid("frame", "cannot be read as WebP: it ends within its %s chunk", bytes.TrimSpace(kind))
		}
	}
	return h, nil
}
