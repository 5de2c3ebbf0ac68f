package doorlog

import (
	"github.com/doorlog/doorlog/internal/boltfile"
)

// A writeTx is a bolt transaction with what doorlog's writes need.
type writeTx struct {
	tx          *boltfile.Tx
	mem         arena
	state             // the state that this transaction will store
	tail        int   // events after indexed_through
	atEnd       bool  // it is the last transaction before the file is closed
	changes     int   // puts and deletes so far
	bytes       int64 // of the keys and values that were put
	unfolded    error // why the tail could not be folded
	index       indexChanges
	told        []numberedChange // changes to put into their bucket
	keep        keptChanges      // how many changes are kept
	rollups     rollupChanges
	newest      ID                      // of all events
	inserted    int                     // events added to the tail so far
	pending     []*insertion            // those of them that are not in a bucket yet (addToTail)
	pendingByID map[ID]*insertion       // pending by ID; nil: not made yet
	touched     map[changedKey]struct{} // keys that were put or deleted; nil: not recorded

	// recordings has the events with a recording, of the tail and of those that this
	// transaction inserted. nil: not made yet.
	recordings map[recordingKey]ID
}

type recordingKey struct{ camera, recording string }

// An insertion is an event that is ready to be put.
type insertion struct {
	record
	created         bool   // the caller gave CreatedAt
	frame           []byte // to make a thumbnail of; nil: none
	saved           bool   // a thumbnail was made and saved
	there           bool   // it is already stored, and its result is filled in
	seq             uint64 // of the change that creates it; 0 if that is not in the tail
	event, detected []byte // the encoded records; detected is nil if there are no detections
}

func (in *insertion) encode() {
	in.detections = len(in.Detections)
	in.event = encodeEvent(&in.record)
	if in.detections > 0 {
		in.detected = encodeDetections(in.ID, in.Detections)
	}
}

func newWriteTx(tx *boltfile.Tx, names *interner, tail int) (*writeTx, error) {
	st, err := readState(tx)
	if err != nil {
		return nil, err
	}
	if err := st.isOf(tx.ID()-1, tx.Trust()); err != nil {
		return nil, err
	}
	st.unclean, st.txid = true, tx.ID()
	w := &writeTx{
		tx: tx, mem: arena{names: names}, state: st, tail: tail, rollups: make(rollupChanges),
	}
	if w.newest, err = w.newestID(); err != nil {
		w.newest = lastID // then every event is looked up, and a damaged key stops no write
	}
	w.newest = maxID(w.newest, w.through)
	return w, nil
}

// putKey and deleteKey change a stored bucket, and nothing else. All changes except
// those of meta go through them: a compaction misses changes that are not recorded
// here.
func (w *writeTx) putKey(bucket int, key, value []byte) error {
	w.touch(bucket, key)
	w.bytes += int64(len(key) + len(value))
	return w.tx.Put(bucket, key, value)
}

func (w *writeTx) deleteKey(bucket int, key []byte) error {
	w.touch(bucket, key)
	return w.tx.Delete(bucket, key)
}

// touch records that a key is put or deleted.
func (w *writeTx) touch(bucket int, key []byte) {
	if w.touched != nil {
		w.touched[changedKey{bucket, string(key)}] = struct{}{}
	}
}

// add puts a record under a key that is free.
func (w *writeTx) add(bucket int, key, rec []byte) error {
	w.changes++
	w.sums.add(bucket, key, recordSum(rec))
	return w.putKey(bucket, key, rec)
}

// put puts a record under a key, and replaces the old one if there is one.
func (w *writeTx) put(bucket int, key, rec []byte) error {
	w.forget(bucket, key)
	return w.add(bucket, key, rec)
}

// delete deletes the record under a key, if there is one.
func (w *writeTx) delete(bucket int, key []byte) error {
	w.forget(bucket, key)
	w.changes++
	return w.deleteKey(bucket, key)
}

// forget takes the record under a key out of the sums.
func (w *writeTx) forget(bucket int, key []byte) {
	if old := w.tx.Get(bucket, key); old != nil {
		w.sums.remove(bucket, key, recordSum(old))
	}
}

func (w *writeTx) folded(id ID) bool { return id.Compare(w.through) <= 0 }

// find returns the records of an event. They are nil if there is no such event.
func (w *writeTx) find(id ID) (event, detected []byte, err error) {
	if w.folded(id) {
		return w.tx.Get(eventsSum, id[:]), w.tx.Get(detectionsSum, id[:]), nil
	}
	if in := w.findPending(id); in != nil {
		return in.event, in.detected, nil
	}
	if entry := w.tx.Get(tailNumber, id[:]); entry != nil {
		return splitTail(entry)
	}
	return nil, nil, nil
}

// get returns an event with its detections, or ErrNotFound.
func (w *writeTx) get(id ID) (r record, err error) {
	rec, detected, err := w.find(id)
	if err != nil {
		return r, err
	}
	if rec == nil {
		return r, ErrNotFound
	}
	if err := decodeEvent(id[:], rec, &w.mem, &r); err != nil {
		return r, err
	}
	if r.detections == 0 {
		return r, nil
	}
	r.Detections, err = decodeDetections(id[:], detected, &w.mem, r.detections)
	return r, err
}

func (w *writeTx) findPending(id ID) *insertion {
	if w.pendingByID == nil && len(w.pending) > 0 {
		w.pendingByID = make(map[ID]*insertion)
		for _, in := range w.pending {
			w.pendingByID[in.ID] = in
		}
	}
	return w.pendingByID[id]
}

// newestID returns the ID of the newest event, or zero if there is none.
func newestID(tail, events boltfile.KeyCursor) (ID, error) {
	k, _ := tail.Last()
	if k == nil {
		k, _ = events.Last()
	}
	if k == nil {
		return ID{}, nil
	}
	return asID(k)
}

func (w *writeTx) newestID() (ID, error) {
	return newestID(w.tx.Cursor(tailNumber), w.tx.Cursor(eventsSum))
}

// written is the result of writing one event.
type written struct {
	Event   // as stored
	existed bool
}
