package doorlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	bolt "go.etcd.io/bbolt"
)

// Check runs the invariant checker, whose findings become one error.
func (s *Store) Check(ctx context.Context) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	x, sn, err := s.examineState(ctx)
	if err != nil {
		return err
	}
	if !x.broken() {
		err = sn.compare(x)
	}
	sn.close()
	if err == nil && !x.broken() {
		_, err = s.verifyRest(ctx, x, time.Time{})
	}
	if err != nil {
		return err
	}
	for _, f := range x.list {
		err = errors.Join(err, errors.New(f.String()))
	}
	if len(x.list) == 0 {
		err = s.checkTable(ctx)
	}
	return err
}

// checkTable compares what is known of the pages with what a walk over them finds.
func (s *Store) checkTable(ctx context.Context) error {
	meta, sn, _, err := s.settledState(ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	x := new(examination)
	want, err := x.tabulate(&boltfile.Walker{Ctx: ctx, From: sn.file(), Meta: meta}, nil)
	if err != nil {
		return err
	}
	return sn.r.File.CheckPages(want)
}

// Commits returns the number of transactions that were committed, and of the
// pages that they wrote.
func (s *Store) Commits() (commits uint64, pages int64, err error) {
	err = s.commits.submit(context.Background(), func(*writeTx) error {
		commits, pages = s.commits.commits, s.commits.pages
		return nil
	})
	return commits, pages, err
}

// TakeNameOff takes a name off all of its events in one transaction, where
// ErasePerson makes several.
func (s *Store) TakeNameOff(ctx context.Context, name string) error {
	return s.commits.submit(ctx, func(w *writeTx) error {
		ids, err := w.eventsOf([]string{name})
		for _, id := range ids {
			old, gerr := w.get(id)
			now := old
			now.Person = ""
			err = errors.Join(err, gerr, w.replace(&old, &now))
		}
		return err
	})
}

// FoldAt is the length that the tail does not reach.
const FoldAt = foldAt

// Block holds up the writing of the store until release is called; it returns
// when that has begun.
func (s *Store) Block() (release func()) {
	begun, end := make(chan struct{}), make(chan struct{})
	go s.commits.submit(context.Background(), func(*writeTx) error {
		close(begun)
		<-end
		return nil
	})
	<-begun
	return func() { close(end) }
}

// Waiting returns the number of writes that wait for a transaction.
func (s *Store) Waiting() int {
	s.commits.mu.Lock()
	defer s.commits.mu.Unlock()
	return len(s.commits.queue)
}

// Spoil is a write that fails after it has changed something.
func (s *Store) Spoil(cause error) error {
	return s.commits.submit(context.Background(), func(w *writeTx) error {
		if err := w.put(personsSum, []byte("spoilt"), []byte("no record")); err != nil {
			return err
		}
		return cause
	})
}

// Panic is a write that panics, as bolt does on a damaged file.
func (s *Store) Panic() error {
	return s.commits.submit(context.Background(), func(w *writeTx) error { panic("page 7: bad") })
}

// Damages are kinds of damage, and the invariant that each breaks.
var Damages = map[string]string{
	"index entry gone":        "I8",
	"index entry too many":    "I8",
	"index entry of the tail": "I8",
	"not an index entry":      "I8",
	"event gone":              "I5",
	"event changed":           "I4",

	"event of the tail gone":    "I12",
	"event of the tail changed": "I4",
	"entry of the tail cut":     "I4",
	"event of the tail too old": "I7",
	"list out of order":         "I8",
	"list changed":              "I8",
	"event key too short":       "I3",
	"event not valid":           "I6",
	"detections gone":           "I5",
	"detections too many":       "I5",
	"detections changed":        "I5",
	"watermark moved":           "I7",
	"miscounted":                "I12",
	"bucket gone":               "I2",
	"last change gone":          "I13",
	"change too many":           "I13",
	"change twice":              "I13",
	"changes changed":           "I13",
	"change of the tail gone":   "I13",
	"consumer ahead":            "I13",
	"consumer changed":          "I13",
	"rollup changed":            "I11",
	"rollup gone":               "I11",
	"rollup too many":           "I11",
	"person changed":            "I9",
	"person's name not valid":   "I9",
}

// Condemn has the store find that its file is damaged.
func (s *Store) Condemn() { s.condemn(fmt.Errorf("%w: for a test", ErrCorrupt)) }

// Damage does a kind of damage to the file, and returns what takes it back.
func (s *Store) Damage(t testing.TB, kind string) (repair func()) {
	t.Helper()
	before := s.copyBuckets(t)
	s.rawUpdate(t, func(tx *bolt.Tx) error { return damage(tx, kind) })
	return func() {
		s.rawUpdate(t, func(tx *bolt.Tx) error {
			for name, kv := range before {
				if tx.Bucket([]byte(name)) != nil {
					if err := tx.DeleteBucket([]byte(name)); err != nil {
						return err
					}
				}
				b, err := tx.CreateBucket([]byte(name))
				for k, v := range kv {
					err = errors.Join(err, b.Put([]byte(k), []byte(v)))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// rawUpdate changes the file in the committer's place, past all that keeps it right.
func (s *Store) rawUpdate(t testing.TB, fn func(*bolt.Tx) error) {
	t.Helper()
	f := s.commits.file
	commit := f.CommitTx
	defer func() { f.CommitTx = commit }()
	f.CommitTx = func(tx *bolt.Tx) error { return errors.Join(fn(tx), SealState(tx), commit(tx)) }
	err := s.commits.submit(context.Background(), func(w *writeTx) error { w.changes++; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// A rawTx gives what a transaction of bolt's has.
type rawTx struct{ *bolt.Tx }

func (tx rawTx) Get(bucket int, key []byte) []byte { return tx.Bucket(buckets[bucket]).Get(key) }

// resum has the sums be those of what is there.
func resum(tx *bolt.Tx) error {
	st, err := readState(rawTx{tx})
	if err != nil {
		return err
	}
	x := new(examination)
	for _, name := range append([][]byte{tailBucket}, summed...) {
		entry := x.bucket(name)
		c := tx.Bucket(name).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			entry(k, v)
		}
	}
	st.sums = x.sums
	return tx.Bucket(metaBucket).Put(metaState, st.encode())
}

// NoteRemoving notes files as those that an erasure is about to remove.
func (s *Store) NoteRemoving(t testing.TB, paths ...string) {
	t.Helper()
	if err := s.commits.submit(context.Background(), func(w *writeTx) error { return w.setRemoving(paths) }); err != nil {
		t.Fatal(err)
	}
}

// Contents returns every entry of every bucket.
func (s *Store) Contents(t testing.TB) map[string]map[string]string {
	all := s.copyBuckets(t)
	delete(all["meta"], string(metaLineage)) // which a compaction moves, as it does the txid of the state
	if st, err := decodeState([]byte(all["meta"][string(metaState)])); err == nil {
		st.txid = 0
		all["meta"][string(metaState)] = string(st.encode())
	}
	return all
}

func (s *Store) copyBuckets(t testing.TB) map[string]map[string]string {
	t.Helper()
	all := make(map[string]map[string]string)
	f := s.readers.hold()
	defer s.readers.release(f)
	r, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	defer r.End()
	err = r.Look(func(view *boltfile.View) error {
		for i, name := range buckets {
			kv := make(map[string]string)
			all[string(name)] = kv
			c := view.Cursor(i)
			for k, v := c.First(); k != nil; k, v = c.Next() {
				kv[string(k)] = string(v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func damage(tx *bolt.Tx, kind string) error {
	events, detections := tx.Bucket(eventsBucket), tx.Bucket(detectionsBucket)
	index := tx.Bucket(indexes[byCamera])
	first, rec := events.Cursor().First()
	tail := tx.Bucket(tailBucket)
	last, _ := tail.Cursor().Last()
	oldest, entry := tail.Cursor().First()
	var id ID
	copy(id[:], first)
	switch kind {
	case "index entry gone":
		k, _ := index.Cursor().First()
		return index.Delete(k)
	case "index entry too many":
		return index.Put(appendIndexKey(nil, "moon", id), nil)
	case "index entry of the tail":
		return index.Put(appendIndexKey(nil, "front_door", ID(last)), nil)
	case "list out of order", "list changed":
		return damageList(index, kind == "list changed")
	case "not an index entry":
		return index.Put([]byte("moon"), nil)
	case "event of the tail gone":
		return tail.Delete(oldest)
	case "event of the tail changed":
		entry = bytes.Clone(entry)
		entry[tailSeqHeader+recordHeader+2]++
		return tail.Put(oldest, entry)
	case "entry of the tail cut":
		return tail.Put(oldest, entry[:tailSeqHeader+recordHeader])
	case "event of the tail too old":
		return errors.Join(tail.Put(first, joinTail(0, rec, nil)), events.Delete(first), resum(tx))
	case "event gone":
		return events.Delete(first)
	case "event changed":
		rec = bytes.Clone(rec)
		rec[len(rec)-1]++
		return events.Put(first, rec)
	case "event key too short":
		return events.Put(first[:10], rec)
	case "event not valid":
		r := record{Event: Event{ID: id, RecordedAt: id.Time(), CreatedAt: id.Time(), Camera: "x"}}
		return events.Put(first, encodeEvent(&r))
	case "detections gone":
		return detections.Delete(first)
	case "detections too many":
		return detections.Put(make([]byte, 16), encodeDetections(ID{}, nil))
	case "detections changed":
		return detections.Put(first, encodeDetections(id, []Detection{{Label: "one"}}))
	case "miscounted":
		st, err := readState(rawTx{tx})
		st.sums[eventsSum].entries++
		st.sums[personsSum].entries++
		return errors.Join(err, tx.Bucket(metaBucket).Put(metaState, st.encode()))
	case "watermark moved":
		return moveWatermark(tx)
	case "bucket gone":
		return tx.DeleteBucket(indexes[byDoor])
	}
	return damageDerived(tx, kind)
}

// damageDerived damages rollups and persons.
func damageDerived(tx *bolt.Tx, kind string) error {
	persons := tx.Bucket(personsBucket)
	switch kind {
	case "rollup changed":
		k, v := tx.Bucket(rollupsBucket).Cursor().First()
		r, err := decodeRollup(k, v)
		if err != nil {
			return err
		}
		r.quarters[7].unlocks++
		return tx.Bucket(rollupsBucket).Put(k, encodeRollup(k, r))
	case "rollup gone":
		k, _ := tx.Bucket(rollupsBucket).Cursor().First()
		return tx.Bucket(rollupsBucket).Delete(k)
	case "rollup too many":
		key := rollupKey{"moon", 7}.bytes()
		return tx.Bucket(rollupsBucket).Put(key, encodeRollup(key, new(rollup)))
	case "person changed":
		return persons.Put([]byte("alice"), []byte("x"))
	case "person's name not valid":
		return persons.Put([]byte("a\x00"), encodePerson(&Person{Name: "a\x00"}))
	}
	return damageChanges(tx, kind)
}

// damageChanges damages changes and consumers.
func damageChanges(tx *bolt.Tx, kind string) error {
	changes := tx.Bucket(changesBucket)
	put := func(seq uint64) error {
		b := changeBlock{first: seq}
		b.add(change{EventDeleted, ID{1}})
		return errors.Join(changes.Put(b.encode()), resum(tx))
	}
	st, err := readState(rawTx{tx})
	if err != nil {
		return err
	}
	switch kind {
	case "last change gone":
		k, _ := changes.Cursor().Last()
		return errors.Join(changes.Delete(k), resum(tx))
	case "change too many":
		return put(st.seq + 1)
	case "change twice":
		return put(st.seq - 3) // which the tail has
	case "changes changed":
		k, v := changes.Cursor().First()
		v = bytes.Clone(v)
		v[len(v)-1]++
		return changes.Put(k, v)
	case "change of the tail gone":
		tail := tx.Bucket(tailBucket)
		k, v := tail.Cursor().First()
		event, detected, err := splitTail(v)
		return errors.Join(err, tail.Put(k, joinTail(0, event, detected)), resum(tx))
	case "consumer ahead":
		history, err := readLineage(rawTx{tx})
		c := consumerState{at: Cursor{st.storeID, history.incarnation, st.seq + 1, 0}}
		return errors.Join(err, tx.Bucket(consumersBucket).Put([]byte("fleet"), c.encode([]byte("fleet"))), resum(tx))
	case "consumer changed":
		return tx.Bucket(consumersBucket).Put([]byte("fleet"), []byte("x"))
	}
	return errors.New("no such damage")
}

// damageList damages the first block of several IDs: a bit of it, or two of its
// IDs change places, with a checksum that says that this is right.
func damageList(index *bolt.Bucket, bit bool) error {
	c := index.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		b, err := openBlock(byCamera, k, v)
		if err != nil || b.len() < 3 {
			continue
		}
		v = bytes.Clone(v)
		if bit {
			v[len(v)-1] ^= 1
			return index.Put(k, v)
		}
		ids := slices.Concat(b.bytes(2), b.bytes(1), v[recordHeader+2*idLen:])
		return index.Put(k, postingRecords[byCamera].encode(k, func(e *encoder) { e.buf.Write(ids) }))
	}
	return errors.New("no list of three events")
}

// HoldThumbnails has whoever looks into the folder of the thumbnails wait until release
// is called, as on a disk that does not answer.
func HoldThumbnails(s *Store) (release func()) {
	s.thumbs.mu.Lock()
	return s.thumbs.mu.Unlock
}

// FailCommits has every commit fail with err: after it has been done, as when
// the last sync fails, or before. nil: they go well again.
func (s *Store) FailCommits(after bool, err error) {
	s.commits.file.CommitTx = func(tx *bolt.Tx) error {
		if err != nil && !after {
			return errors.Join(err, tx.Rollback())
		}
		return errors.Join(tx.Commit(), err)
	}
}

// BesideCommits has before and after be called in every commit: before it is done, and
// when it has been done and nobody has been told.
func (s *Store) BesideCommits(before, after func()) {
	s.commits.file.CommitTx = func(tx *bolt.Tx) error {
		before()
		defer after()
		return tx.Commit()
	}
}

// IdleReaders returns how many readers wait for the next who reads.
func (s *Store) IdleReaders() int {
	s.readers.mu.Lock()
	defer s.readers.mu.Unlock()
	return len(s.readers.idle)
}

// DamagedDelete takes the oldest event of the tail away, whatever its record is.
func (s *Store) DamagedDelete(t testing.TB) {
	t.Helper()
	s.rawUpdate(t, func(tx *bolt.Tx) error {
		k, _ := tx.Bucket(tailBucket).Cursor().First()
		return errors.Join(tx.Bucket(tailBucket).Delete(k), resum(tx))
	})
}

// BreakRollup flips a bit of the last rollup.
func (s *Store) BreakRollup(t testing.TB) {
	t.Helper()
	s.rawUpdate(t, func(tx *bolt.Tx) error {
		k, v := tx.Bucket(rollupsBucket).Cursor().Last()
		v = bytes.Clone(v)
		v[len(v)-1] ^= 1
		return tx.Bucket(rollupsBucket).Put(k, v)
	})
}

// moveWatermark makes all events the tail.
func moveWatermark(tx *bolt.Tx) error {
	st, err := readState(rawTx{tx})
	if err != nil {
		return err
	}
	st.through = ID{}
	return tx.Bucket(metaBucket).Put(metaState, st.encode())
}

// ChecksOfRecent does just the checks that Recent does for n events, and
// returns how long they took.
func (s *Store) ChecksOfRecent(n int) (took time.Duration, err error) {
	type checked struct {
		kind     *recordKind
		key, rec []byte
	}
	sn, err := s.look(context.Background())
	if err != nil {
		return 0, err
	}
	defer sn.close()
	err = sn.read(func(in guarded) error {
		list := []checked{{&stateRecord, metaState, in.Get(metaNumber, metaState)}}
		c := in.Cursor(eventsSum)
		for k, v := c.Last(); k != nil && n > 0; k, v = c.Prev() {
			n--
			list = append(list, checked{&eventRecord, k, v})
			if v := in.Get(detectionsSum, k); v != nil {
				list = append(list, checked{&detectionsRecord, k, v})
			}
		}
		begin := time.Now()
		for _, c := range list {
			if _, err := c.kind.open(c.key, c.rec); err != nil {
				return err
			}
		}
		took = time.Since(begin)
		return nil
	})
	return took, err
}

// A BareFile is the file of a store that is written to past the store.
type BareFile struct{ file *boltfile.File }

// OpenBare opens the file of a store that nobody has open.
func OpenBare(t testing.TB, path string) BareFile {
	t.Helper()
	opt, err := (&Options{}).withDefaults(path)
	if err != nil {
		t.Fatal(err)
	}
	opt.examined = true
	var f BareFile
	if f.file, err = boltfile.Open(path, opt.ofFile()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.file.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Commit commits an event, with or without the sums.
func (f BareFile) Commit(e Event, tie uint64, sums bool) error {
	e.ID = makeID(e.RecordedAt, tie)
	in := insertion{record: record{Event: e}}
	in.encode()
	tx, err := f.file.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	w, err := newWriteTx(tx, new(interner), 0)
	if err != nil {
		return err
	}
	if sums {
		err = errors.Join(w.add(eventsSum, in.ID[:], in.event), w.add(detectionsSum, in.ID[:], in.detected))
		err = errors.Join(err, w.tx.Put(metaNumber, metaState, w.encode()))
	} else {
		err = errors.Join(w.tx.Put(eventsSum, in.ID[:], in.event), w.tx.Put(detectionsSum, in.ID[:], in.detected))
	}
	return errors.Join(err, tx.Commit(false))
}

// SetDisk has a store ask disk for the free and all bytes of the disk of its thumbnails.
func SetDisk(disk func(dir string) (free, total int64, err error)) (restore func()) {
	return setKnobs(func(k *knobs) { k.disk = disk })
}

// setKnobs has stores that are opened from now on have other knobs.
func setKnobs(turn func(*knobs)) (restore func()) {
	before := defaults
	turn(&defaults)
	return func() { defaults = before }
}

// SetWholeBelow has files of this size and above be large ones, which are not
// read whole when they are opened; restore takes it back.
func SetWholeBelow(size int64) (restore func()) {
	return setKnobs(func(k *knobs) { k.wholeBelow = size })
}

// SetMapSize has files be mapped as they are (0), so that growing ones are
// mapped anew; restore takes it back.
func SetMapSize(size int64) (restore func()) {
	return setKnobs(func(k *knobs) { k.leastMap = size })
}

// SealState has the state be of a transaction that a test makes.
func SealState(tx *bolt.Tx) error {
	st, err := readState(rawTx{tx})
	if err != nil {
		return err
	}
	st.txid = uint64(tx.ID())
	return tx.Bucket(metaBucket).Put(metaState, st.encode())
}

// SetTrust has checks be left out: that the state is of the transaction of the meta
// page, that a page has its sum, and what is asked of a page on the way of a search.
func SetTrust(txids, sums, checks bool) (restore func()) {
	return setKnobs(func(k *knobs) { k.trust = boltfile.Trust{Txids: txids, Sums: sums, Checks: checks} })
}

// FirstPage returns the first leaf of a bucket, which must have one of its own, and
// where that is in the file.
func (s *Store) FirstPage(t testing.TB, bucket string) (at, size int64) {
	t.Helper()
	sn, err := s.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sn.close()
	number := slices.IndexFunc(buckets, func(b []byte) bool { return string(b) == bucket })
	err = sn.read(func(in guarded) error {
		c := in.Cursor(number)
		c.First()
		at, size = c.At()
		return nil
	})
	if err != nil || at == 0 {
		t.Fatalf("bucket %s has no page of its own: %v", bucket, err)
	}
	return at, size
}

// RaiseSchema makes a store of the schema after this one of a file.
func RaiseSchema(tx *bolt.Tx) error {
	st, err := readState(rawTx{tx})
	if err != nil {
		return err
	}
	st.schema++
	st.txid = uint64(tx.ID())
	meta := tx.Bucket(metaBucket)
	return errors.Join(meta.Put(metaState, st.encode()), meta.Put(metaSchema, binary.BigEndian.AppendUint32(nil, st.schema)))
}

// badDisk is a file of which some pages cannot be read.
type badDisk struct {
	*os.File
	from, until int64
}

func (d *badDisk) ReadAt(b []byte, at int64) (int, error) {
	if at < d.until && at+int64(len(b)) > d.from {
		return 0, syscall.EIO
	}
	return d.File.ReadAt(b, at)
}

// UnreadablePages examines a file of which pages cannot be read.
func UnreadablePages(t testing.TB, path string, from, until int64) *Verification {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	metas, err := boltfile.ReadMetas(f)
	if err != nil {
		t.Fatal(err)
	}
	w := wholeWalker(t.Context(), f, metas[0], info.Size())
	w.From = &badDisk{f, from * int64(metas[0].PageSize), until * int64(metas[0].PageSize)}
	x := new(examination)
	if err := x.examine(w); err != nil {
		t.Fatal(err)
	}
	return x.verification()
}

// SmallSteps has a compaction copy a few entries at a time, and catch up with each
// changed key at once; restore takes it back.
func SmallSteps() (restore func()) {
	return setKnobs(func(k *knobs) { k.copiedBytes, k.manyChanges = 2<<10, 1 })
}

// Transactions returns how many transactions there have been, without waiting
// for one that is under way.
func (s *Store) Transactions() uint64 {
	s.readers.mu.Lock()
	defer s.readers.mu.Unlock()
	return s.readers.generation
}

// InUse returns the bytes of the pages that are in use.
func (s *Store) InUse(ctx context.Context) (int64, error) {
	_, bytes, err := s.inUse(ctx)
	return bytes, err
}

// What a Prune removes in one transaction, and reads in one snapshot.
const (
	RemoveEvents = eventsAlone
	RemoveBeside = eventsInCompany
	WalkEvents   = walkEvents
)

// ImpatientBackups has backups wait for no receiver while they hold a snapshot.
func ImpatientBackups(t testing.TB) {
	t.Helper()
	t.Cleanup(impatientBackups())
}

func impatientBackups() (restore func()) {
	return setKnobs(func(k *knobs) { k.spoolPieces, k.snapshotPatience = 0, math.MinInt64/2 })
}

// SmallBackups are impatient, and of small pieces, so that a small store has many;
// restore takes it back.
func SmallBackups() (restore func()) {
	return setKnobs(func(k *knobs) { k.spoolPieces, k.snapshotPatience, k.backupPiece = 0, math.MinInt64/2, 16<<10 })
}

// SetBoot has the running of the system be another one, that of start number n.
func SetBoot(n byte, running func() time.Duration) (restore func()) {
	return setKnobs(func(k *knobs) {
		k.boot = func() boot { return boot{id: ID{n}, lasts: true, running: running} }
	})
}

// FolderOf returns whose the thumbnail folder of a store is; empty: it cannot be known.
func FolderOf(s *Store) FolderState {
	commit, err := s.commit(context.Background())
	if err != nil {
		return ""
	}
	f, err := s.thumbs.folder(commit)
	if err != nil {
		return ""
	}
	return f.State
}

// PretendMapped has a store believe that so much of its file is mapped.
func PretendMapped(s *Store, bytes int64) { s.commits.file.PretendMapped(bytes) }

// RaceDetector says that the tests run with it.
const RaceDetector = raceDetector

// Reserves says that files have a reserve here.
const Reserves = boltfile.Reserves

// Waits reports whether a reader waits for changes.
func (s *Store) Waits() bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.feed.more != nil
}
