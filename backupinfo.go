package doorlog

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/doorlog/doorlog/internal/archive"
)

// ReadBackupInfo returns what a backup of size bytes says about its content. It reads only
// the beginning and the end, and verifies nothing; [Restore] does. The error is
// [ErrNotBackup] if r is not a backup, and [ErrCorrupt] if the end is missing, for example
// because the backup was cut off.
func ReadBackupInfo(r io.ReaderAt, size int64) (*BackupInfo, error) {
	info, err := readBackupInfo(r, size)
	return info, failed("read backup info", err)
}

func readBackupInfo(r io.ReaderAt, size int64) (*BackupInfo, error) {
	x := restorer{ctx: context.Background()}
	whole := io.NewSectionReader(r, 0, size)
	x.in = &archive.SumReader{R: whole}
	x.tar = tar.NewReader(x.in)
	err := x.readManifest()
	if x.in.Failure != nil {
		err = x.in.Failure
	}
	if x.manifest.Format == backupFormat && errors.Is(err, ErrNewerSchema) {
		err = nil // the account of a backup of a newer schema can be read, too
	}
	if err != nil {
		return nil, err
	}
	// The last entry has a header and one block of content. Two blocks of zeros follow.
	const last, endOfTar = 2 * tarBlock, 2 * tarBlock
	tail := make([]byte, last)
	n, err := whole.ReadAt(tail, max(0, size-endOfTar-last))
	switch {
	case n == last: // err may be io.EOF
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
