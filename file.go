package doorlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	filePerm   = 0o600
	folderPerm = 0o700

	// growStep is what the file grows by, so that not every commit has to.
	growStep = 1 << 20
)

// openFile opens the bolt file of a store, which exists, and checks that it is one.
func openFile(path string, opt *Options) (*boltFile, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	if err := checkMeta(path); err != nil {
		return nil, err
	}
	f := new(boltFile)
	if err := f.open(path, opt); err != nil {
		return nil, err
	}
	tx, err := f.begin(false)
	if err == nil {
		err = guarded(func() error { return checkSchema(tx) })
		f.rollback(tx)
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// A boltFile is bolt's database, from which no panic gets out.
//
// A damaged file can make bolt panic while it begins a transaction, with its
// locks held. Whatever asks it for another lock after that would wait for ever.
type boltFile struct {
	db     *bolt.DB
	file   *os.File
	broken atomic.Pointer[error] // set once: bolt has panicked with its locks held
}

// guarded runs fn; a panic of it, or a fault of the mapped memory, is an error.
func guarded(fn func() error) (err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	return fn()
}

func (f *boltFile) open(path string, opt *Options) error {
	options := &bolt.Options{
		Timeout: opt.LockTimeout,
		// The array takes the lowest free page, and the map any: see design/schema.md.
		FreelistType:    bolt.FreelistArrayType,
		ReadOnly:        opt.ReadOnly,
		MaxSize:         int(opt.MaxSize),
		InitialMmapSize: mapSize(),
		NoStatistics:    true,
		OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			// The file exists: one that went away must not come back empty.
			f.file, err = opt.OpenFile(name, flag&^os.O_CREATE, perm)
			return f.file, err
		},
	}
	opened := false
	err := guarded(func() (err error) {
		f.db, err = bolt.Open(path, filePerm, options)
		opened = true
		return err
	})
	if !opened && f.file != nil { // a panic: bolt has not closed the file, on which the lock is
		return errors.Join(err, f.file.Close())
	}
	if err != nil {
		return boltOpenError(err)
	}
	f.db.AllocSize = growStep
	return nil
}

func (f *boltFile) begin(writable bool) (tx *bolt.Tx, err error) {
	if broken := f.broken.Load(); broken != nil {
		return nil, *broken
	}
	begun := false
	err = guarded(func() (err error) {
		tx, err = f.db.Begin(writable)
		begun = true
		return err
	})
	if !begun {
		f.broken.CompareAndSwap(nil, &err)
	}
	return tx, err
}

// rollback ends a transaction that has not been committed, and does nothing to one that has.
func (f *boltFile) rollback(tx *bolt.Tx) {
	if f.broken.Load() != nil {
		return
	}
	_ = guarded(tx.Rollback) // it only says that the transaction has ended already
}

func (f *boltFile) close() error {
	if broken := f.broken.Load(); broken != nil {
		return errors.Join(*broken, f.file.Close()) // the mapping stays; the lock goes with the file
	}
	return guarded(f.db.Close)
}

// mapSize returns the address space that is set aside for the file, so that a
// growing file is not mapped anew, for which readers and the writer would have
// to wait for each other. 32-bit systems have little of it, and Windows would
// make the file as large.
func mapSize() int {
	switch {
	case runtime.GOOS == "windows":
		return 0
	case math.MaxInt == math.MaxInt32:
		return 128 << 20
	}
	return 1 << 30
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

// A bolt file begins with two meta pages, of which the valid one with the
// higher transaction ID counts. After the 16 bytes of the page's header, in the
// machine's byte order, which is little-endian wherever doorlog runs:
//
//	 4      4        4          4      8     8         8         8           8     8
//	| magic | version | page size | flags | root | sequence | freelist | high water | txid | FNV-64a |
//
// (internal/common/meta.go of bbolt.)
const (
	boltPageHeader = 16
	boltMetaLen    = 64
	boltMagic      = 0xED0CDAED
	noFreelist     = math.MaxUint64 // written by bolt's NoFreelistSync
)

// checkMeta looks at the meta pages of a file before bolt does. What is no bolt
// file, or one that bolt would change on opening it, is not a store; a file that
// ends before its high-water mark would be a fault of the mapped memory.
func checkMeta(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var meta []byte
	magic := false
	for _, at := range metaOffsets {
		m := make([]byte, boltMetaLen)
		if _, err := f.ReadAt(m, at+boltPageHeader); err != nil {
			break // the file ends here
		}
		if binary.LittleEndian.Uint32(m) != boltMagic {
			continue
		}
		magic = true
		sum := fnv.New64a()
		_, _ = sum.Write(m[:56])
		if sum.Sum64() == binary.LittleEndian.Uint64(m[56:]) && (meta == nil || txidOf(m) > txidOf(meta)) {
			meta = m
		}
	}
	switch {
	case !magic:
		return fmt.Errorf("%w: it is no bolt file", ErrNotStore)
	case meta == nil:
		return fmt.Errorf("%w: both meta pages", ErrCorrupt)
	case binary.LittleEndian.Uint64(meta[32:]) == noFreelist:
		return fmt.Errorf("%w: it is a bolt file of another program", ErrNotStore)
	}
	pages, pageSize := binary.LittleEndian.Uint64(meta[40:]), uint64(binary.LittleEndian.Uint32(meta[8:]))
	if size := uint64(info.Size()); pageSize == 0 || pages > size/pageSize {
		return fmt.Errorf("%w: it has %d bytes and should have %d pages of %d", ErrCorrupt, size, pages, pageSize)
	}
	return nil
}

func txidOf(meta []byte) uint64 { return binary.LittleEndian.Uint64(meta[48:]) }

// metaOffsets are where meta pages can be: the first is at the beginning, and
// the second one page after it, however large a page is.
var metaOffsets = func() (at []int64) {
	at = append(at, 0)
	for size := int64(1024); size <= 1024<<14; size *= 2 {
		at = append(at, size)
	}
	return at
}()

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
		Timeout: opt.LockTimeout, FreelistType: bolt.FreelistArrayType, NoStatistics: true, OpenFile: opt.OpenFile,
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
