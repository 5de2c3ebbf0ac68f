package doorlog_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

// What a call logs goes to the caller's logger too, and what others log does not.
func TestACallTellsItsCallerWhatItLogs(t *testing.T) {
	var mine, theirs bytes.Buffer
	logger := func(w *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
	s := newStore(t)
	e := motion("porch", 1)
	ctx := doorlog.WithLogger(t.Context(), logger(&mine))
	if doorlog.LoggerOf(ctx) == nil || doorlog.LoggerOf(t.Context()) != nil {
		t.Error("the logger of a context is not what was put into it")
	}
	if _, err := s.WriteEventWithFrame(doorlog.WithLogger(t.Context(), logger(&theirs)), e, jpegFrame(t, 64, 48)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteEventWithFrame(ctx, e, []byte("no picture")); err != nil {
		t.Fatal(err)
	}
	if theirs.Len() > 0 || !strings.Contains(s.log.String(), "without a thumbnail") || !strings.Contains(mine.String(), "without a thumbnail") {
		t.Errorf("the caller is told %q, another caller %q, and the store %q", &mine, &theirs, s.log)
	}
	mine.Reset()
	stored, err := s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 64, 48))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.ThumbnailDir(), filepath.FromSlash(stored.ThumbnailPath))
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file+".away", file); err != nil {
		t.Skip(err)
	}
	if _, err := s.Backup(ctx, new(bytes.Buffer), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(mine.String(), "is not in the backup") {
		t.Errorf("whoever makes the backup is told %q", &mine)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
}
