package frame_test

import (
	"bytes"
	"errors"
	"image"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/frame"
)

// Decoders are other people's, and read what a stranger may have written.
func TestADecoderThatPanicsCostsThePictureAndNotTheEvent(t *testing.T) {
	good, turned := frame.SmallFrame(t, "JPEG"), frame.TurnedJPEG(t)
	for name, spoiled := range map[string]frame.Spoiled{
		"config":                 {Config: func(io.Reader) (image.Config, error) { panic("out of range") }},
		"config, with no reason": {Config: func(io.Reader) (image.Config, error) { panic(nil) }}, //nolint:govet // who knows what it does
		"headers":                {Headers: func() { panic("out of range") }},
		"decode":                 {Decode: func(io.Reader) (image.Image, error) { panic("out of range") }},
		"decode, with an index of its own": {Decode: func(r io.Reader) (image.Image, error) {
			b, err := io.ReadAll(r)
			at := len(b)
			b[at] = 0
			return nil, err
		}},
		"no picture and no error": {Decode: func(io.Reader) (image.Image, error) { return nil, nil }}, //nolint:nilnil // who knows what it does
		// What a goroutine of another package read would not be caught.
		"a picture that is not all there": {Decode: func(io.Reader) (image.Image, error) {
			return &image.YCbCr{Y: make([]byte, 64*32), YStride: 64, CStride: 64, Rect: image.Rect(0, 0, 64, 32)}, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			restore := frame.Spoil(spoiled)
			s, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), &doorlog.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			restore()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				found, err := s.Verify(t.Context())
				if err = errors.Join(err, s.Close()); err != nil || len(found.Findings) > 0 {
					t.Error(found, err)
				}
			}()
			e := doorlog.Event{Camera: "garage", RecordedAt: time.Now(), Type: doorlog.Motion}
			for range 2 * runtime.GOMAXPROCS(0) { // none keeps its place
				for _, picture := range [][]byte{turned, good} {
					log.Reset()
					stored, err := s.WriteEventWithFrame(t.Context(), e, picture)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := s.Event(t.Context(), stored.ID); err != nil || got.ThumbnailPath != "" || got.Camera != e.Camera {
						t.Fatalf("stored is %+v, %v", got, err)
					}
					if text := log.String(); !strings.Contains(text, "makes its decoder panic") {
						t.Errorf("the log says %q", text)
					}
					unsaved := e
					err = s.SaveThumbnail(t.Context(), &unsaved, picture)
					if !errors.Is(err, doorlog.ErrInvalid) || !strings.Contains(err.Error(), "makes its decoder panic") || unsaved.ID != e.ID {
						t.Errorf("save thumbnail: %v, %+v", err, unsaved)
					}
				}
			}
			// The other formats are not affected.
			stored, err := s.WriteEventWithFrame(t.Context(), e, frame.SmallFrame(t, "PNG"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Thumbnail(t.Context(), stored.ID); err != nil {
				t.Error(err)
			}
		})
	}
}
