package doorlog

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	filePerm   = 0o600
	folderPerm = 0o700
)

// openFile opens the bolt file of a store, which exists, and which is examined
// before bolt maps it (examine.go).
func openFile(path string, opt *Options) (*boltFile, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	f := new(boltFile)
	if err := f.open(path, opt); err != nil {
		return nil, err
	}
	tx, err := f.begin(false)
	if err == nil {
		err = guarded(func() error {
			newView(f, tx).visitMeta()
			return checkSchema(tx)
		})
		f.rollback(tx)
	}
	if errors.Is(err, ErrOlderSchema) && !opt.ReadOnly {
		if err = f.upgrade(); err != nil {
			err = fmt.Errorf("upgrade to schema %d: %w", schemaVersion, err)
		}
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

	table    *pageTable // nil of a file that is being made
	summed   bool       // the sums of its pages are behind them (pagesums.go)
	settled  bool       // see settle
	reserve  reserve    // of a file that is written to
	mapped   int64      // so many bytes at least are mapped (mapping.go)
	unmapped error      // why the last transaction could not have more, if so
	users    int        // the store and its readers (readerPool)
}

// guarded runs fn; a panic of it, or a fault of the mapped memory, is an error.
func guarded(fn func() error) (err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	return fn()
}

func (f *boltFile) open(path string, opt *Options) error {
	options := &bolt.Options{
		Timeout: opt.LockTimeout,
		// The array merges the list of all free pages anew in every commit: see design/schema.md.
		FreelistType:    bolt.FreelistMapType,
		ReadOnly:        opt.ReadOnly,
		InitialMmapSize: mapSize(path, opt.becomes),
		NoStatistics:    true,
		// The list of the free pages is as long as there are many, and every commit would
		// write all of it. Close does (committer.close).
		NoFreelistSync: true,
		Logger:         rescanGuard{f},
		OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			// The file exists: one that went away must not come back empty.
			f.file, err = openLocked(name, flag&^os.O_CREATE, perm, opt)
			if err != nil {
				return nil, err
			}
			if !opt.examined {
				err = f.examine(opt.Progress)
			}
			if err != nil {
				err = errors.Join(err, f.file.Close())
				f.file = nil
			}
			return f.file, err
		},
	}
	if !reserves {
		options.MaxSize = int(opt.MaxSize)
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
	if info, err := f.file.Stat(); err == nil {
		f.mapped = boltMapSize(max(info.Size(), int64(options.InitialMmapSize)))
	}
	f.db.AllocSize = 0 // the store lengthens the file itself
	if !reserves {
		f.db.AllocSize = growStep
	}
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
	if errors.Is(err, berrors.ErrInvalidMapping) {
		err = fmt.Errorf("%w, and cannot be read: the system did not map the file when it grew", ErrFailed)
	}
	return tx, err
}

// before returns the state that a write transaction begins with, of a file whose pages
// are known.
func (f *boltFile) before(tx *bolt.Tx) *view {
	if f.table == nil {
		return nil
	}
	return newView(f, tx)
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

// mayOutgrowMap reports whether the transaction that has been allowed to use the file
// (allow) may make bolt map it anew.
func (f *boltFile) mayOutgrowMap() bool { return !reserves || int64(f.db.MaxSize) >= f.mapped }

// leastMap is how much a 64-bit system maps; a test has it be 0.
var leastMap int64 = 1 << 30

// mapSize returns the address space that is set aside for the file, so that a
// growing file is not mapped anew, for which readers and the writer would have
// to wait for each other: twice what it has, or is about to have, and 1 GiB at
// least. 32-bit systems have little of it, and Windows would make the file as large.
func mapSize(path string, becomes int64) int {
	switch {
	case leastMap == 0 || runtime.GOOS == "windows":
		return 0
	case math.MaxInt == math.MaxInt32:
		return 128 << 20
	}
	size := leastMap
	if info, err := os.Stat(path); err == nil {
		size = max(size, 2*info.Size(), 2*becomes)
	}
	return int(size)
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

func boltOpenError(err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return ErrLocked
	}
	if !locksFiles { // the lock is bolt's alone
		return lockError(err)
	}
	return err
}

// openLocked opens a file and locks it as bolt will: alone, or with others who
// read. What bolt does to a file that it has mapped could not be taken back, so
// the file must be examined before, and not be written to meanwhile.
func openLocked(path string, flag int, perm os.FileMode, opt *Options) (*os.File, error) {
	deadline := time.Now().Add(opt.LockTimeout)
	for {
		f, err := opt.OpenFile(path, flag, perm)
		if err != nil {
			return nil, err
		}
		held, err := tryLock(f, !opt.ReadOnly)
		err = lockError(err)
		if err == nil && !held {
			var same bool
			if same, err = isAt(f, path); same {
				return f, nil
			}
		}
		// Held by another; or another file was put in its place meanwhile.
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, ErrLocked
		}
		if held {
			time.Sleep(lockRetry)
		}
	}
}

// lockError returns ErrNoLocks for what system calls say where there are none.
func lockError(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: %v", ErrNoLocks, err) //nolint:errorlint // it is no ErrUnsupported of a method
	}
	return err
}

const lockRetry = 10 * time.Millisecond

// isAt reports whether an open file is the one at path.
func isAt(f *os.File, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there), err
}

// settle makes the newest state of the file durable, once. It need not be: a
// process that was killed before its last sync, or to which that sync failed,
// has left the meta page in the system's memory alone, and no later sync writes
// a page whose sync has failed. Pages that only the meta page before it needs are
// free now, and to write over them first would leave nothing whole after a power
// cut. Nobody writes to the file meanwhile.
func (f *boltFile) settle(newest int) error {
	if f.settled {
		return nil
	}
	meta := make([]byte, f.db.Info().PageSize)
	at := int64(newest%2) * int64(len(meta))
	if err := readPage(f.file, meta, at); err != nil {
		return err
	}
	if m, ok := parseMeta((*[boltMetaLen]byte)(meta[pageHeaderLen:])); !ok || m.txid != uint64(newest) {
		return fmt.Errorf("%w: meta page %d has changed", ErrCorrupt, newest%2)
	}
	if _, err := f.file.WriteAt(meta, at); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	f.settled = true
	return nil
}

// createFile makes a new, empty store at path. Of several processes that do so
// at the same time one makes the store, and the others find it made.
func createFile(path string, opt *Options) error {
	ids := idSource{entropy: opt.Entropy}
	storeID, err := ids.next(opt.Now())
	if err != nil {
		return err
	}
	err = buildBeside(path, putInPlace, func(temp string) error {
		if err := buildFile(temp, storeID, storeID, opt); err != nil {
			return err
		}
		f, err := openFile(temp, opt) // what could not be opened is not to have the name
		if err != nil {
			return err
		}
		return f.close()
	})
	// Another process made it; its Open has perhaps removed what was begun here.
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) && isThere(path) {
		err = nil
	}
	return err
}

// buildBeside has build write a store to a file beside path, and put then give
// it its name, when it is whole: a power cut during bolt's first writes leaves a
// file that cannot be opened.
func buildBeside(path string, put func(temp, path string) error, build func(temp string) error) (err error) {
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
	if err := build(temp.Name()); err != nil {
		return err
	}
	err = put(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(err, syncFolder(dir))
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// putInPlace gives a file its name unless there is a file of that name.
func putInPlace(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		return nil
	case isThere(path):
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	// FAT, as on many SD cards, has no links. Rename would put the file over
	// another, so of two processes that create a store there in the same
	// moment one may put its empty store over the other's.
	return os.Rename(temp, path)
}

// buildFile makes a bolt file with the buckets of a store.
func buildFile(path string, storeID, incarnation ID, opt *Options) error {
	db, err := bolt.Open(path, filePerm, &bolt.Options{
		Timeout: opt.LockTimeout, FreelistType: bolt.FreelistArrayType, NoStatistics: true,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			return openLocked(name, flag, perm, opt) // which says clearly what bolt would not
		},
	})
	if err != nil {
		return boltOpenError(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { return createSchema(tx, storeID, incarnation) })
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// removeLeftovers removes what a creation, or a compaction, that was cut short
// left behind: beside the file itself, if path is a link.
func removeLeftovers(path string) {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
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

// syncName syncs the folder of a file that is there.
func syncName(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return syncAgain(filepath.Dir(path))
}

// syncAgain syncs a folder in which a name that is there may not be durable yet.
// Of a folder that must not be read, the name in it was somebody else's to make.
func syncAgain(dir string) error {
	err := syncFolder(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
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
	parent := filepath.Dir(dir)
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return syncAgain(parent) // who made it may not have come to this
	}
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
