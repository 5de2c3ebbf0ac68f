package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// A cutWriter cuts the answer off after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		_, _ = w.ResponseWriter.Write(p[:w.left])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A backup that is cut off anywhere is no backup. Since it changes nothing its outcome is known, and the error
// says once what was being done.
func TestABackupThatIsCutOffIsNone(t *testing.T) {
	s := serve(t, nil)
	if _, err := s.WriteEvent(t.Context(), motion(1)); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if _, err := s.Backup(t.Context(), &whole, nil); err != nil {
		t.Fatal(err)
	}
	before, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, left := web.Handler(s.Store, nil), 1<<30
	c := open(t, listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&cutWriter{w, left}, r) })), nil)
	for _, left = range []int{0, 1, 511, 512, 4096, whole.Len() - 1024, whole.Len() - 1} {
		_, err := c.Backup(t.Context(), io.Discard, nil)
		if !errors.Is(err, client.ErrUnreachable) || errors.Is(err, doorlog.ErrUnknownOutcome) || strings.Count(err.Error(), "doorlog: backup") != 1 {
			t.Error(left, err)
		}
	}
	left = 1 << 30
	_, err = c.Backup(t.Context(), fullDisk{}, nil)
	_, want := s.Backup(t.Context(), fullDisk{}, nil)
	agree(t, "a full disk", err, want)
	_, err = c.Backup(t.Context(), io.Discard, &doorlog.BackupOptions{Finish: func(*doorlog.BackupInfo) error { return doorlog.ErrFull }})
	_, want = s.Backup(t.Context(), io.Discard, &doorlog.BackupOptions{Finish: func(*doorlog.BackupInfo) error { return doorlog.ErrFull }})
	agree(t, "a Finish that fails", err, want)
	if now, err := s.Stats(t.Context()); err != nil || !now.LastBackup.Equal(before.LastBackup) {
		t.Error("one of them is recorded", err)
	}
}
