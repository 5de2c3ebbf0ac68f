// Package boltfile reads and writes bbolt's files without trusting their pages.
//
// bbolt maps a file into memory and assumes that every page is as it wrote it. If a disk
// has lost a write or flipped a bit, that can end the process, make a search loop for ever,
// or, worst of all, make a search answer that a key does not exist. So this package
//
//   - compares each page with its checksum when the page is first touched ([Table]),
//   - reads with a cursor of its own, which checks that each page is where it should be
//     ([View], [Cursor]),
//   - checks, in a write transaction, each page before bbolt searches it ([Tx]).
//
// A damaged page is a panic with an error that is [fault.ErrCorrupt]. Callers use a View, a
// Cursor or a Tx inside of [fault.Guarded], which converts the panic to an error.
//
// format.go draws the file format. A [Walker] reads a whole file without mapping it.
// reserve.go keeps room in a full file for the transactions that make room.
//
// The package knows buckets only by their names.
package boltfile

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// A File is a bolt database. No panic leaves its methods.
//
// A damaged file can make bolt panic while it begins a transaction and holds its locks.
// After that, anything that needs one of these locks would wait for ever. So every later
// call returns the error of that panic.
type File struct {
	db     *bolt.DB
	file   *os.File
	broken atomic.Pointer[error] // set once, when bolt has panicked with its locks held

	names    [][]byte // of its buckets, by number; the last bucket fits in a page
	trust    Trust
	CommitTx func(*bolt.Tx) error // (*bolt.Tx).Commit; tests set another to make a commit fail

	table    *Table  // nil while the file is being made
	summed   bool    // the sums of the pages are behind the last page (sums.go)
	settled  bool    // the newest state is durable; see Settle
	reserve  reserve // set if the file is open for writing
	mapped   int64   // at least this many bytes are mapped (mapping.go)
	unmapped error   // why no more could be mapped for the last transaction; nil if it could
}

// OSFile returns the open file. Callers may only read it and its metadata.
func (f *File) OSFile() *os.File { return f.file }

// Options configure [Open] and [Create].
type Options struct {
	fsx.Opening
	Names    [][]byte // of the buckets
	MaxSize  int64    // bounds the file where there is no reserve (see Reserves)
	LeastMap int64    // bytes that a 64-bit system maps at least; 0: what bolt maps
	Becomes  int64    // bytes that the file is going to have, if that is known
	Trust    Trust

	// Examine, if not nil, examines the file before bolt maps it. It returns the table of
	// the pages, and whether their sums are behind the last page.
	Examine func(*os.File) (table *Table, summed bool, err error)
}

// Open opens an existing file and locks it: exclusively, or, if opt.ReadOnly is set, shared
// with other readers. See [fsx.OpenLocked].
func Open(path string, opt *Options) (*File, error) {
	f := new(File)
	if err := f.open(path, opt); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) open(path string, opt *Options) error {
	f.names, f.trust, f.CommitTx = opt.Names, opt.Trust, (*bolt.Tx).Commit
	options := &bolt.Options{
		Timeout: opt.Timeout,
		// The array type sorts the list of all free pages in every commit: see design/schema.md.
		FreelistType:    bolt.FreelistMapType,
		ReadOnly:        opt.ReadOnly,
		InitialMmapSize: mapSize(path, opt.LeastMap, opt.Becomes),
		NoStatistics:    true,
		// A long list of free pages would be written whole by every commit. Only the last
		// transaction writes it: see Tx.Commit.
		NoFreelistSync: true,
		Logger:         rescanGuard{f},
		OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			// The file exists. If somebody removes it now, no empty one may be created.
			f.file, err = fsx.OpenLocked(name, flag&^os.O_CREATE, perm, &opt.Opening)
			if err != nil {
				return nil, err
			}
			if opt.Examine != nil {
				f.table, f.summed, err = opt.Examine(f.file)
			}
			if err != nil {
				err = errors.Join(err, f.file.Close())
				f.file = nil
			}
			return f.file, err
		},
	}
	if !Reserves {
		options.MaxSize = int(opt.MaxSize)
	}
	opened := false
	err := fault.Guarded(func() (err error) {
		f.db, err = bolt.Open(path, fsx.FilePerm, options)
		opened = true
		return err
	})
	if !opened && f.file != nil { // bolt has panicked and not closed the file, so it is still locked
		return errors.Join(err, f.file.Close())
	}
	if err != nil {
		return boltOpenError(err)
	}
	if info, err := f.file.Stat(); err == nil {
		f.mapped = boltMapSize(max(info.Size(), int64(options.InitialMmapSize)))
	}
	f.db.AllocSize = 0 // this package lengthens the file
	if !Reserves {
		f.db.AllocSize = GrowStep
	}
	return nil
}

func (f *File) begin(writable bool) (tx *bolt.Tx, err error) {
	if broken := f.broken.Load(); broken != nil {
		return nil, *broken
	}
	begun := false
	err = fault.Guarded(func() (err error) {
		tx, err = f.db.Begin(writable)
		begun = true
		return err
	})
	if !begun {
		f.broken.CompareAndSwap(nil, &err)
	}
	if errors.Is(err, berrors.ErrInvalidMapping) {
		err = fmt.Errorf("%w, and cannot be read: the system did not map the file when it grew", fault.ErrFailed)
	}
	return tx, err
}

// rollback rolls a transaction back. It does nothing if the transaction has ended.
func (f *File) rollback(tx *bolt.Tx) {
	if f.broken.Load() != nil {
		return
	}
	_ = fault.Guarded(tx.Rollback) // its only error is that the transaction has ended
}

// Close closes the file.
func (f *File) Close() error {
	if broken := f.broken.Load(); broken != nil {
		return errors.Join(*broken, f.file.Close()) // the mapping stays; closing the file releases the lock
	}
	return fault.Guarded(f.db.Close)
}

// MayOutgrowMap reports whether the transaction that is about to be committed may make bolt
// map the file again, as far as [File.Allow] lets it grow.
func (f *File) MayOutgrowMap() bool { return !Reserves || int64(f.db.MaxSize) >= f.mapped }

// mapSize returns how many bytes to map: twice the size that the file has or will have, and
// at least leastMap. The spare address space saves mapping a growing file again, for which
// the writer and the readers would have to wait for each other. 32-bit systems have little
// address space, and Windows would make the file as large as its mapping.
func mapSize(path string, leastMap, becomes int64) int {
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

func boltOpenError(err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fault.ErrLocked
	}
	if !fsx.LocksFiles { // only bolt locks the file
		return fsx.LockError(err)
	}
	return err
}

// Settle makes the newest state of the file durable, once. It may not be: if a process was
// killed before its last sync, or that sync failed, the newest meta page may be only in the
// system's cache, and a later sync does not write a page whose sync has failed. So Settle
// writes the meta page again and syncs it.
//
// This must come before the first write. The pages that only the state before needs are
// free now. If they were overwritten and then the power failed, neither state would be
// whole. newest is the number of the newest transaction. Nobody may write to the file
// meanwhile.
func (f *File) Settle(newest uint64) error {
	if f.settled {
		return nil
	}
	meta := make([]byte, f.db.Info().PageSize)
	at := int64(newest%2) * int64(len(meta))
	if err := ReadPage(f.file, meta, at); err != nil {
		return err
	}
	if m, ok := parseMeta((*[boltMetaLen]byte)(meta[PageHeaderLen:])); !ok || m.Txid != newest {
		return fmt.Errorf("%w: meta page %d has changed", fault.ErrCorrupt, newest%2)
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

// DeferSyncs sets whether later commits leave out the sync. [File.Sync] makes them durable.
func (f *File) DeferSyncs(yes bool) { f.db.NoSync, f.db.NoGrowSync = yes, yes }

// Sync makes what was committed durable.
func (f *File) Sync() error {
	err := f.db.Sync()
	f.settled = f.settled || err == nil
	return err
}

// KnowPages sets the table of the pages of a file that has just been made.
func (f *File) KnowPages(table *Table) { f.table = table }

// IsKnown reports whether every page has been compared with its sum since the file was
// opened.
func (f *File) IsKnown() bool { return f.table == nil || f.table.all.Load() }

// HasFreelist reports whether the newest state has a list of its free pages. The last
// transaction before the file is closed writes it.
func (f *File) HasFreelist() bool {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	return f.table.meta.Freelist != NoFreelist
}

// OnDamage sets a function that is called when a page is found to be damaged. It may be
// called more than once, and by several goroutines at once.
func (f *File) OnDamage(fn func(error)) {
	if f.table != nil {
		f.table.damaged.Store(&fn)
	}
}

// BucketSizes returns, by bucket name, the bytes of the pages of each bucket. It leaves out
// the last bucket, which has at most one page. A small bucket has no page of its own, and
// counts as 0. The result is nil if the pages are not known.
func (f *File) BucketSizes() map[string]int64 {
	if f.table == nil {
		return nil
	}
	return f.table.bucketSizes()
}

// UsedPages returns the pages that the newest state uses; nil if they are not known.
func (f *File) UsedPages() *UsedPages { return f.table.usedPages() }

// SettleNewest makes the state that readers see durable. See [File.Settle].
func (f *File) SettleNewest() error {
	newest, err := f.Newest()
	if err != nil {
		return err
	}
	return f.Settle(newest)
}
