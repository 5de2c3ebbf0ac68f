package doorlog

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// The buckets of the bolt file, and the keys in them:
//
//	meta         name                   → value              (below)
//	events       ID                     → event record       (codec.go)
//	detections   ID of the event        → detections record; no key where there are none
//	tail         ID                     → both records of a new event (tail.go)
//	persons      name                   → person record
//	rollups      camera 0x00 day        → sums of the day (rollup.go)
//	by_camera    camera       0x00 ID   → more IDs (postings.go)
//	by_person    person       0x00 ID   → more IDs; a stranger has the empty name
//	by_label     label        0x00 ID   → more IDs; once per label and event
//	by_type      type         0x00 ID   → more IDs
//	by_door      door action  0x00 ID   → more IDs; only where the door did something
//	by_recording recording    0x00 ID   → more IDs; only where there is one
//	by_thumbnail path         0x00 ID   → more IDs; only where the file is not named by the ID
//
// An ID is 16 bytes (id.go). Values are UTF-8 without NUL, so that the first
// 0x00 ends the value, and all keys of one value stand together in the order
// of the IDs: a posting list.
var (
	metaBucket       = []byte("meta")
	eventsBucket     = []byte("events")
	detectionsBucket = []byte("detections")
	personsBucket    = []byte("persons")
	rollupsBucket    = []byte("rollups")
)

// The keys of meta, and their values.
var (
	metaFormat = []byte("format") // formatName
	metaSchema = []byte("schema") // schemaVersion, 4 bytes, big-endian
	metaState  = []byte("state")  // state.go

	metaLastBackup = []byte("last_backup") // lastbackup.go; may be absent
	metaRemoving   = []byte("removing")    // removing.go; may be absent
	metaLineage    = []byte("lineage")     // lineage.go; may be absent
	metaClock      = []byte("clock")       // clock.go; may be absent
	metaVain       = []byte("vain")        // keepfree.go; may be absent
	metaHeldBack   = []byte("held_back")   // heldback.go; may be absent
)

const (
	formatName = "doorlog"

	// schemaVersion is what this version writes. Open upgrades from the others
	// (boltFile.upgrade). Schema 2 had no txid in the state, and a list of the free pages
	// with every commit. Schema 1 had no bucket for the tail, either. Its indexes had a
	// key for each ID, which stays: it is a block of one (postings.go).
	schemaVersion = 3
	tailInSchema  = 2 // the first schema that has it
	oldestSchema  = 1
)

// createSchema fills meta of a new store.
func createSchema(tx *boltfile.Tx, storeID, incarnation ID) error {
	for _, kv := range [...]struct{ key, value []byte }{
		{metaFormat, []byte(formatName)},
		{metaSchema, binary.BigEndian.AppendUint32(nil, schemaVersion)},
		{metaState, (&state{schema: schemaVersion, storeID: storeID, txid: tx.ID()}).encode()},
		{metaLineage, (&lineage{incarnation: incarnation}).encode()},
	} {
		if err := tx.Put(metaNumber, kv.key, kv.value); err != nil {
			return fmt.Errorf("meta %s: %w", kv.key, err)
		}
	}
	return nil
}

// checkSchema reports whether the file is a doorlog store that this version can
// use. ErrOlderSchema: it can when it has been upgraded.
func checkSchema(v *boltfile.View) error {
	if !v.Has(metaNumber) {
		return ErrNotStore
	}
	schemaRecord := v.Get(metaNumber, metaSchema)
	if err := identify(v.Get(metaNumber, metaFormat), schemaRecord, v.Get(metaNumber, metaState)); err != nil {
		return err
	}
	schema := binary.BigEndian.Uint32(schemaRecord)
	for i := range stored {
		if (i != tailNumber || schema >= tailInSchema) && !v.Has(i) {
			return fmt.Errorf("%w: bucket %q is missing", ErrCorrupt, stored[i])
		}
	}
	if schema < schemaVersion {
		return ErrOlderSchema
	}
	return nil
}

// identify says whether these values of meta are those of a store of a version
// that is known.
func identify(format, schema, rec []byte) error {
	if string(format) != formatName {
		if _, err := decodeState(rec); err == nil {
			return fmt.Errorf("%w: meta format is %q", ErrCorrupt, boltfile.Shortened(format))
		}
		return ErrNotStore
	}
	if len(schema) != 4 {
		return fmt.Errorf("%w: meta schema has %d bytes", ErrCorrupt, len(schema))
	}
	st, err := decodeState(rec)
	switch v := binary.BigEndian.Uint32(schema); {
	case v > schemaVersion && (err != nil || st.schema == v):
		return fmt.Errorf("%w: schema %d; this one knows up to %d", ErrNewerSchema, v, schemaVersion)
	case v < oldestSchema || v > schemaVersion || err == nil && st.schema != v:
		return fmt.Errorf("%w: meta schema is %d", ErrCorrupt, v)
	}
	return err
}

// asID copies a key that must be an ID.
func asID(b []byte) (ID, error) {
	if len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("%w: an ID has %d bytes", ErrCorrupt, len(b))
	}
	return ID(b), nil
}

// keyText shows a key, which may be an ID, to people.
func keyText(key []byte) string {
	if id, err := asID(key); err == nil {
		return id.String()
	}
	if utf8.Valid(key) {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%x", key)
}

// lastBefore is the key just before id, which is not zero.
func lastBefore(id ID) ID {
	lo := binary.BigEndian.Uint64(id[8:])
	hi := binary.BigEndian.Uint64(id[:8])
	if lo == 0 {
		hi--
	}
	binary.BigEndian.PutUint64(id[8:], lo-1)
	binary.BigEndian.PutUint64(id[:8], hi)
	return id
}

// firstAfter is the key just after id.
func firstAfter(id ID) ID {
	lo := binary.BigEndian.Uint64(id[8:])
	hi := binary.BigEndian.Uint64(id[:8])
	if lo++; lo == 0 && hi != math.MaxUint64 {
		hi++
	}
	binary.BigEndian.PutUint64(id[8:], lo)
	binary.BigEndian.PutUint64(id[:8], hi)
	return id
}
