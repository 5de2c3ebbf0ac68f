package frame

import (
	"bytes"
	"image"
	"image/color"

	"github.com/doorlog/doorlog/internal/fault"
)

// What the parts of a frame say of it is read in one walk.
//
// What a frame costs is worked out before its decoder is let at it: how much
// memory that has in use at once, at most, for the picture, for what it keeps
// beside it meanwhile, and for what a stranger may make it keep. The figures are
// read off the decoders' code; a test holds them against what the decoders take.

func pixels(size image.Point) int64 { return int64(size.X) * int64(size.Y) }

// units is how many units of that size cover n.
func units(n, size int) int { return (n + size - 1) / size }

// costOfReduction is what reduced, turned and the encoder take after the
// decoder: a row of pixels and one of sums, then the small picture, the same
// turned, and its file.
func costOfReduction(from, to image.Point) int64 {
	const row, small = 4 + 4*4, 4 + 4 + 4
	return row*int64(from.X) + small*pixels(to)
}

// headersOfJPEG: a byte for each sample; in a progressive one the coefficient of
// each, 4 bytes, too; and 4 bytes a pixel for a conversion to RGB or CMYK.
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

// A jpegHeader is what the segments of a JPEG say of the decoder's work.
type jpegHeader struct {
	progressive bool
	converted   bool          // perhaps, to RGB or CMYK
	sampling    []image.Point // how many blocks an MCU has of each component, across and down
	scans       int
	exif        []byte // the content of the first APP1 segment before a scan that holds EXIF
}

func headerOfJPEG(frame []byte) (h jpegHeader) {
	const adobeTransform = 11 // offset of a byte that is 0 for RGB and CMYK
	for marker, content := range segmentsOfJPEG(frame) {
		switch marker {
		case startOfFrame0, startOfFrame1, startOfFrame2:
			if h.sampling != nil || len(content) < 6 {
				return h // the decoder gets no further
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

// samples is the number of samples of all components, in whole MCUs.
func (h *jpegHeader) samples(size image.Point) (n int64) {
	const edge = 8 // of a block
	if len(h.sampling) == 0 {
		return 0 // there is no picture, which is for the decoder to say
	}
	mcu := h.sampling[0]
	if len(h.sampling) == 1 {
		mcu = image.Pt(1, 1) // whatever it says (ITU-T T.81, A.2.2)
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

// headersOfPNG: the pixels in the form that holds their kind, twice that if they
// come interlaced, as seven pictures that are merged into one, and two rows.
func headersOfPNG(frame []byte, c image.Config) (headers, error) {
	const (
		headerBytes = 13
		grey        = 0
		palette     = 3
		widest      = 8 // bytes of a pixel
	)
	var depth, kind, interlace byte
	var transparent, late bool // late: what follows changes no pixel
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

// headersOfGIF: a byte a pixel, and another one if the rows come interlaced.
func headersOfGIF(_ []byte, c image.Config) (headers, error) {
	return headers{memory: 2 * pixels(image.Pt(c.Width, c.Height))}, nil
}

// headersOfBMP: 4 bytes a pixel, or one with a palette, and a row.
func headersOfBMP(_ []byte, c image.Config) (headers, error) {
	n := pixels(image.Pt(c.Width, c.Height+1))
	if _, ok := c.ColorModel.(color.Palette); ok {
		return headers{memory: n}, nil
	}
	return headers{memory: 4 * n}, nil
}

// headersOfWebP: a lossy picture takes 1.5 bytes a pixel in whole macroblocks and
// their parameters, its data once more, and a byte a pixel for alpha. A lossless
// one, as which alpha may come too, takes 4 bytes and up to one more for three
// pictures of its tiles; and the Huffman codes, in up to 2,600 groups, of which
// there is at most one for each tile of 4x4 pixels.
//
// One that is cut off is refused, since the decoder would make room for as much
// data as the chunk's length says, up to 128 MiB, before it looks for them.
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
	last := false // the decoder reads no further
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
