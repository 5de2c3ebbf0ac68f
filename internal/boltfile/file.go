// Package boltfile reads and writes bbolt's files without believing them.
//
// bbolt maps a file into memory and takes what it finds there for what it wrote. A disk
// that has lost a write, or a bit, can then end the process, have a search go round for
// ever, or, worst of all, have it answer that there is nothing. So each page is compared
// with its checksum when it is first touched ([Table]), reading has a cursor of its own
// that asks each page whether it is where it should be ([View], [Cursor]), and whatever
// bbolt is asked to search while it writes is looked at before ([Tx]). What is wrong is a
// panic with an error that is fault.ErrCorrupt. Those who call a View, a Cursor or a Tx
// do so inside of fault.Guarded, which makes an error of it.
//
// format.go draws the format of the file. A [Walker] reads a whole file without mapping it.
// reserve.go sees to it that what makes room in a full file has room itself.
//
// The package knows of buckets no more than their names.
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

// A File is bolt's database, from which no panic gets out.
//
// A damaged file can make bolt panic while it begins a transaction, with its
// locks held. Whatever asks it for another lock after that would wait for ever.
type File struct {
	db     *bolt.DB
	file   *os.File
	broken atomic.Pointer[error] // set once: bolt has panicked with its locks held

	names    [][]byte // of its buckets, by number; the last one is small
	trust    Trust
	CommitTx func(*bolt.Tx) error // (*bolt.Tx).Commit, but for a test of one that fails

	table    *Table  // nil of a file that is being made
	summed   bool    // the sums of its pages are behind them (pagesums.go)
	settled  bool    // see settle
	reserve  reserve // of a file that is written to
	mapped   int64   // so many bytes at least are mapped (mapping.go)
	unmapped error   // why the last transaction could not have more, if so
}

// OSFile returns the open file, to be looked at and read. Nothing else is to be done to it.
func (f *File) OSFile() *os.File { return f.file }

// Options say how a file is opened.
type Options struct {
	fsx.Opening
	Names    [][]byte // of the buckets
	MaxSize  int64    // where there is no reserve: of the file
	LeastMap int64    // how much a 64-bit system maps at least
	Becomes  int64    // how large the file is going to be, if that is known
	Trust    Trust

	// examine, if it is not nil, examines the file before bolt maps it. It returns what is
	// known of its pages, and whether their sums are behind them.
	Examine func(*os.File) (table *Table, summed bool, err error)
}

// Open opens a file, which exists. Nobody else has it open for writing then, nor,
// unless opt.readOnly, at all: see fsx.OpenLocked.
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
		// The array merges the list of all free pages anew in every commit: see design/schema.md.
		FreelistType:    bolt.FreelistMapType,
		ReadOnly:        opt.ReadOnly,
		InitialMmapSize: mapSize(path, opt.LeastMap, opt.Becomes),
		NoStatistics:    true,
		// The list of the free pages is as long as there are many, and every commit would
		// write all of it. Close does (committer.close).
		NoFreelistSync: true,
		Logger:         rescanGuard{f},
		OpenFile: func(name string, flag int, perm os.FileMode) (_ *os.File, err error) {
			// The file exists: one that went away must not come back empty.
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

// rollback ends a transaction that has not been committed, and does nothing to one that has.
func (f *File) rollback(tx *bolt.Tx) {
	if f.broken.Load() != nil {
		return
	}
	_ = fault.Guarded(tx.Rollback) // it only says that the transaction has ended already
}

func (f *File) Close() error {
	if broken := f.broken.Load(); broken != nil {
		return errors.Join(*broken, f.file.Close()) // the mapping stays; the lock goes with the file
	}
	return fault.Guarded(f.db.Close)
}

// MayOutgrowMap reports whether the transaction that has been allowed to use the file
// (allow) may make bolt map it anew.
func (f *File) MayOutgrowMap() bool { return !Reserves || int64(f.db.MaxSize) >= f.mapped }

// mapSize returns the address space that is set aside for the file, so that a
// growing file is not mapped anew, for which readers and the writer would have
// to wait for each other: twice what it has, or is about to have, and 1 GiB at
// least. 32-bit systems have little of it, and Windows would make the file as large.
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
	if !fsx.LocksFiles { // the lock is bolt's alone
		return fsx.LockError(err)
	}
	return err
}

// Settle makes the newest state of the file durable, once. It need not be: a
// process that was killed before its last sync, or to which that sync failed,
// has left the meta page in the system's memory alone, and no later sync writes
// a page whose sync has failed. Pages that only the meta page before it needs are
// free now, and to write over them first would leave nothing whole after a power
// cut. Nobody writes to the file meanwhile.
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

// DeferSyncs has later commits not be synced, until it is called with false: sync does.
func (f *File) DeferSyncs(yes bool) { f.db.NoSync, f.db.NoGrowSync = yes, yes }

// Sync makes what was committed durable.
func (f *File) Sync() error {
	err := f.db.Sync()
	f.settled = f.settled || err == nil
	return err
}

// KnowPages takes in what has been found out about the pages of a file that was made anew.
func (f *File) KnowPages(table *Table) { f.table = table }

// IsKnown reports whether every page has been compared with its sum since the file was
// opened.
func (f *File) IsKnown() bool { return f.table == nil || f.table.all.Load() }

// HasFreelist reports whether the newest state has a list of the free pages, as that
// which was committed at the end has.
func (f *File) HasFreelist() bool {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	return f.table.meta.Freelist != NoFreelist
}

// OnDamage has fn called when a page is found to be damaged; by several goroutines at
// once, perhaps, and more than once.
func (f *File) OnDamage(fn func(error)) {
	if f.table != nil {
		f.table.damaged.Store(&fn)
	}
}

// BucketSizes returns the bytes of the pages of each bucket but the last, which is no
// more than a page. One that is small has no page of its own.
func (f *File) BucketSizes() map[string]int64 {
	if f.table == nil {
		return nil
	}
	return f.table.bucketSizes()
}

// UsedPages returns the pages of the newest state; nil if they are not known.
func (f *File) UsedPages() *UsedPages { return f.table.usedPages() }

// SettleNewest makes what readers see durable.
func (f *File) SettleNewest() error {
	newest, err := f.Newest()
	if err != nil {
		return err
	}
	return f.Settle(newest)
}
