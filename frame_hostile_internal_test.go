package doorlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What becomes of a hostile frame.
const (
	shrunk   = "a thumbnail"
	refused  = "ErrInvalid"
	outsized = "ErrTooLarge"
)

// A hostileFrame is made when it is its turn, so that it is the only one in memory.
type hostileFrame struct {
	name string
	make func(tb testing.TB) []byte
	want string
}

func hostileFrames() []hostileFrame {
	return slices.Concat(hostileJPEGs(), hostilePNGs(), hostileGIFs(), hostileBMPs(), hostileWebPs(), cutFrames())
}

func hostileJPEGs() []hostileFrame {
	of := func(name, want string, f jpegFile) hostileFrame {
		return hostileFrame{"JPEG: " + name, func(testing.TB) []byte { return f.bytes() }, want}
	}
	raw := func(name, want string, frame func() []byte) hostileFrame {
		return hostileFrame{"JPEG: " + name, func(testing.TB) []byte { return frame() }, want}
	}
	const ycc = "\x01\x02\x03"
	cmyk := []byte{0x11, 0x11, 0x11, 0x11}
	segment := func(marker byte, content string) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(content))), content...)
	}
	small := func(before []byte) []byte {
		return jpegFile{width: 64, height: 64, names: ycc, sampling: same420, scans: 1, before: before}.bytes()
	}
	loop := exifPrefix + "II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00"
	count := exifPrefix + "MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff"
	return []hostileFrame{
		of("baseline, 40 MP", shrunk, jpegFile{width: 8000, height: 5000, names: ycc, sampling: same444, scans: 1}),
		of("progressive, 40 MP", outsized, jpegFile{width: 8000, height: 5000, progressive: true, names: ycc, sampling: same444, scans: 1}),
		of("progressive, 12 MP", shrunk, jpegFile{width: 4080, height: 3060, progressive: true, names: ycc, sampling: same444, scans: 2}),
		of("64 scans of a few bytes over 24 MP", shrunk, jpegFile{width: 6000, height: 4000, progressive: true, names: ycc, sampling: same420, scans: MaxFrameScans, run: true}),
		of("10,000 scans", outsized, jpegFile{width: 6000, height: 4000, progressive: true, names: ycc, sampling: same420, scans: 10_000, run: true}),
		of("CMYK, 24 MP", shrunk, jpegFile{width: 6000, height: 4000, names: "\x01\x02\x03\x04", sampling: cmyk, adobe: []byte{0}, scans: 1}),
		of("CMYK, 40 MP", outsized, jpegFile{width: 8000, height: 5000, names: "\x01\x02\x03\x04", sampling: cmyk, adobe: []byte{2}, scans: 1}),
		of("65535 x 65535", outsized, jpegFile{width: 65535, height: 65535, names: ycc, sampling: same420, before: segment(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00")}),
		of("restart markers that do not come", refused, jpegFile{width: 4000, height: 4000, names: ycc, sampling: same420, scans: 1, restart: 1}),
		raw("32 MiB of segments", shrunk, func() []byte { return small(bytes.Repeat(segment(0xef, ""), 8<<20-1000)) }),
		raw("a million Huffman tables", shrunk, func() []byte {
			return small(bytes.Repeat(segment(0xc4, "\x10\x01"+strings.Repeat("\x00", 16)), 1_000_000))
		}),
		raw("EXIF whose directory is in itself", shrunk, func() []byte { return small(segment(app1, loop)) }),
		raw("EXIF of 2^32 orientations", shrunk, func() []byte { return small(segment(app1, count)) }),
		raw("32 MiB of padding", refused, func() []byte { return append([]byte("\xff\xd8"), bytes.Repeat([]byte{0xff}, MaxFrameBytes-2)...) }),
		raw("32 MiB of nothing", refused, func() []byte { return append([]byte("\xff\xd8\xff"), make([]byte, MaxFrameBytes-3)...) }),
	}
}

func hostilePNGs() []hostileFrame {
	of := func(name, want string, f pngFile) hostileFrame {
		return hostileFrame{"PNG: " + name, f.bytes, want}
	}
	palette := func(colours int) []byte { return make([]byte, 3*colours) }
	return []hostileFrame{
		of("30,000 x 30,000", outsized, pngFile{width: 30_000, height: 30_000, depth: 1}),
		of("40 MP with alpha", shrunk, pngFile{width: 8000, height: 5000, depth: 8, kind: 6}),
		of("40 MP of 16 bits", outsized, pngFile{width: 8000, height: 5000, depth: 16, kind: 6}),
		of("40 MP, interlaced", outsized, pngFile{width: 8000, height: 5000, depth: 8, kind: 2, interlace: 1}),
		of("12 MP of 16 bits, interlaced", shrunk, pngFile{width: 4000, height: 3000, depth: 16, kind: 6, interlace: 1}),
		of("a column of 16 million pixels", shrunk, pngFile{width: 1, height: maxFrameEdge, depth: 8}),
		of("two rows of 16 million pixels", outsized, pngFile{width: maxFrameEdge, height: 2, depth: 8, kind: 2}),
		{"PNG: a chunk of 31 MiB", func(tb testing.TB) []byte {
			return pngFile{width: 64, height: 64, depth: 8, extra: make([]byte, 31<<20)}.bytes(tb)
		}, shrunk},
		of("no palette", refused, pngFile{width: 64, height: 64, depth: 8, kind: 3}),
		of("a palette of no colours", refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(0)}),
		of("a palette of 300 colours", refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(300)}),
		of("a palette of a colour and a half", refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: make([]byte, 5)}),
		of("colour 255 of one", shrunk, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(1), pixel: 255}),
		of("transparency of more colours than there are", refused, pngFile{width: 64, height: 64, depth: 8, kind: 3, palette: palette(1), transparent: make([]byte, 300)}),
		{"PNG: 100 MB of pixels behind the picture's own", func(tb testing.TB) []byte {
			frame := pngFile{width: 1000, height: 100_000, depth: 8}.bytes(tb)
			head := pngFile{width: 1000, height: 10, depth: 8}.bytes(tb)
			return append(head[:33:33], frame[33:]...)
		}, refused},
	}
}

func hostileGIFs() []hostileFrame {
	of := func(name, want string, f gifFile) hostileFrame {
		return hostileFrame{"GIF: " + name, f.bytes, want}
	}
	return []hostileFrame{
		of("40 MP, interlaced", shrunk, gifFile{width: 8000, height: 5000, palette: true, interlace: true, pictures: 1}),
		of("a screen of 65535 x 65535", outsized, gifFile{width: 65535, height: 65535, palette: true}),
		of("10,000 pictures", shrunk, gifFile{width: 640, height: 480, palette: true, pictures: 10_000}),
		of("no end", shrunk, gifFile{width: 64, height: 64, palette: true, pictures: 1, noTrailer: true}),
		of("no picture", refused, gifFile{width: 64, height: 64, palette: true}),
		of("no palette", refused, gifFile{width: 64, height: 64, pictures: 1}),
		{"GIF: a comment of 31 MiB", func(tb testing.TB) []byte {
			comment := bytes.Repeat(append([]byte{255}, make([]byte, 255)...), 31<<12)
			comment = append(append([]byte{0x21, 0xfe}, comment...), 0)
			return gifFile{width: 64, height: 64, palette: true, before: comment, pictures: 1}.bytes(tb)
		}, shrunk},
	}
}

func hostileBMPs() []hostileFrame {
	of := func(name, want string, f bmpFile) hostileFrame {
		return hostileFrame{"BMP: " + name, func(testing.TB) []byte { return f.bytes() }, want}
	}
	return []hostileFrame{
		of("40 MP without pixels", refused, bmpFile{width: 8000, height: -5000, depth: 32}),
		of("30,000 x 30,000", outsized, bmpFile{width: 30_000, height: 30_000, depth: 1, colours: 2, palette: 8}),
		of("a height of -2^31", outsized, bmpFile{width: 64, height: -1 << 31, depth: 24, data: 1000}),
		of("a negative width", refused, bmpFile{width: -64, height: 64, depth: 24, data: 64 * 64 * 3}),
		of("a palette of 2^31 colours", refused, bmpFile{width: 64, height: 64, depth: 8, colours: 1 << 31, palette: 1024, data: 64 * 64}),
		of("half a palette", refused, bmpFile{width: 64, height: 64, depth: 8, palette: 512, data: 64 * 64}),
	}
}

func hostileWebPs() []hostileFrame {
	of := func(name, want string, frame func(tb testing.TB) []byte) hostileFrame {
		return hostileFrame{"WebP: " + name, frame, want}
	}
	canvas := "\x00\x00\x00\x00\x3f\x00\x00\x3f\x00\x00"
	return []hostileFrame{
		of("16,384 x 16,384", outsized, func(testing.TB) []byte { return losslessBomb(1<<14, 1<<14) }),
		of("9 MP in 40 bytes", shrunk, func(testing.TB) []byte { return losslessBomb(4096, 2160) }),
		of("2600 groups of codes", shrunk, func(testing.TB) []byte { return huffmanBomb() }),
		of("lossy, 40 MP of no data", refused, func(tb testing.TB) []byte { return lossyBomb(tb, 8000, 5000) }),
		of("alpha of 9 MP in 40 bytes", refused, func(tb testing.TB) []byte { return alphaBomb(tb, 4096, 2160) }),
		of("plain alpha that is not there", refused, func(tb testing.TB) []byte {
			return withAlpha(lossyBomb(tb, 8000, 5000), 8000, 5000, []byte{0})
		}),
		of("a canvas of 2^24 x 2^24", refused, func(testing.TB) []byte { return riff("VP8X", []byte("\x10\x00\x00\x00\xff\xff\xff\xff\xff\xff")) }),
		of("a small canvas, a large picture", refused, func(testing.TB) []byte {
			return addChunk(riff("VP8X", []byte(canvas)), "VP8L", losslessData(1<<14, 1<<14))
		}),
		of("a chunk that says it has 16 MB", refused, func(tb testing.TB) []byte {
			frame := lossyBomb(tb, 64, 64)
			binary.LittleEndian.PutUint32(frame[4:], 1<<25)
			binary.LittleEndian.PutUint32(frame[webpHeaderBytes+4:], 1<<24-1)
			return frame
		}),
		of("4 million chunks", refused, func(testing.TB) []byte {
			return append([]byte("RIFF\xf4\xff\xff\x01WEBP"), bytes.Repeat([]byte("none\x00\x00\x00\x00"), 4<<20-2)...)
		}),
	}
}

// cutFrames are halves of frames that would take as much as may be.
func cutFrames() []hostileFrame {
	half := func(name string, frame func(tb testing.TB) []byte) hostileFrame {
		return hostileFrame{"half of " + name, func(tb testing.TB) []byte {
			whole := frame(tb)
			return whole[:len(whole)/2]
		}, refused}
	}
	return []hostileFrame{
		half("a JPEG", func(testing.TB) []byte {
			return jpegFile{width: 8000, height: 5000, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes()
		}),
		half("a progressive JPEG", func(testing.TB) []byte {
			return jpegFile{width: 4000, height: 3000, progressive: true, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes()
		}),
		half("a PNG", pngFile{width: 8000, height: 5000, depth: 8, kind: 6}.bytes),
		half("a GIF", gifFile{width: 8000, height: 5000, palette: true, interlace: true, pictures: 1}.bytes),
		half("a BMP", func(testing.TB) []byte {
			return bmpFile{width: 4000, height: 2000, depth: 24, data: 24_000_000}.bytes()
		}),
		half("a WebP", func(testing.TB) []byte { return huffmanBomb() }),
	}
}

// A hostileReport is what the process that reads the frames says of one of them.
type hostileReport struct {
	Name    string
	Got     string // what became of it
	Error   string
	Stored  bool
	Peak    int64 // bytes in memory, since the one before it
	Seconds float64
}

const (
	hostileRole  = "DOORLOG_TEST_HOSTILE_FRAMES"
	hostileLimit = MaxFrameMemory + 32<<20 // GOMEMLIMIT of that process
	hostilePeak  = hostileLimit + 40<<20   // and what it may have in memory: its code and the frame come on top
	allAtOnce    = "all at once"
	oneByOne     = "one by one, and no collection by itself"
)

// Frames come from strangers and from broken cameras. Whatever they are, the
// event is stored, and a small machine has the memory for it.
func TestHostileFramesUnderAMemoryLimit(t *testing.T) {
	if os.Getenv(hostileRole) != "" {
		readHostileFrames(t)
		return
	}
	if _, err := peakMemory(); err != nil {
		t.Skip("SKIP: the peak of a process's memory cannot be read here:", err)
	}
	if raceDetector {
		t.Skip("SKIP: the race detector takes several times the memory")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), hostileRole+"=1", fmt.Sprint("GOMEMLIMIT=", hostileLimit))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]hostileReport{}
	for line := range strings.Lines(string(out)) {
		var r hostileReport
		if json.Unmarshal([]byte(line), &r) == nil {
			got[r.Name] = r
		}
	}
	for _, f := range append(hostileFrames(), hostileFrame{name: allAtOnce}, hostileFrame{name: oneByOne}) {
		r, ok := got[f.name]
		t.Logf("%-55s %4d MiB %6.2f s %s %s", r.Name, r.Peak>>20, r.Seconds, r.Got, r.Error)
		itself := math.MaxInt == math.MaxInt32 && f.want == outsized && r.Got == refused // decoders for 32 bits refuse some
		if !ok || !r.Stored || r.Got != f.want && !itself {
			t.Errorf("%s: %+v, want %s", f.name, r, f.want)
		}
		if r.Peak > hostilePeak {
			t.Errorf("%s: %d MiB in memory, more than %d", f.name, r.Peak>>20, hostilePeak>>20)
		}
	}
}

// readHostileFrames is what the process under the memory limit does.
func readHostileFrames(t *testing.T) {
	st, err := Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	out := json.NewEncoder(os.Stdout)
	measured := func(name string, read func(*hostileReport) error) {
		debug.FreeOSMemory() // what it took to make the frame
		if err := resetPeakMemory(); err != nil {
			t.Fatal(err)
		}
		r := hostileReport{Name: name}
		began := time.Now()
		if err := read(&r); err != nil {
			t.Fatal(name, err)
		}
		r.Seconds = time.Since(began).Seconds()
		if r.Peak, err = peakMemory(); err != nil {
			t.Fatal(err)
		}
		if err := out.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range hostileFrames() {
		frame := f.make(t)
		measured(f.name, func(r *hostileReport) error { return readHostileFrame(t.Context(), st, frame, r) })
	}
	var several [][]byte
	for range 2 {
		several = append(several, huffmanBomb(), losslessBomb(4096, 2160),
			jpegFile{width: 4080, height: 3060, progressive: true, names: "\x01\x02\x03", sampling: same444, scans: 1}.bytes(),
			pngFile{width: 8000, height: 5000, depth: 8, kind: 6}.bytes(t))
	}
	measured(allAtOnce, func(r *hostileReport) error {
		r.Stored = true
		var wg sync.WaitGroup
		for _, frame := range several {
			wg.Go(func() {
				if _, err := st.WriteEventWithFrame(t.Context(), hostileEvent(), frame); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})
	large := several[len(several)-1]
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(math.MaxInt64)
	measured(oneByOne, func(r *hostileReport) error {
		r.Stored = true
		for range 3 {
			if _, err := st.WriteEventWithFrame(t.Context(), hostileEvent(), large); err != nil {
				return err
			}
		}
		return nil
	})
}

func hostileEvent() Event {
	return Event{Camera: "front_door", RecordedAt: time.Now(), Type: Motion}
}

func readHostileFrame(ctx context.Context, st *Store, frame []byte, r *hostileReport) error {
	id, err := st.WriteEventWithFrame(ctx, hostileEvent(), frame)
	if err != nil {
		return err
	}
	stored, err := st.Event(ctx, id)
	if err != nil {
		return err
	}
	r.Stored, r.Got = true, shrunk
	if stored.ThumbnailPath != "" {
		return nil
	}
	e := hostileEvent()
	err = st.SaveThumbnail(ctx, &e, frame)
	switch {
	case errors.Is(err, ErrTooLarge):
		r.Got = outsized
	case errors.Is(err, ErrInvalid):
		r.Got = refused
	default:
		return fmt.Errorf("the event has no thumbnail, and then: %w", err)
	}
	r.Error = err.Error()
	if strings.Contains(r.Error, "panic") {
		return err
	}
	return nil
}

// peakMemory returns the most bytes of memory that this process had at once.
func peakMemory() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kibibytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10, nil
		}
	}
	return 0, errors.New("there is no VmHWM in /proc/self/status of " + runtime.GOOS)
}

// resetPeakMemory forgets the peak (proc(5), clear_refs).
func resetPeakMemory() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
