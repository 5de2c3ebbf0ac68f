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
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/internal/frame"
	"github.com/doorlog/doorlog/internal/fsx"
	"github.com/oklog/ulid/v2"
)

// thumbnailPath returns where the thumbnail of an event is, below the
// thumbnail folder: 2026/02/25/01KJ9W….jpg, by the UTC date of its RecordedAt.
func thumbnailPath(id ID) string {
	year, month, day := id.Time().Date()
	b := make([]byte, 0, len("10889/12/31/")+ulid.EncodedSize+len(thumbnailExt))
	b = appendPadded(b, year, 4)
	b = append(b, '/')
	b = appendPadded(b, int(month), 2)
	b = append(b, '/')
	b = appendPadded(b, day, 2)
	b = append(b, '/')
	text := b[len(b) : len(b)+ulid.EncodedSize]
	_ = ulid.ULID(id).MarshalTextTo(text) // it only fails for lack of room
	return string(append(b[:len(b)+len(text)], thumbnailExt...))
}

const (
	thumbnailExt = ".jpg"
)

func appendPadded(b []byte, n, width int) []byte {
	for limit := 10; width > 1; width, limit = width-1, limit*10 {
		if n < limit {
			b = append(b, "0000"[:width-1]...)
			break
		}
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// validThumbnailPath refuses a path that leaves the thumbnail folder, or that
// is the file of another event than id.
func validThumbnailPath(name string, id ID) error {
	const field = "thumbnail_path"
	if err := validOptionalName(field, name); err != nil || name == "" {
		return err
	}
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, `\`) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return invalid(field, "%q is not a path inside the thumbnail folder", name)
	}
	if isOwnName(name) {
		return invalid(field, "%q is in the store's own folder", name)
	}
	other, err := parseULID(strings.TrimSuffix(strings.ToLower(path.Base(name)), thumbnailExt))
	if err == nil && other != id && strings.EqualFold(name, thumbnailPath(other)) { // file systems may not tell case
		return invalid(field, "%q is the thumbnail of another event", name)
	}
	return nil
}

// thumbnails is the folder of the thumbnails. It is safe for concurrent use.
type thumbnails struct {
	dir    string // as the caller gave it
	at     string // the same, absolute: the current folder may change
	frames *frame.Shrinker

	// named is held for reading by who is about to write an event that names a
	// file, and for writing by who removes one that perhaps no event names.
	named sync.RWMutex

	held heldFiles

	// Whose claim is made. They are set before the folder is used.
	store, incarnation ID

	// settled returns the number of a commit to which the store has come for good:
	// that before the newest, which may be seen before it is durable.
	settled func() uint64

	mu        sync.Mutex
	root      *os.Root // nil until it is needed
	old       []*os.Root
	durable   string   // the last day folder that was made, or seen to be, durable
	claimed   *os.Root // the folder that has the store's claim,
	claimedAs string   // under this name
	saved     bool     // a thumbnail was saved since the claim was last brought up to date
}

func newThumbnails(dir string, edge int) *thumbnails {
	return &thumbnails{dir: dir, at: fsx.Absolute(dir), frames: frame.New(edge)}
}

func (t *thumbnails) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for _, root := range append(t.old, t.root) {
		if root != nil {
			err = errors.Join(err, root.Close())
		}
	}
	return err
}

// open returns the folder, which it makes if create is set.
func (t *thumbnails) open(create bool) (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root != nil {
		return t.root, nil
	}
	if create {
		if err := fsx.MakeFolders(t.at); err != nil {
			return nil, err
		}
	}
	root, err := openFolder(t.at)
	if err == nil {
		t.root = root
	}
	return root, err
}

// openFolder is os.OpenRoot of what is a folder: to open a pipe would wait for its
// other end.
func openFolder(dir string) (*os.Root, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	return os.OpenRoot(dir)
}

// savedThumbnail is a thumbnail file, and the size in pixels of its frame.
type savedThumbnail struct {
	path          string
	width, height int
	sum           fileSum
}

// save makes the thumbnail of a frame, durable when it returns.
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
	if errors.Is(err, fs.ErrNotExist) { // the folder was taken away since it was opened, or another put there
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

// forget has the folder opened anew, unless somebody has done so already. Others
// may be using the old one, which is closed with the rest.
func (t *thumbnails) forget(root *os.Root) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == root {
		t.old = append(t.old, root)
		t.root, t.durable = nil, ""
	}
}

// naming is called before events are written, and its result after that. If one
// of them names a file, none that no event has named is removed in between.
func (t *thumbnails) naming(names bool) (done func()) {
	if !names {
		return func() {}
	}
	t.named.RLock()
	return t.named.RUnlock
}

// makeDay makes a folder such as 2026/02/25, and those above it, durable.
func (t *thumbnails) makeDay(root *os.Root, day string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := root.Lstat(day); err == nil && t.durable == day {
		return nil
	}
	if _, err := t.lstat(root, day); errors.Is(err, ErrSymlink) { // what lies behind it could not be read
		return err
	}
	err := fsx.MakeInside(root, day, func(above string) error { return fsx.SyncInside(root, above) })
	if err != nil {
		return err
	}
	t.durable = day
	return nil
}

// isLinked reports whether a file is, or lies behind, a symbolic link.
func (t *thumbnails) isLinked(name string) bool {
	root, err := t.open(false)
	if err != nil {
		return false
	}
	_, err = t.lstat(root, name)
	return errors.Is(err, ErrSymlink)
}

// A linkError is ErrSymlink, and says which part of a path is one.
type linkError struct{ dir, link string }

func (e *linkError) Error() string {
	return filepath.Join(e.dir, filepath.FromSlash(e.link)) + " is " + ErrSymlink.Error()
}

func (e *linkError) Unwrap() error { return ErrSymlink }

// A missingError is fs.ErrNotExist, of a file of the folder or the folder itself.
type missingError struct{ name string }

func (e *missingError) Error() string { return e.name + " is missing" }

func (e *missingError) Unwrap() error { return fs.ErrNotExist }

// orMissing returns err, in plain words if it is that name is not there.
func orMissing(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &missingError{name}
	}
	return err
}

// lstat looks at a file of the folder. No part of the path may be a symbolic
// link, wherever that leads.
func (t *thumbnails) lstat(root *os.Root, name string) (info fs.FileInfo, err error) {
	for end := 0; end < len(name); {
		end++
		if next := strings.IndexByte(name[end:], '/'); next >= 0 {
			end += next
		} else {
			end = len(name)
		}
		if info, err = root.Lstat(name[:end]); err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return nil, &linkError{t.dir, name[:end]}
		}
	}
	return info, nil
}

// openFile opens a file of the folder, as lstat looks at it.
func (t *thumbnails) openFile(name string) (*os.File, error) {
	root, err := t.open(false)
	if err != nil {
		return nil, orMissing("the folder "+t.dir, err)
	}
	info, err := t.lstat(root, name)
	if err != nil {
		return nil, orMissing(name, err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its other end
		return nil, invalid("thumbnail_path", "%q is not a file", name)
	}
	f, err := root.Open(name)
	return f, orMissing(name, err)
}

// sum returns the length and checksum of a file that the event id is to name. Of a
// file that cannot be read nothing is known, which is no error, and neither of the
// event's own behind a symbolic link. A producer's own is ErrInvalid there.
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

// sumOf is the sum of a file of n bytes. Nothing is known of one that is too long to be read.
func sumOf(crc hash.Hash32, n int64) fileSum {
	if n > MaxFrameBytes {
		return fileSum{}
	}
	return fileSum{known: true, size: n, crc: crc.Sum32()}
}

// matches reports whether data is what is known of a file, if anything is.
func (s fileSum) matches(data []byte) bool {
	return !s.known || int64(len(data)) == s.size && crc32.Checksum(data, castagnoli) == s.crc
}

// read returns a file, which must be what want says.
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

// readInto reads a file, whatever it is.
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

// size returns the length of a file; ok is false if there is none of that name.
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

// has reports whether there is something of a name.
func (t *thumbnails) has(name string) bool {
	root, err := t.open(false)
	if err != nil {
		return false
	}
	_, err = root.Lstat(name)
	return err == nil
}

// gives returns how many bytes the disk gets back when a file is removed: none of one
// that is not there, or has another name, too.
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

// remove removes a file; one that is not there is no error.
func (t *thumbnails) remove(name string) error {
	root, err := t.open(false)
	if err == nil && !t.setAside(root, name) {
		err = t.unlink(root, name)
	}
	return fsx.IgnoreNotExist(err)
}

// unlink removes a file. One behind a symbolic link is not gone because there is
// no such file: what the link leads to may not be mounted.
func (t *thumbnails) unlink(root *os.Root, name string) error {
	err := root.Remove(name)
	if err != nil {
		if _, lerr := t.lstat(root, name); errors.Is(lerr, ErrSymlink) {
			return lerr
		}
	}
	return err
}

// each calls fn with the path of each file of the folder, and the time when it
// was last written to. A folder that is not there, or is a file, has none.
func (t *thumbnails) each(fn func(name string, modified time.Time) error) error {
	if info, err := os.Stat(t.at); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	root, err := t.open(false)
	if err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) { // nobody can be made to lose what is there
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return fsx.IgnoreNotExist(err)
		}
		info, err := d.Info()
		if err != nil {
			return fsx.IgnoreNotExist(err)
		}
		return fn(name, info.ModTime())
	})
}
