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
	since   int64 // makes names that an earlier process has not left there
	moved   int
	of      map[string][]string // where the files are that had a path, oldest first
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

// youngest is how old a thumbnail is that belongs to no event before it counts
// as an orphan of a store that is open: its event may be about to be written.
const youngest = time.Hour
