package doorlog

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	filePerm   = 0o600
	folderPerm = 0o700

	// mapSize is the address space that is set aside for the file, so that a
	// growing file is not mapped anew, for which readers and the writer would
	// have to wait for each other. 32-bit systems cannot spare it, and Windows
	// would make the file as large.
	mapSize = 1 << 30

	// growStep is what the file grows by, so that not every commit has to.
	growStep = 1 << 20
)

// openFile opens the bolt file of a store, which exists, and checks that it is one.
func openFile(path string, opt *Options) (*bolt.DB, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	// First without the right to write: opening a file for writing may change
	// it, and a file of somebody else's must stay as it is.
	db, err := openBolt(path, opt, true)
	if err != nil || opt.ReadOnly {
		return db, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return openBolt(path, opt, false)
}

// checkFile says clearly what is wrong with a path that holds no file, or an empty one.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", ErrNotStore)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", ErrNotStore)
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty; remove it to begin a new store", ErrNotStore)
	}
	return nil
}

func openBolt(path string, opt *Options, readOnly bool) (db *bolt.DB, err error) {
	var file *os.File // what a panic in bolt.Open would leave open, and locked
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
			if file != nil {
				err = errors.Join(err, file.Close())
			}
		}
	}()
	options := &bolt.Options{
		Timeout:      opt.LockTimeout,
		FreelistType: bolt.FreelistArrayType,
		ReadOnly:     readOnly,
		MaxSize:      int(opt.MaxSize),
		NoStatistics: true,
		OpenFile: func(name string, flag int, perm os.FileMode) (f *os.File, err error) {
			// The file exists: one that went away must not come back empty.
			file, err = opt.OpenFile(name, flag&^os.O_CREATE, perm)
			return file, err
		},
	}
	if math.MaxInt > math.MaxInt32 && runtime.GOOS != "windows" {
		options.InitialMmapSize = mapSize
	}
	db, err = bolt.Open(path, filePerm, options)
	if err != nil {
		return nil, boltOpenError(err)
	}
	db.AllocSize = growStep
	if err := db.View(checkSchema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func boltOpenError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%w: it is no bolt file", ErrNotStore)
	case errors.Is(err, berrors.ErrChecksum):
		return fmt.Errorf("%w: both meta pages: %w", ErrCorrupt, err)
	}
	return err
}

// createFile makes a new, empty store at path. It is built beside and put in
// place when it is whole, because a power cut during bolt's first writes leaves
// a file that cannot be opened. Of several processes that do so at the same
// time one makes the store, and the others find it made.
func createFile(path string, opt *Options) (err error) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("its folder: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %w", dir, syscall.ENOTDIR)
	}
	temp, err := os.CreateTemp(dir, "."+base+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		// What is linked to its place has a second name, which goes.
		if rerr := os.Remove(temp.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) && err == nil {
			err = rerr
		}
	}()
	if err := temp.Close(); err != nil {
		return err
	}
	if err := buildFile(temp.Name(), opt); err != nil {
		return err
	}
	if err := putInPlace(temp.Name(), path); err != nil && !isThere(path) {
		return err
	}
	return syncFolder(dir)
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// putInPlace gives a file its name unless there is a file of that name.
func putInPlace(temp, path string) error {
	if err := os.Link(temp, path); err == nil || isThere(path) {
		return err
	}
	// FAT, as on many SD cards, has no links. Rename would put the file over
	// another, so of two processes that create a store there in the same
	// moment one may put its empty store over the other's.
	return os.Rename(temp, path)
}

// buildFile makes a bolt file with the buckets of a store.
func buildFile(path string, opt *Options) error {
	ids := idSource{entropy: opt.Entropy}
	storeID, err := ids.next(opt.Now())
	if err != nil {
		return err
	}
	db, err := bolt.Open(path, filePerm, &bolt.Options{
		Timeout: opt.LockTimeout, FreelistType: bolt.FreelistArrayType, NoStatistics: true,
	})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error { return createSchema(tx, storeID) })
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// removeLeftovers removes what a creation that was cut short left behind.
func removeLeftovers(path string) {
	dir, base := filepath.Split(path)
	left, err := filepath.Glob(filepath.Join(escapeGlob(dir), "."+escapeGlob(base)+".new-*"))
	if err != nil {
		return
	}
	for _, name := range left {
		_ = os.Remove(name) // it does no harm where it is
	}
}

func escapeGlob(name string) string {
	if runtime.GOOS == "windows" { // whose Match has no escapes, and whose names no wildcards
		return name
	}
	var escaped []byte
	for i := range len(name) {
		if c := name[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, name[i])
	}
	return string(escaped)
}

// syncFolder makes the names in a folder durable: a file that was created or
// renamed is there after a power cut only when its folder was synced.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

// syncAndClose syncs an open folder.
func syncAndClose(f *os.File) error {
	err := f.Sync()
	// Windows has no such call, and some file systems refuse it.
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// makeFolders is os.MkdirAll that lasts: each folder that it makes is synced
// into the one above it.
func makeFolders(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeFolders(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, folderPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}
