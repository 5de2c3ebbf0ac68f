package boltfile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"

	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
	berrors "go.etcd.io/bbolt/errors"
)

// A deletion needs free pages, too: bolt writes every page that a transaction changes to a
// free page, and frees the old page only afterwards. If no page were free and the disk were
// full, nothing could be deleted. So the last part of the file is a reserve that only
// transactions that make room may use:
//
//	0                          high-water mark                        end
//	| meta | pages in use or free | not used yet |      reserve       |
//	                                             ^ the limit of others
//
// The blocks of the reserve are allocated when the file is lengthened. A hole would get its
// blocks only when it is written to, and then the disk may have none. This package lengthens
// the file before a commit, so that bolt never does.
//
// A transaction may move bolt's high-water mark up to its limit (bolt.DB.MaxSize). If it
// needs more, it is rolled back, the file is lengthened, and the transaction runs again. If
// the file cannot be lengthened, the error is ErrFull. Transactions that make room free more
// pages than they take, so they need the reserve only for a while. While a part of the
// reserve is in use and the file cannot be lengthened, free pages take the place of that
// part: other transactions must leave as many pages free.
//
// Windows has no reserve: there bolt makes the file as large as its mapping.

const (
	// GrowStep is the least number of bytes by which the file grows, so that few commits
	// have to lengthen it.
	GrowStep = 1 << 20

	// The least size of the reserve, in bytes and in pages. A transaction that removes
	// some events takes tens of pages, whatever the size of a page.
	leastReserve, reservePages = 1 << 20, 128

	// growSlack is how many bytes a transaction should find beyond the high-water mark,
	// so that it seldom has to run again.
	growSlack = GrowStep / 4

	// Reserves reports whether files have a reserve on this system.
	Reserves = runtime.GOOS != "windows"
)

// A reserve says how far a file may be used. Only the goroutine that commits uses it.
type reserve struct {
	size    int64 // bytes of the reserve
	used    int64 // the high-water mark before the last transaction, in bytes
	end     int64 // the file has blocks up to here, as far as is known
	bound   int64 // Options.MaxSize
	last    int64 // the bound for transactions that make room
	minFree int64 // Options.MinFree; 0 if there is none

	tried   attempt // the last transaction
	refused attempt // the last one that did not fit; zero if there is none
}

// An attempt is a transaction that puts changed bytes into a file that ends at end and has
// free free pages.
type attempt struct{ changed, end, free int64 }

// ReserveRoom sets up the reserve of a file that is open for writing, and lengthens the
// file for it. If the disk has no room for the reserve, the file keeps its length; later
// transactions try again. maxSize bounds the file in bytes; 0 means no bound. minFree is the
// number of bytes of the disk that are to stay free.
func (f *File) ReserveRoom(maxSize, minFree int64) error {
	if !Reserves {
		return nil
	}
	tx, err := f.begin(false)
	if err != nil {
		return err
	}
	used := tx.Size()
	f.rollback(tx)
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	pageSize := int64(f.db.Info().PageSize)
	r := reserve{size: ReserveSize(pageSize), used: used, end: used, bound: math.MaxInt, minFree: max(0, minFree)}
	if maxSize > 0 {
		r.bound = maxSize / pageSize * pageSize
		r.size = min(r.size, r.bound/4)
	}
	// The file may be larger than the bound, or have no room for a reserve below it. A
	// 32-bit system may be unable to map more than MaxSize32Bit.
	most := int64(math.MaxInt)
	if most == math.MaxInt32 {
		most = MaxSize32Bit
	}
	r.last = max(r.bound, used)
	r.last = max(r.last, min(r.last, most-r.size)+r.size)
	f.reserve = r
	f.fillHoles(info)
	if want := used + growSlack + r.size; want > f.reserve.end {
		_ = f.lengthen(want, false) // the next transaction tries again
	}
	return nil
}

// fillHoles allocates blocks for the part of the file beyond the high-water mark: a file
// that was copied may have holes there. If that leaves less free space than Options.MinFree,
// it makes the file shorter again.
func (f *File) fillHoles(before os.FileInfo) {
	r, size := &f.reserve, before.Size()
	if size <= r.used || f.allocate(r.used, size) != nil {
		return
	}
	r.end = size
	after, err := f.file.Stat()
	if err != nil {
		return
	}
	if back := min(fsx.Allocated(after)-fsx.Allocated(before), r.minFree-fsx.FreeSpace(f.file)); back > 0 {
		pageSize := int64(f.db.Info().PageSize)
		f.shorten((size - back) / pageSize * pageSize)
	}
}

// ReserveSize returns the size in bytes of the reserve of a file with such pages.
func ReserveSize(pageSize int64) int64 { return max(leastReserve, reservePages*pageSize) }

// Allow sets how far a transaction that is about to be committed may move the high-water
// mark. changed is the number of bytes that it has put. If the file is too short, Allow
// lengthens it if it can. It returns [fault.ErrFull] if the transaction would leave too
// little for transactions that make room.
func (f *File) Allow(tx *Tx, changed int64, makesRoom bool) error {
	if !Reserves {
		return nil
	}
	r := &f.reserve
	r.used = tx.tx.Size()
	r.end = max(r.end, r.used)
	var full error
	if want := r.used + 2*changed + growSlack + r.size; want > r.end && !makesRoom {
		full = f.lengthen(want, false)
	}
	var end int64
	if end, f.unmapped = f.mappable(r.used, r.end); end == 0 {
		return f.unmapped
	}
	if makesRoom {
		f.db.MaxSize = int(end)
		return nil
	}
	f.db.MaxSize = int(max(min(end, r.bound)-r.size, 1)) // 0 would mean no limit to bolt
	u := f.Usage()
	r.tried = attempt{changed, end, u.Free}
	if no := r.refused; no != (attempt{}) && changed >= no.changed && end <= no.end && u.Free <= no.free {
		// It would fail again, and then bolt reads the whole file to find its free pages.
		return cmp.Or(f.unmapped, full, r.overBound())
	}
	missing := r.used + r.size - end
	if missing <= 0 {
		return nil
	}
	if u.Free*u.PageSize >= missing+2*changed {
		return nil
	}
	switch {
	case f.unmapped != nil:
		return f.unmapped
	case full == nil:
		return r.overBound()
	}
	return full
}

// lengthen lengthens the file, with blocks, up to want, but by at least GrowStep. If its
// bound does not allow that, it goes up to the bound. If the disk has less room, it goes as
// many whole steps as fit; for a transaction that makes room a step is smaller. If it
// returns an error, the file is as long as before.
func (f *File) lengthen(want int64, makesRoom bool) error {
	r := &f.reserve
	bound, stay, step := r.bound, r.minFree, int64(GrowStep)
	if makesRoom {
		bound, stay, step = r.last, 0, GrowStep/16
	}
	want = min(max(want, r.end+GrowStep), bound)
	if want <= r.end {
		return r.overBound()
	}
	if free := fsx.FreeSpace(f.file); free >= 0 && free-stay < want-r.end {
		steps := (free - stay) / step
		if steps < 1 {
			return fmt.Errorf("%w: the database needs %d bytes more, and the disk has %d%s", fault.ErrFull, want-r.end, free, fsx.Kept(stay))
		}
		want = r.end + steps*step
	}
	before, err := f.file.Stat()
	if err != nil {
		return err
	}
	if err = f.allocate(r.end, want); err == nil {
		// As after every change of a file's length: https://github.com/boltdb/bolt/issues/284
		err = f.file.Sync()
	}
	if err != nil {
		_ = f.file.Truncate(before.Size()) // a part may have been allocated
		f.summed = false
		return fault.DiskError(fmt.Errorf("lengthen the database by %d bytes: %w", want-r.end, err))
	}
	r.end = want
	return nil
}

// LengthenAgain lengthens the file after a transaction has failed because it was allowed
// too little. tries is how often that has happened to this transaction before. If
// LengthenAgain returns nil, the transaction can run again.
func (f *File) LengthenAgain(tries int, makesRoom bool) error {
	if f.unmapped != nil {
		return f.unmapped // a longer file would not help
	}
	err := f.lengthen(f.reserve.end+GrowStep<<min(tries, 10), makesRoom)
	if err != nil && tries > 0 {
		err = f.lengthen(f.reserve.end+GrowStep, makesRoom)
	}
	return err
}

// End returns the offset up to which the file has blocks.
func (f *File) End() int64 { return f.reserve.end }

// GiveUp shortens the file to end, the length that it had before a transaction that did not
// fit. If lasting is set, a later transaction that needs as much is refused at once.
func (f *File) GiveUp(end int64, lasting bool) {
	if lasting {
		f.reserve.refused = f.reserve.tried
	}
	f.shorten(end)
}

// shorten shortens the file to end, but never below the high-water mark. What it gives back
// the thumbnails can use.
func (f *File) shorten(end int64) {
	r := &f.reserve
	f.summed = false // this may cut off the sums
	if end = max(end, r.used); r.end > end && f.file.Truncate(end) == nil {
		r.end = end
	}
}

// allocate allocates blocks between two offsets and lengthens the file to the second one.
// Bytes that the file already has there stay.
func (f *File) allocate(from, to int64) error {
	err := fsx.Fallocate(f.file, from, to-from)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for at := max(from, info.Size()); at < to && err == nil; at += int64(len(zeros)) {
		_, err = f.file.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at)
	}
	return err
}

func (r *reserve) overBound() error {
	return fmt.Errorf("%w: the database has %d bytes, and Options.MaxSize allows %d, of which %d are kept for deletions",
		fault.ErrFull, r.end, r.bound, r.size)
}

// MaxSize32Bit is the size, in bytes, of the largest file that a 32-bit system can map.
const MaxSize32Bit = 512 << 20

// TooLargeForFile reports whether a commit failed because the transaction was
// allowed too little.
func TooLargeForFile(err error) bool {
	return Reserves && errors.Is(err, berrors.ErrMaxSizeReached)
}
