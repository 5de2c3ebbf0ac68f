package main

import (
	"bytes"
	"errors"

	"github.com/dgraph-io/badger/v4"
)

// badgerKV is Badger with synced writes and one version of each key.
type badgerKV struct{ db *badger.DB }

func openBadger(dir string) (engine, error) {
	db, err := badger.Open(badger.DefaultOptions(dir).WithSyncWrites(true).WithNumVersionsToKeep(1).WithLogger(nil))
	if err != nil {
		return nil, err
	}
	return &kvEngine{&badgerKV{db}}, nil
}

// load goes through a WriteBatch, which Badger has for many writes.
func (b *badgerKV) load(pairs []pair) error {
	batch := b.db.NewWriteBatch()
	defer batch.Cancel()
	for _, p := range pairs {
		if err := batch.Set(p.key, p.value); err != nil {
			return err
		}
	}
	return batch.Flush()
}

func (b *badgerKV) write(pairs []pair) error {
	return b.db.Update(func(tx *badger.Txn) error {
		for _, p := range pairs {
			if err := tx.Set(p.key, p.value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *badgerKV) view(fn func(kvReader) error) error {
	return b.db.View(func(tx *badger.Txn) error { return fn(badgerReader{tx}) })
}

func (b *badgerKV) settle() error { return nil }
func (b *badgerKV) close() error  { return b.db.Close() }

type badgerReader struct{ tx *badger.Txn }

func (r badgerReader) get(key []byte) (value []byte, err error) {
	item, err := r.tx.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, errMissing
	}
	if err != nil {
		return nil, err
	}
	// Valid until the end of the transaction, inside of which it is decoded.
	err = item.Value(func(v []byte) error { value = v; return nil })
	return value, err
}

func (r badgerReader) scan(low, high []byte, newestFirst, keysOnly bool, fn func(key, value []byte) (bool, error)) error {
	opt := badger.DefaultIteratorOptions
	opt.Reverse, opt.PrefetchValues = newestFirst, !keysOnly
	opt.PrefetchSize = pageLimit
	it := r.tx.NewIterator(opt)
	defer it.Close()
	if newestFirst {
		it.Seek(high) // the last key at or before it
		if it.Valid() && bytes.Equal(it.Item().Key(), high) {
			it.Next()
		}
	} else {
		it.Seek(low)
	}
	for ; it.Valid(); it.Next() {
		key := it.Item().Key()
		if newestFirst && bytes.Compare(key, low) < 0 || !newestFirst && bytes.Compare(key, high) >= 0 {
			return nil
		}
		var value []byte
		if !keysOnly {
			if err := it.Item().Value(func(v []byte) error { value = v; return nil }); err != nil {
				return err
			}
		}
		if more, err := fn(key, value); err != nil || !more {
			return err
		}
	}
	return nil
}
