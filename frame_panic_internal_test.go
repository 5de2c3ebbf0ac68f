package doorlog

import (
	"bytes"
	"errors"
	"image"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Decoders are other people's, and read what a stranger may have written.
func TestADecoderThatPanicsCostsThePictureAndNotTheEvent(t *testing.T) {
	good := encoded(t, "JPEG", marked())
	turned := turnedFrames(t, 6)["JPEG"]
	for name, spoil := range map[string]func(*frameFormat){
		"config": func(f *frameFormat) {
			f.config = func(io.Reader) (image.Config, error) { panic("out of range") }
		},
		"config, with no reason": func(f *frameFormat) {
			f.config = func(io.Reader) (image.Config, error) { panic(nil) } //nolint:govet // who knows what it does
		},
		"cost": func(f *frameFormat) {
			f.cost = func([]byte, image.Config) (int64, error) { panic("out of range") }
		},
		"decode": func(f *frameFormat) {
			f.decode = func(io.Reader) (image.Image, error) { panic("out of range") }
		},
		"decode, with an index of its own": func(f *frameFormat) {
			f.decode = func(r io.Reader) (image.Image, error) {
				b, err := io.ReadAll(r)
				at := len(b)
				b[at] = 0
				return nil, err
			}
		},
		"EXIF": func(f *frameFormat) { f.exif = func([]byte) []byte { panic("out of range") } },
		"no picture and no error": func(f *frameFormat) {
			f.decode = func(io.Reader) (image.Image, error) { return nil, nil } //nolint:nilnil // who knows what it does
		},
		// What a goroutine of another package read would not be caught.
		"a picture that is not all there": func(f *frameFormat) {
			f.decode = func(io.Reader) (image.Image, error) {
				return &image.YCbCr{Y: make([]byte, 64*32), YStride: 64, CStride: 64, Rect: image.Rect(0, 0, 64, 32)}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s, err := Open(filepath.Join(t.TempDir(), "events.db"), &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
					t.Error(err)
				}
			}()
			spoil(formatOf(s.thumbs.formats, good))
			e := Event{Camera: "garage", RecordedAt: time.Now(), Type: Motion}
			for range 2 * cap(s.thumbs.slots) { // none keeps its place
				for _, frame := range [][]byte{turned, good} {
					log.Reset()
					id, err := s.WriteEventWithFrame(t.Context(), e, frame)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := s.Event(t.Context(), id); err != nil || got.ThumbnailPath != "" || got.Camera != e.Camera {
						t.Fatalf("stored is %+v, %v", got, err)
					}
					if text := log.String(); !strings.Contains(text, "makes its decoder panic") {
						t.Errorf("the log says %q", text)
					}
					unsaved := e
					err = s.SaveThumbnail(t.Context(), &unsaved, frame)
					if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "makes its decoder panic") || unsaved.ID != e.ID {
						t.Errorf("save thumbnail: %v, %+v", err, unsaved)
					}
				}
			}
			// The other formats are not affected.
			id, err := s.WriteEventWithFrame(t.Context(), e, encoded(t, "PNG", marked()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Thumbnail(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
}
