package doorlog

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// A BackupInfo is the account of a Backup or a Restore: it says what the backup holds.
type BackupInfo struct {
	// StoreID tells stores apart; a restored store keeps it. Time is the moment
	// that the backup captured.
	StoreID ID        `json:"store_id"`
	Time    time.Time `json:"time"`

	// Events and Persons are how many there are.
	Events  int `json:"events"`
	Persons int `json:"persons"`

	// Thumbnails is how many files of thumbnails the backup has. Changed is how
	// many of them were not what had been saved; they are kept as they were.
	// Missing is how many the events name that are not in the backup. Of these,
	// Linked lie behind a symbolic link, which is not followed (ErrSymlink), and
	// Unreadable could not be read, because of the disk or of permissions, say;
	// the others do not exist. Who reads a backup does not know that: both are 0 then.
	Thumbnails int `json:"thumbnails"`
	Changed    int `json:"changed"`
	Missing    int `json:"missing"`
	Linked     int `json:"linked"`
	Unreadable int `json:"unreadable"`

	// Bytes is the size of the backup.
	Bytes int64 `json:"bytes"`
}

// Complete reports whether each thumbnail that an event names is in the backup, as it
// was saved.
func (b *BackupInfo) Complete() bool { return b.Missing == 0 && b.Changed == 0 }

// ReadBackupInfo returns what a backup of so many bytes says that it holds. It reads the
// beginning and the end alone, and verifies nothing: Restore does. What is no backup is
// ErrNotBackup, and one without its end, as one that was cut off, ErrCorrupt.
func ReadBackupInfo(r io.ReaderAt, size int64) (*BackupInfo, error) {
	info, err := readBackupInfo(r, size)
	return info, failed("read backup info", err)
}

func readBackupInfo(r io.ReaderAt, size int64) (*BackupInfo, error) {
	x := restorer{ctx: context.Background()}
	whole := io.NewSectionReader(r, 0, size)
	x.in = &sumReader{r: whole}
	x.tar = tar.NewReader(x.in)
	err := x.readManifest()
	if x.in.failure != nil {
		err = x.in.failure
	}
	if x.manifest.Format == backupFormat && errors.Is(err, ErrNewerSchema) {
		err = nil // of which this can be told, too
	}
	if err != nil {
		return nil, err
	}
	// The last entry is short, so that its header begins three blocks before the end of tar.
	const last, endOfTar = 2 * tarBlock, 2 * tarBlock
	tail := make([]byte, last)
	n, err := whole.ReadAt(tail, max(0, size-endOfTar-last))
	switch {
	case n == last: // also with io.EOF
	case errors.Is(err, io.EOF):
		return nil, damaged("it is cut off")
	default:
		return nil, err
	}
	h, err := tar.NewReader(bytes.NewReader(tail)).Next()
	if err != nil || h.Name != endEntry || h.Size > tarBlock {
		return nil, damaged("it does not end with %s", endEntry)
	}
	var end backupEnd
	if err := json.Unmarshal(tail[tarBlock:tarBlock+h.Size], &end); err != nil {
		return nil, damaged("%s: %w", endEntry, err)
	}
	return x.manifest.info(&end, size), nil
}
