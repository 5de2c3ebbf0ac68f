package doorlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/doorlog/doorlog/internal/fsx"
)

// savedThumbnail is a thumbnail file, with the size of its frame in pixels.
type savedThumbnail struct {
	path          string
	width, height int
	sum           fileSum
}

// save makes the thumbnail of a frame. The file is durable when save returns.
func (t *thumbnails) save(ctx context.Context, id ID, frame []byte) (savedThumbnail, error) {
	made, err := t.frames.Shrink(ctx, frame)
	if err != nil {
		return savedThumbnail{}, err
	}
	name := thumbnailPath(id)
	root, err := t.open(true)
	if err != nil {
		return savedThumbnail{}, err
	}
	sum, err := t.write(root, name, made.JPEG)
	if errors.Is(err, fs.ErrNotExist) { // the folder was removed or replaced since it was opened
		t.forget(root)
		if root, err = t.open(true); err == nil {
			sum, err = t.write(root, name, made.JPEG)
		}
	}
	return savedThumbnail{name, made.Width, made.Height, sum}, err
}

func (t *thumbnails) write(root *os.Root, name string, data []byte) (fileSum, error) {
	if err := t.claim(root, path.Dir(name)); err != nil {
		return fileSum{}, err
	}
	if err := t.makeDay(root, path.Dir(name)); err != nil {
		return fileSum{}, err
	}
	if err := fsx.WriteFile(root, name, data); err != nil {
		return fileSum{}, err
	}
	crc := crc32.New(castagnoli)
	_, _ = crc.Write(data) // never fails
	return sumOf(crc, int64(len(data))), nil
}

// naming is called before events are written, and done after that. If one of the events
// names a file (names), no file is removed in between because no event names it.
func (t *thumbnails) naming(names bool) (done func()) {
	if !names {
		return func() {}
	}
	t.named.RLock()
	return t.named.RUnlock
}

// makeDay makes a folder such as 2026/02/25 and those above it. They are durable when
// it returns.
func (t *thumbnails) makeDay(root *os.Root, day string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := root.Lstat(day); err == nil && t.durable == day {
		return nil
	}
	if _, err := t.lstat(root, day); errors.Is(err, ErrSymlink) { // a file behind the link could not be read
		return err
	}
	err := fsx.MakeInside(root, day, func(above string) error { return fsx.SyncInside(root, above) })
	if err != nil {
		return err
	}
	t.durable = day
	return nil
}

// sum returns the length and checksum of a file that the event id is to name. If the
// file cannot be read, nothing is known of it, and that is no error. If it lies behind
// a symbolic link, nothing is known of the event's own file, and a producer's file is
// ErrInvalid.
func (t *thumbnails) sum(name string, id ID) (fileSum, error) {
	if name == "" {
		return fileSum{}, nil
	}
	f, err := t.openFile(name)
	switch {
	case errors.Is(err, ErrInvalid):
		return fileSum{}, err
	case errors.Is(err, ErrSymlink) && name != thumbnailPath(id):
		return fileSum{}, invalid("thumbnail_path", "%v", err)
	case err != nil:
		return fileSum{}, nil //nolint:nilerr // nothing is known of it
	}
	crc := crc32.New(castagnoli)
	n, err := io.Copy(crc, io.LimitReader(f, MaxFrameBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fileSum{}, nil //nolint:nilerr // nothing is known of it
	}
	return sumOf(crc, n), nil
}

// sumOf returns the sum of a file of n bytes. Nothing is known of a file that is too
// long.
func sumOf(crc hash.Hash32, n int64) fileSum {
	if n > MaxFrameBytes {
		return fileSum{}
	}
	return fileSum{known: true, size: n, crc: crc.Sum32()}
}

// matches reports whether data is what is known of a file. It is true if nothing is
// known.
func (s fileSum) matches(data []byte) bool {
	return !s.known || int64(len(data)) == s.size && crc32.Checksum(data, castagnoli) == s.crc
}

// read returns a file, which must match want.
func (t *thumbnails) read(name string, want fileSum) ([]byte, error) {
	var buf bytes.Buffer
	if err := t.readInto(name, &buf); err != nil {
		return nil, err
	}
	data := buf.Bytes()
	switch {
	case want.matches(data):
		return data, nil
	case int64(len(data)) != want.size:
		return nil, fmt.Errorf("%s: %w: it has %d bytes, and had %d", name, ErrCorrupt, len(data), want.size)
	}
	return nil, fmt.Errorf("%s: %w: checksum does not match", name, ErrCorrupt)
}

// readInto reads a file into buf, whatever it holds.
func (t *thumbnails) readInto(name string, buf *bytes.Buffer) error {
	buf.Reset()
	f, err := t.openFile(name)
	if err != nil {
		return err
	}
	n, err := buf.ReadFrom(io.LimitReader(f, MaxFrameBytes+1))
	if err == nil && n > MaxFrameBytes {
		err = fmt.Errorf("%s: %w: more than %d bytes", name, ErrTooLarge, MaxFrameBytes)
	}
	return errors.Join(err, f.Close())
}

// size returns the length of a file; ok is false if there is no regular file of that
// name.
func (t *thumbnails) size(name string) (bytes int64, ok bool) {
	root, err := t.open(false)
	if err != nil {
		return 0, false
	}
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return 0, false
	}
	return info.Size(), true
}

// has reports whether there is anything of that name.
func (t *thumbnails) has(name string) bool {
	root, err := t.open(false)
	if err != nil {
		return false
	}
	_, err = root.Lstat(name)
	return err == nil
}

// gives returns how many bytes the disk gets back when a file is removed: 0 if the file
// does not exist, or has a second name (a hard link).
func (t *thumbnails) gives(name string) int64 {
	root, err := t.open(false)
	if err != nil {
		return 0
	}
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || fsx.HasOtherNames(info) {
		return 0
	}
	return info.Size()
}

// remove removes a file, or sets it aside for a backup. It is no error if the file does
// not exist.
func (t *thumbnails) remove(name string) error {
	root, err := t.open(false)
	if err == nil && !t.setAside(root, name) {
		err = t.unlink(root, name)
	}
	return fsx.IgnoreNotExist(err)
}

// unlink removes a file. If the file lies behind a symbolic link, "not found" does not
// mean that it is gone, because the link's target may not be mounted: then the error is
// ErrSymlink.
func (t *thumbnails) unlink(root *os.Root, name string) error {
	err := root.Remove(name)
	if err != nil {
		if _, lerr := t.lstat(root, name); errors.Is(lerr, ErrSymlink) {
			return lerr
		}
	}
	return err
}
