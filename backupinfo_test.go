package doorlog_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// A backup tells pictures that do not exist from those that it cannot read.
func TestBackupTellsMissingPicturesFromUnreadableOnes(t *testing.T) {
	s := newStore(t)
	pictures := make([]string, 4)
	for i := range pictures {
		id, err := idOf(s.WriteEventWithFrame(t.Context(), motion("porch", 10-i), jpegFrame(t, 64, 64)))
		if err != nil {
			t.Fatal(err)
		}
		pictures[i] = filepath.Join(s.thumbs, s.event(t, id).ThumbnailPath)
	}
	whole, before := s.backupTwiceTold(t)
	if !before.Complete() {
		t.Errorf("incomplete: %+v", before)
	}
	aside := t.TempDir()
	for i, path := range pictures[:3] {
		if err := os.Rename(path, filepath.Join(aside, pictureNames[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(pictures[1], 0o700); err != nil { // which is there, and no picture
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(aside, pictureNames[2]), pictures[2]); err != nil {
		t.Skip("SKIP: no links here: ", err)
	}
	stream, info := s.backupTwiceTold(t)
	if info.Thumbnails != 1 || info.Missing != 3 || info.Unreadable != 1 || info.Linked != 1 || info.Complete() {
		t.Errorf("%+v", info)
	}
	for _, b := range []struct {
		stream []byte
		info   *doorlog.BackupInfo
	}{{whole, before}, {stream, info}} {
		got, err := doorlog.ReadBackupInfo(bytes.NewReader(b.stream), int64(len(b.stream)))
		if err != nil {
			t.Fatal(err)
		}
		want := *b.info
		want.Linked, want.Unreadable = 0, 0
		if *got != want {
			t.Errorf("read %+v, want %+v", *got, want)
		}
		restored, err := doorlog.Restore(t.Context(), filepath.Join(t.TempDir(), "to"), bytes.NewReader(b.stream), nil)
		if err != nil || restored.Complete() != b.info.Complete() {
			t.Errorf("restored %+v: %v", restored, err)
		}
	}
	if err := errors.Join(os.Remove(pictures[1]), os.Remove(pictures[2])); err != nil {
		t.Fatal(err)
	}
	for i, path := range pictures[:3] {
		if err := os.Rename(filepath.Join(aside, pictureNames[i]), path); err != nil {
			t.Fatal(err)
		}
	}
}

var pictureNames = [...]string{"gone", "folder", "link"}

// backupTwiceTold makes a backup, of which Finish gets the same account.
func (s *testStore) backupTwiceTold(t *testing.T) (stream []byte, info *doorlog.BackupInfo) {
	t.Helper()
	var buf bytes.Buffer
	var told *doorlog.BackupInfo
	info, err := s.Backup(t.Context(), &buf, &doorlog.BackupOptions{Finish: func(i *doorlog.BackupInfo) error {
		told = i
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if *told != *info {
		t.Errorf("Finish got %+v, and Backup returned %+v", told, info)
	}
	return buf.Bytes(), info
}

// What is cut off, or no backup, has no info.
func TestReadBackupInfoOfWhatIsNone(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("porch", 1))
	stream, _ := s.backupTwiceTold(t)
	for size := range int64(len(stream)) {
		if size%509 != 0 && size < int64(len(stream))-3000 {
			continue
		}
		_, err := doorlog.ReadBackupInfo(bytes.NewReader(stream), size)
		if !errors.Is(err, doorlog.ErrNotBackup) && !errors.Is(err, doorlog.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
	_, err := doorlog.ReadBackupInfo(failingReader{}, 4096)
	wantError(t, err, io.ErrClosedPipe, "read backup info")
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }
