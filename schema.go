package doorlog

import (
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
)

const formatName = "doorlog"

// schemaVersion is the schema that this version writes. Open upgrades older ones
// (upgrade.go). Schema 3 had no changes, consumers and index of attributes. Schema 2 had no txid in the state, and wrote a list of the free
// pages with every commit. Schema 1 had no bucket for the tail either, and its
// indexes had one key for each ID. Those keys stay: each is a block of one ID
// (postingblock.go).
const (
	schemaVersion = 4
	tailInSchema  = 2 // the first one with the bucket tail
	oldestSchema  = 1
)

// createSchema fills the bucket meta of a new store.
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

// checkSchema returns nil if the file is a doorlog store that this version can use.
// ErrOlderSchema: it must be upgraded first.
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
		if schema >= firstSchema(i) && !v.Has(i) {
			return fmt.Errorf("%w: bucket %q is missing", ErrCorrupt, stored[i])
		}
	}
	if schema < schemaVersion {
		return ErrOlderSchema
	}
	return nil
}

// firstSchema returns the first schema that has a stored bucket.
func firstSchema(bucket int) uint32 {
	switch bucket {
	case changesSum, consumersSum, indexSums + byAttribute:
		return changesInSchema
	case tailNumber:
		return tailInSchema
	}
	return oldestSchema
}

// identify checks that these values of meta are those of a store of a known schema.
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
