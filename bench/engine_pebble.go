package main

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleKV is Pebble with synced commits.
type pebbleKV struct{ db *pebble.DB }

func openPebble(dir string) (engine, error) {
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	return &kvEngine{&pebbleKV{db}}, nil
}

// quiet drops what Pebble tells about its work; Fatalf it may not survive.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { pebble.DefaultLogger.Fatalf(format, args...) }

func (p *pebbleKV) load(pairs []pair) error { return p.write(pairs) }

func (p *pebbleKV) write(pairs []pair) (err error) {
	batch := p.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	for _, kv := range pairs {
		if err := batch.Set(kv.key, kv.value, nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

func (p *pebbleKV) view(fn func(kvReader) error) (err error) {
	sn := p.db.NewSnapshot()
	defer func() { err = errors.Join(err, sn.Close()) }()
	return fn(&pebbleReader{sn: sn})
}

func (p *pebbleKV) settle() error { return nil }
func (p *pebbleKV) close() error  { return p.db.Close() }

type pebbleReader struct {
	sn    *pebble.Snapshot
	value []byte
}

func (r *pebbleReader) get(key []byte) ([]byte, error) {
	value, closer, err := r.sn.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errMissing
	}
	if err != nil {
		return nil, err
	}
	r.value = append(r.value[:0], value...)
	return r.value, closer.Close()
}

func (r *pebbleReader) scan(low, high []byte, newestFirst, _ bool, fn func(key, value []byte) (bool, error)) (err error) {
	it, err := r.sn.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	first, next := it.First, it.Next
	if newestFirst {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() { // values are read when they are asked for
		if more, err := fn(it.Key(), it.Value()); err != nil || !more {
			return err
		}
	}
	return it.Error()
}
