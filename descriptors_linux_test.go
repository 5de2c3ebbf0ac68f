package doorlog_test

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A backup that runs out of descriptors fails: its pictures are not missing.
func TestBackupWithoutDescriptorsFails(t *testing.T) {
	s := newStore(t)
	if _, err := s.WriteEventWithFrame(t.Context(), motion("porch", 1), jpegFrame(t, 64, 64)); err != nil {
		t.Fatal(err)
	}
	restore := takeDescriptors(t)
	var stream bytes.Buffer
	info, err := s.Backup(t.Context(), &stream, nil)
	restore()
	wantError(t, err, syscall.EMFILE, "doorlog: backup: thumbnail of event ")
	if info != nil {
		t.Errorf("info %+v", info)
	}
	if st := s.stats(t); !st.LastBackup.IsZero() {
		t.Errorf("the last backup is one of %v", st.LastBackup)
	}
}

// takeDescriptors lets this process open no file any more.
func takeDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lowest, err := os.Open(os.DevNull) // the next one would have its number, or more
	if err != nil {
		t.Fatal(err)
	}
	fd := uint64(lowest.Fd())
	if err := lowest.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: fd, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	restore = func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	return restore
}
