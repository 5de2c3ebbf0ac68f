package boltfile

import (
	"errors"
	"os"

	"github.com/doorlog/doorlog/internal/fsx"
	bolt "go.etcd.io/bbolt"
)

// Create creates a file at path with all buckets and calls fill to fill them. When Create
// returns, the content of the file is durable, but its name may not be.
func Create(path string, opt *Options, fill func(*Tx) error) error {
	db, err := bolt.Open(path, fsx.FilePerm, &bolt.Options{
		Timeout: opt.Timeout, FreelistType: bolt.FreelistArrayType, NoStatistics: true,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			return fsx.OpenLocked(name, flag, perm, &opt.Opening) // its errors are clearer than those of bolt
		},
	})
	if err != nil {
		return boltOpenError(err)
	}
	f := &File{names: opt.Names}
	err = db.Update(func(tx *bolt.Tx) error {
		t := f.txOf(tx)
		for i := range f.names {
			if err := t.MakeBucket(i); err != nil {
				return err
			}
		}
		return fill(t)
	})
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}
