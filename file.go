package doorlog

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// openFile opens the existing bolt file of a store. The file is examined before bolt maps it
// (examine.go).
func openFile(path string, opt *settings) (*boltfile.File, error) {
	if err := fsx.CheckFile(path); err != nil {
		return nil, err
	}
	how := opt.ofFile()
	if !opt.examined {
		how.Examine = opt.examine
	}
	f, err := boltfile.Open(path, how)
	if err != nil {
		return nil, err
	}
	r, err := f.Read()
	if err == nil {
		err = r.Look(checkSchema)
		r.End()
	}
	if errors.Is(err, ErrOlderSchema) && !opt.ReadOnly {
		if err = upgrade(f, &idSource{entropy: opt.Entropy}, opt.Now()); err != nil {
			err = fmt.Errorf("upgrade to schema %d: %w", schemaVersion, err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// createFile creates a new, empty store at path. If several processes do so at the same time,
// one creates the store, and the others find it there.
func createFile(path string, opt *settings) error {
	ids := idSource{entropy: opt.Entropy}
	storeID, err := ids.next(opt.Now())
	if err != nil {
		return err
	}
	err = fsx.BuildBeside(path, fsx.PutInPlace, func(temp string) error {
		if err := buildFile(temp, storeID, storeID, opt); err != nil {
			return err
		}
		f, err := openFile(temp, opt) // a file that cannot be opened must not get the name
		if err != nil {
			return err
		}
		return f.Close()
	})
	// Another process has created the store. Its Open may have removed the temporary file
	// of this one.
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) && fsx.IsThere(path) {
		err = nil
	}
	return err
}

// buildFile creates a bolt file with the buckets of a store.
func buildFile(path string, storeID, incarnation ID, opt *settings) error {
	return boltfile.Create(path, opt.ofFile(), func(tx *boltfile.Tx) error { return createSchema(tx, storeID, incarnation) })
}

// upgradeFile upgrades a file that nobody has open, as [Open] would.
func upgradeFile(path string) error {
	opt, err := (&Options{}).withDefaults(path)
	if err != nil {
		return err
	}
	f, err := openFile(path, &opt)
	if err != nil {
		return err
	}
	return f.Close()
}
