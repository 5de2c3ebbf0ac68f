package doorlog

import (
	"bytes"
	"context"
	"errors"
	"os"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// An examination is a walk over one state of a file and its findings: damaged pages, damaged
// records, and, by the sums in meta, entries that are missing or too many.
type examination struct {
	findings
	progress       *progress
	walker         *boltfile.Walker
	older          []boltfile.Meta // the meta page of the state before, if it is valid
	names          int             // number of buckets that a store has
	unknown        []string
	format, schema []byte
	state          []byte // the record of the state in meta
	known          *state // the same decoded; nil: damaged, or of another state of the file
	storeID        ID     // zero if it is damaged
	mixed          bool   // the record in meta is of another moment than the file
	trust          boltfile.Trust
	notes          map[string][]byte  // other records of meta that verify
	sums           sums               // of the entries that exist
	unsound        bool               // pages or meta are damaged
	unreadable     error              // the error of a page that the disk could not read
	lastPosting    [indexCount][]byte // the last entry of each index so far
	nextChange     uint64             // the number after the last change so far
	damaged        [sumCount]int
	detections     int                                 // number of detections that verify
	reading        int                                 // the bucket that is being read; storedBuckets: another
	pages          [storedBuckets + 1]uint64           // of each bucket; the last: of others
	entry          func(bucket int, key, value []byte) // if set, is called with each record that verifies
}

// examine reads a state of a file, or only the bucket w.Only of it.
func (x *examination) examine(w *boltfile.Walker) error {
	x.walker = w
	w.Report = func(format string, args ...any) { x.report(InvariantPages, format, args...) }
	w.Bucket, w.Names = x.bucket, x.name
	x.reading = storedBuckets
	w.Left = func() { x.reading = storedBuckets }
	w.Took = func(pages uint64) { x.pages[x.reading] += pages }
	if told := x.progress; told.asked() && w.Only == nil {
		size := uint64(w.Meta.PageSize)
		w.Begin = func(pages uint64) { told.knows(int64(pages * size)) }
		w.Took = func(pages uint64) {
			x.pages[x.reading] += pages
			told.add(int64(pages * size))
		}
	}
	if err := w.Walk(); err != nil {
		return err // the walk was cut short; damage is reported instead
	}
	if w.Only == nil {
		x.progress.finish()
	}
	x.unreadable = w.Unreadable
	if err := identify(x.format, x.schema, x.state); err != nil {
		// A file that has most of our buckets, or any of our records, is a store, even
		// without meta.
		ours := errors.Is(err, ErrCorrupt) || len(x.list) > 0 || errors.Is(err, ErrNotStore) && (x.names > len(summed)/2 || wasStore(w))
		if !ours {
			return err
		}
		x.report(InvariantMeta, "%v", err)
	}
	for _, name := range x.unknown {
		x.report(InvariantMeta, "there is a bucket %q", name)
	}
	if st, err := decodeState(x.state); err == nil {
		x.storeID = st.storeID
		if err := st.isOf(w.Meta.Txid, x.trust); err != nil { // its sums are of an older state
			x.report(InvariantMeta, "%v", err)
		} else {
			x.known = &st
		}
	}
	x.unsound = x.all > x.damagedRecords()
	if w.Only == nil {
		x.compare()
	}
	return nil
}

// name checks the name of a bucket.
func (x *examination) name(name []byte) {
	if bytes.Equal(name, tailBucket) {
		x.names++
		return
	}
	for _, known := range summed {
		if bytes.Equal(name, known) {
			x.names++
			return
		}
	}
	if !bytes.Equal(name, metaBucket) && len(x.unknown) < maxFindings {
		x.unknown = append(x.unknown, string(boltfile.Shortened(name)))
	}
}

// bucket returns a function that checks and sums the entries of a bucket.
func (x *examination) bucket(name []byte) func(key, value []byte) {
	x.reading = storedBuckets
	switch {
	case bytes.Equal(name, metaBucket):
		return x.lookAtMeta
	case bytes.Equal(name, tailBucket):
		x.reading = tailNumber
		return x.lookAtTail
	}
	for i := range summed {
		if !bytes.Equal(name, summed[i]) {
			continue
		}
		x.reading = i
		if i == changesSum {
			return x.lookAtChanges
		}
		if i >= indexSums {
			return func(key, value []byte) { x.lookAtPosting(i, key, value) }
		}
		return func(key, value []byte) { x.lookAtRecord(i, key, value) }
	}
	return func([]byte, []byte) {}
}

func (x *examination) lookAtMeta(key, value []byte) {
	switch string(key) {
	case string(metaFormat):
		x.format = bytes.Clone(value)
	case string(metaSchema):
		x.schema = bytes.Clone(value)
	case string(metaState):
		x.state = bytes.Clone(value)
	case string(metaLastBackup):
		_, err := decodeLastBackup(value)
		x.lookAtNote(key, value, err)
	case string(metaRemoving):
		_, err := decodeRemoving(value)
		x.lookAtNote(key, value, err)
	case string(metaLineage):
		_, err := decodeLineage(value)
		x.lookAtNote(key, value, err)
	case string(metaClock):
		_, err := decodeClock(value)
		x.lookAtNote(key, value, err)
	case string(metaVain):
		_, err := decodeVain(value)
		x.lookAtNote(key, value, err)
	case string(metaHeldBack):
		_, err := decodeHeldBack(value)
		x.lookAtNote(key, value, err)
	}
}

// lookAtNote checks an optional record of meta.
func (x *examination) lookAtNote(key, value []byte, err error) {
	if err != nil {
		x.report(InvariantMeta, "%v", err)
		return
	}
	if x.notes == nil {
		x.notes = make(map[string][]byte)
	}
	x.notes[string(key)] = bytes.Clone(value)
}

// lookAtTail checks and sums an event of the tail, as if its records were in events and
// detections already.
func (x *examination) lookAtTail(key, value []byte) {
	event, detected, err := splitTail(value)
	if err != nil {
		x.sums.add(eventsSum, key, 0)
		x.damaged[eventsSum]++
		x.report(InvariantEvents, "tail: %s: %v", keyText(boltfile.Shortened(key)), err)
		return
	}
	if seq := tailSeq(value); seq > 0 && len(key) == idLen {
		x.sums.addChange(seq, change{EventCreated, ID(key)})
	}
	x.lookAtRecord(eventsSum, key, event)
	if detected != nil {
		x.lookAtRecord(detectionsSum, key, detected)
	}
}

// lookAtChanges checks and sums a block of changes.
func (x *examination) lookAtChanges(key, value []byte) {
	b, err := openChanges(key, value)
	if err == nil && !x.mixed && b.first < x.nextChange {
		err = errOrder // the block before overlaps this one
	}
	if err != nil {
		x.sums.add(changesSum, key, 0)
		x.damaged[changesSum]++
		x.report(InvariantChanges, "%s: %x: %v", changesBucket, boltfile.Shortened(key), err)
		return
	}
	x.nextChange = b.until()
	for i := range b.len() {
		x.sums.addChange(b.first+uint64(i), b.change(i))
	}
}

// lookAtPosting checks and sums a block of a posting list. The sums are those of the single
// entries, so they do not depend on the blocks.
func (x *examination) lookAtPosting(bucket int, key, value []byte) {
	b, err := openBlock(bucket-indexSums, key, value)
	if err == nil && !b.inOrder() {
		err = errOrder
	}
	last := x.lastPosting[bucket-indexSums]
	if at := len(key) - idLen; err == nil && !x.mixed && len(last) > at && bytes.Equal(last[:at], key[:at]) && bytes.Compare(last, key) >= 0 {
		err = errOrder // the block before overlaps this one
	}
	if err != nil {
		x.sums.add(bucket, key, 0)
		x.damaged[bucket]++
		x.report(InvariantIndexes, "%s: %s: %v", summed[bucket], keyText(boltfile.Shortened(key)), err)
		return
	}
	last = append(last[:0], key...)
	for i := range b.len() {
		copy(last[len(key)-idLen:], b.bytes(i))
		x.sums.add(bucket, last, 0)
	}
	x.lastPosting[bucket-indexSums] = last
}

func (x *examination) lookAtRecord(bucket int, key, value []byte) {
	x.sums.add(bucket, key, recordSum(value))
	kind := recordKinds[bucket]
	payload, err := kind.open(key, value)
	if err != nil {
		x.damaged[bucket]++
		x.report(kind.invariant, "%s: %s: %v", summed[bucket], keyText(boltfile.Shortened(key)), err)
		return
	}
	if bucket == detectionsSum {
		x.detections += detectionsIn(payload)
	}
	if x.entry != nil {
		x.entry(bucket, key, value)
	}
}

// compare compares the sums of the entries that exist with those in meta.
func (x *examination) compare() {
	if x.known == nil {
		return
	}
	for i, want := range x.known.sums {
		switch got := x.sums[i]; {
		case got.entries != want.entries:
			x.report(InvariantSums, "%s: there are %d entries, and there were %d", summed[i], got.entries, want.entries)
		case got.hashes != want.hashes:
			x.report(InvariantSums, "%s: the %d entries are not those that there were", summed[i], got.entries)
		}
	}
}

func (x *examination) damagedRecords() (n int) {
	for _, d := range x.damaged {
		n += d
	}
	return n
}

// whole reports whether a bucket has every entry that was put into it and each entry
// verifies.
func (x *examination) whole(bucket int) bool {
	return x.known != nil && x.sums[bucket] == x.known.sums[bucket] && x.damaged[bucket] == 0
}

// examine reads a file before bolt maps it. If the file was closed and has the sums of its
// pages, it reads only what bolt is about to trust. Otherwise, or if the file is small, it
// reads all of it.
func (o *settings) examine(f *os.File) (table *boltfile.Table, summed bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	metas, err := boltfile.ReadMetas(f)
	if err != nil {
		return nil, false, err
	}
	meta := metas[0]
	if err := meta.Check(info.Size()); err != nil {
		return nil, false, err
	}
	x := &examination{trust: o.trust}
	w := &boltfile.Walker{Ctx: context.Background(), From: f, Meta: meta, Only: metaBucket}
	if err := x.examine(w); err != nil {
		return nil, false, err
	}
	if err := x.err(); err != nil {
		return nil, false, err
	}
	var sums *boltfile.Sums
	if closed := !x.known.unclean && meta.Freelist != boltfile.NoFreelist; closed {
		if sums, err = boltfile.ReadPageSums(f, &meta, len(buckets)); err != nil {
			return nil, false, err
		}
	}
	switch {
	case sums == nil || sums.StoreID != x.known.storeID:
		table, err = o.examineAll(f, meta, nil)
		return table, false, err
	case int64(meta.Pages)*int64(meta.PageSize) < o.wholeBelow:
		table, err = o.examineAll(f, meta, sums.Sums)
	default:
		table, err = sums.Table(f, meta, w.Free, buckets, o.trust)
	}
	return table, true, err
}

// examineAll reads a whole file and returns the table of its pages. If known is not nil, the
// pages must match these sums.
func (o *settings) examineAll(f *os.File, meta boltfile.Meta, known []uint32) (*boltfile.Table, error) {
	stop := boltfile.ReadAhead(f, int64(meta.Pages)*int64(meta.PageSize))
	defer stop()
	x := &examination{trust: o.trust, progress: tellBytes(o.Progress, "verifying")}
	table, err := x.tabulate(&boltfile.Walker{Ctx: context.Background(), From: f, Meta: meta}, known)
	return table, errors.Join(err, x.err())
}

// tabulate examines all of a state and returns the table of its pages. If known is not nil,
// the pages must match these sums.
func (x *examination) tabulate(w *boltfile.Walker, known []uint32) (*boltfile.Table, error) {
	sums := make([]uint32, w.Meta.Pages)
	w.Look = func(id uint64, data []byte) string {
		if sums[id] = boltfile.PageSum(data); known != nil && sums[id] != known[id] && !x.trust.Sums {
			return boltfile.WrongSumText
		}
		return ""
	}
	if err := x.examine(w); err != nil {
		return nil, err
	}
	sizes := make([]int, len(buckets))
	for i, n := range x.pages {
		sizes[i] = int(n)
	}
	return boltfile.TableOf(w, buckets, sums, sizes, x.trust), nil
}

// examineFile examines all of a file that nobody writes to.
func (x *examination) examineFile(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	metas, err := boltfile.ReadMetas(f)
	if err == nil {
		err = metas[0].Check(info.Size())
	}
	if errors.Is(err, ErrCorrupt) {
		x.report(InvariantPages, "%v", err)
	}
	if err != nil && !errors.Is(err, ErrCorrupt) || len(metas) == 0 {
		if errors.Is(err, ErrCorrupt) {
			err = nil // reported as a finding
		}
		return err
	}
	x.older = metas[1:]
	stop := boltfile.ReadAhead(f, info.Size())
	defer stop()
	return fault.Guarded(func() error {
		w := wholeWalker(ctx, f, metas[0], info.Size())
		if w.Look, err = x.closedPages(ctx, f, metas[0], info.Size()); err != nil {
			return err
		}
		return x.examine(w)
	})
}

// closedPages returns a function that compares the pages of a closed file with their sums; nil
// if the file has none.
func (x *examination) closedPages(ctx context.Context, f *os.File, meta boltfile.Meta, size int64) (look func(id uint64, data []byte) string, err error) {
	sums, err := boltfile.ReadPageSums(f, &meta, len(buckets))
	if sums == nil || err != nil {
		return nil, err
	}
	w := wholeWalker(ctx, f, meta, size)
	w.Only = metaBucket
	head := &examination{trust: x.trust}
	if err := head.examine(w); err != nil || head.storeID != sums.StoreID {
		return nil, ctx.Err()
	}
	return func(id uint64, data []byte) string {
		if boltfile.HasSum(data, sums.Sums[id], x.trust) {
			return ""
		}
		return boltfile.WrongSumText
	}, nil
}

// wholeWalker returns a walker over all of a file, which may have been cut off.
func wholeWalker(ctx context.Context, f *os.File, meta boltfile.Meta, size int64) *boltfile.Walker {
	pages := min(meta.Pages, max(1, uint64(size)/uint64(meta.PageSize)))
	return &boltfile.Walker{Ctx: ctx, From: f, Meta: meta, Pages: pages}
}

// broken reports whether pages or the state in meta are damaged.
func (x *examination) broken() bool { return x.known == nil || x.unsound }
