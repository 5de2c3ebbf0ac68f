package doorlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/internal/frame"
	"github.com/doorlog/doorlog/internal/fsx"
)

type heldFiles struct {
	mu      sync.Mutex
	backups int
	since   int64 // makes file names that differ from those of an earlier process
	moved   int
	of      map[string][]string // by path, where its held files are, oldest first
}

// thumbnails is the thumbnail folder. It is safe for concurrent use.
type thumbnails struct {
	dir    string // as the caller gave it
	at     string // dir as an absolute path, because the current folder may change
	frames *frame.Shrinker

	// named guards the names of files in events. A caller that is about to write an event
	// with a file name holds it for reading. A caller that removes a file that no event
	// may name holds it for writing.
	named sync.RWMutex

	held heldFiles

	// The store and the incarnation for claims. They are set before the folder is used.
	store, incarnation ID

	// settled returns the number of a commit that is durable for sure: the one before the
	// newest. Readers may see the newest before it is durable.
	settled func() uint64

	mu        sync.Mutex
	root      *os.Root // the open folder; nil until it is needed
	old       []*os.Root
	durable   string   // the last day folder that is known to be durable
	claimed   *os.Root // the folder in which the store's claim is known to be,
	claimedAs string   // and the name of the claim
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

// open returns the open folder. If create is set, it makes the folder if necessary.
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

// openFolder is os.OpenRoot, but only for folders: opening a pipe would block.
func openFolder(dir string) (*os.Root, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	return os.OpenRoot(dir)
}

// forget makes the next open open the folder again, unless somebody has done so already.
// Others may still use the old root, so it stays open until close.
func (t *thumbnails) forget(root *os.Root) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == root {
		t.old = append(t.old, root)
		t.root, t.durable = nil, ""
	}
}

// isLinked reports whether a file is a symbolic link or lies behind one.
func (t *thumbnails) isLinked(name string) bool {
	root, err := t.open(false)
	if err != nil {
		return false
	}
	_, err = t.lstat(root, name)
	return errors.Is(err, ErrSymlink)
}

// A linkError is ErrSymlink and names the part of a path that is a link.
type linkError struct{ dir, link string }

func (e *linkError) Error() string {
	return filepath.Join(e.dir, filepath.FromSlash(e.link)) + " is " + ErrSymlink.Error()
}

func (e *linkError) Unwrap() error { return ErrSymlink }

// A missingError is fs.ErrNotExist for a file of the folder, or for the folder itself.
type missingError struct{ name string }

func (e *missingError) Error() string { return e.name + " is missing" }

func (e *missingError) Unwrap() error { return fs.ErrNotExist }

// orMissing returns err. If err says that name does not exist, it returns a missingError.
func orMissing(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &missingError{name}
	}
	return err
}

// lstat returns the file info of a file in the folder. If any part of the path is a symbolic
// link, it returns a linkError.
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

// openFile opens a file in the folder. The rules of lstat apply.
func (t *thumbnails) openFile(name string) (*os.File, error) {
	root, err := t.open(false)
	if err != nil {
		return nil, orMissing("the folder "+t.dir, err)
	}
	info, err := t.lstat(root, name)
	if err != nil {
		return nil, orMissing(name, err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would block
		return nil, invalid("thumbnail_path", "%q is not a file", name)
	}
	f, err := root.Open(name)
	return f, orMissing(name, err)
}

// each calls fn with the path of each file in the folder and the time when it was last
// written. If the folder does not exist or is a file, each does nothing.
func (t *thumbnails) each(fn func(name string, modified time.Time) error) error {
	if info, err := os.Stat(t.at); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	root, err := t.open(false)
	if err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) { // files that cannot be listed are left alone
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

// youngest is the age from which a thumbnail that no event names counts as an orphan while the
// store is open. The event of a younger one may be about to be written.
const youngest = time.Hour
