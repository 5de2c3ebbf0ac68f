//go:build unix && !solaris && !illumos && !aix

package doorlog_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// To open a pipe waits for its other end: nothing does, wherever there is one.
func TestPipesInTheThumbnailFolderHoldUpNothing(t *testing.T) {
	s := newStore(t)
	e := motion("porch", 1)
	var err error
	if e.ID, err = s.NewID(e.RecordedAt); err != nil {
		t.Fatal(err)
	}
	day := filepath.Join(s.thumbs, "2026/02/25")
	own := filepath.Join(s.thumbs, "own.jpg")
	err = errors.Join(os.MkdirAll(day, 0o700), syscall.Mkfifo(own, 0o600),
		syscall.Mkfifo(filepath.Join(day, "."+e.ID.String()+".jpg.tmp"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		id, err := idOf(s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 64, 64)))
		if err != nil {
			t.Error(err)
		}
		if _, err := s.Thumbnail(t.Context(), id); err != nil { // what was in the way has gone
			t.Error(err)
		}
		other := motion("porch", 2)
		other.ThumbnailPath = "own.jpg"
		_, err = s.WriteEvent(t.Context(), other)
		wantError(t, err, doorlog.ErrInvalid, `"own.jpg" is not a file`)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for ever")
	}
}
