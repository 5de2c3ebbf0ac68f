package doorlog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// A panicking context panics once it has been asked for its error so many times.
type panickingContext struct {
	context.Context
	left int
}

func (c *panickingContext) Err() error {
	if c.left--; c.left < 0 {
		panic("out of range")
	}
	return c.Context.Err()
}

// Whatever panics in the middle of reading a file reaches nobody, and leaves no
// file behind. It is injected where the context is asked, which is at each page.
func TestAPanicWhileAFileIsReadIsAnError(t *testing.T) {
	s := newStore(t)
	for i := range 300 {
		s.write(t, motion("garage", i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for left := range 12 {
		ctx := &panickingContext{t.Context(), left}
		if v, err := doorlog.Verify(ctx, s.path, &s.options); v != nil || !errors.Is(err, doorlog.ErrCorrupt) {
			t.Errorf("after %d questions Verify says %v, %v", left, v, err)
		}
		dir := t.TempDir()
		ctx = &panickingContext{t.Context(), left}
		if result, err := doorlog.Salvage(ctx, s.path, filepath.Join(dir, "saved.db"), nil); !errors.Is(err, doorlog.ErrCorrupt) {
			t.Errorf("after %d questions Salvage says %+v, %v", left, result, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("Salvage left %v, %v", files, err)
		}
	}
	s.open(t)
}
