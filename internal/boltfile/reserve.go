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

// To delete takes pages, too: bolt writes every page that a transaction changes to
// a free one, and the pages of before come free afterwards. Where no page is free
// and the disk is full nothing could be deleted any more. So the last part of the
// file is a reserve, which only transactions that make room may use:
//
//	0                          high-water mark                        end
//	| meta | pages in use or free | not used yet |      reserve       |
//	                                             ^ the limit of others
//
// The reserve has blocks: the file is lengthened by allocating them, because a hole
// takes room only when it is written to, and then there may be none. The store
// lengthens the file itself, before a commit, so that bolt never does.
//
// A transaction may move bolt's high-water mark up to its limit (bolt.DB.MaxSize).
// If it needs more, it is rolled back, the file is lengthened, and it is done again.
// If the file cannot be lengthened, that is ErrFull. Transactions that make room
// come back to free pages soon: they free more than they take. While a part of the
// reserve is in use, and the file cannot be lengthened, free pages stand for that
// part: other transactions must leave as many.
//
// On Windows, where bolt makes the file as large as its map, there is no reserve.

const (
	// growStep is what the file grows by at least, so that not every commit has to.
	GrowStep = 1 << 20

	// A transaction that removes some events takes tens of pages, whatever their size.
	leastReserve, reservePages = 1 << 20, 128

	// growSlack is how much of the file beyond the high-water mark a transaction
	// should find, so that it need not be done again.
	growSlack = GrowStep / 4

	Reserves = runtime.GOOS != "windows"
)

// A reserve says how far a file may be used. It belongs to the leader of the commits.
type reserve struct {
	size    int64 // bytes of the reserve
	used    int64 // the high-water mark before the last transaction, in bytes
	end     int64 // the file has blocks up to here, as far as is known
	bound   int64 // Options.MaxSize
	last    int64 // the bound of transactions that make room
	minFree int64 // Options.MinFree, and 0 if that is none

	tried   attempt // the last transaction
	refused attempt // the last for which there was too little; zero: none
}

// An attempt is a transaction that puts so many bytes into a file that ends there, and
// has so many free pages.
type attempt struct{ changed, end, free int64 }

// ReserveRoom sets up the reserve of a file that has been opened to be written to,
// and lengthens the file for it. If the disk has no room for that, the file stays as
// it is, and grows before the next transaction for which there is room.
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
	// A bound may have been lowered below what the file has, or had no reserve inside
	// of it. A 32-bit system may be unable to map more than its own bound.
	most := int64(math.MaxInt)
	if most == math.MaxInt32 {
		most = MaxSize32Bit
	}
	r.last = max(r.bound, used)
	r.last = max(r.last, min(r.last, most-r.size)+r.size)
	f.reserve = r
	f.fillHoles(info)
	if want := used + growSlack + r.size; want > f.reserve.end {
		_ = f.lengthen(want, false) // else before the next transaction
	}
	return nil
}

// fillHoles has what the file has beyond its high-water mark have blocks, as a file that
// was copied may not have them. Those that Options.MinFree keeps are given back.
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

func ReserveSize(pageSize int64) int64 { return max(leastReserve, reservePages*pageSize) }

// Allow sets how far a transaction that is about to be committed may move the
// high-water mark. changed is how many bytes it has put. Where the file is too short
// for that it is lengthened, if it can be. ErrFull: the transaction would leave too
// little to make room with.
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
	f.db.MaxSize = int(max(min(end, r.bound)-r.size, 1)) // bolt takes 0 for no limit
	u := f.Usage()
	r.tried = attempt{changed, end, u.Free}
	if no := r.refused; no != (attempt{}) && changed >= no.changed && end <= no.end && u.Free <= no.free {
		// To try, bolt would have to find its free pages anew afterwards, in the whole file.
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

// lengthen has the file have blocks up to want, and for a growStep more than before
// at least; less than want, but whole steps, if its bound or the disk has no more. For
// what makes room parts of a step will do. An error says why the file is as long as
// before.
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
		_ = f.file.Truncate(before.Size()) // it may have got a part
		f.summed = false
		return fault.DiskError(fmt.Errorf("lengthen the database by %d bytes: %w", want-r.end, err))
	}
	r.end = want
	return nil
}

// LengthenAgain lengthens the file for a transaction that has failed because it was
// allowed too little, so many times before. Without an error it can be done again.
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

// End returns up to where the file has blocks.
func (f *File) End() int64 { return f.reserve.end }

// GiveUp makes the file as short as it was before a transaction for which there was too
// little room. If lasting is set, a later one that needs as much is refused at once.
func (f *File) GiveUp(end int64, lasting bool) {
	if lasting {
		f.reserve.refused = f.reserve.tried
	}
	f.shorten(end)
}

// shorten makes the file as short as it was before a transaction for which there was
// too little in the end: the disk is for pictures, too.
func (f *File) shorten(end int64) {
	r := &f.reserve
	f.summed = false // the sums may be cut off
	if end = max(end, r.used); r.end > end && f.file.Truncate(end) == nil {
		r.end = end
	}
}

// allocate has the file have blocks between two offsets, and be as long. What it
// has there already stays.
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

// MaxSize32Bit is how large a file a 32-bit system can map.
const MaxSize32Bit = 512 << 20

// TooLargeForFile reports whether a commit failed because the transaction was
// allowed too little.
func TooLargeForFile(err error) bool {
	return Reserves && errors.Is(err, berrors.ErrMaxSizeReached)
}
