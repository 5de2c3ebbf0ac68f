package doorlog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A Repaired is the account of a Repair.
type Repaired struct {
	// Before and After are what Verify finds.
	Before *Verification `json:"before"`
	After  *Verification `json:"after"`

	// Rebuilt says that the file was made anew from its records.
	Rebuilt bool `json:"rebuilt"`

	// Removed is how many thumbnails that belonged to no event were removed, and
	// HeldBack says why others were not, as after a Prune.
	Removed  int          `json:"removed"`
	HeldBack List[string] `json:"held_back"`
}

// Repair mends the store in the file at path as far as that loses nothing: a
// file whose events, detections and persons are all there is made anew from
// them, with new indexes and sums, and thumbnails that belong to no event are
// removed as by a Prune, whose caution holds here too. For the time of it the disk needs as much space again as the file
// takes. Nobody may have the file open (ErrLocked); on Android, Solaris and AIX,
// where that cannot be made sure of, a file is not made anew
// (errors.ErrUnsupported), and neither is one that has other names (ErrHardLinks).
//
// If a record is damaged or gone Repair changes nothing and returns ErrCorrupt,
// with Before; Salvage saves the others. Thumbnails that are missing or have
// changed are still so in After: nobody has them any more.
func Repair(ctx context.Context, path string, options *Options) (*Repaired, error) {
	result, err := repair(ctx, path, options)
	return result, failed("repair "+path, err)
}

func repair(ctx context.Context, path string, options *Options) (result *Repaired, err error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, err
	}
	opt.ReadOnly, opt.Scrub, opt.Retention, opt.CompactAt = false, -1, nil, 0
	result = new(Repaired)
	// A link stays, and the file to which it leads is replaced.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	before, x, err := verifyFile(ctx, path, &opt.Options)
	if err != nil {
		return nil, err
	}
	result.Before = before
	if result.Rebuilt = x.inFile() > 0; result.Rebuilt {
		if err := rebuild(ctx, path, &opt); err != nil {
			result.Rebuilt = false
			return result, err
		}
	}
	gone, err := removeOrphans(ctx, path, &opt)
	if gone != nil {
		result.Removed, result.HeldBack = gone.Orphans, gone.HeldBack
	}
	if err != nil {
		return result, err
	}
	result.After, _, err = verifyFile(ctx, path, &opt.Options)
	return result, err
}

// rebuild puts a file that is made anew from the records of the old one in its
// place, if none of them is lost.
func rebuild(ctx context.Context, path string, opt *settings) (err error) {
	how := opt.opening()
	f, err := fsx.OpenToReplace(path, &how)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fsx.RemoveLeftovers(path) // the name that a creation gave the file first may be there still
	if err := fsx.HasOneName(f.File); err != nil {
		return err
	}
	errLost := errors.New("records are lost")
	put := func(temp, path string) error {
		if err := f.Like(temp); err != nil {
			return err
		}
		return f.Replace(temp, path)
	}
	_, x, err := copyRecords(ctx, f.File, path, put, opt, func(s *Salvaged) error {
		if !s.Complete { // the numbers alone do not tell a record of before
			return fmt.Errorf("%w: %d events, %d detections and %d persons of it cannot be read, "+
				"or others are not the newest: salvage them", errLost, s.LostEvents, s.LostDetections, s.LostPersons)
		}
		return nil
	})
	if errors.Is(err, errLost) {
		return fmt.Errorf("%w; %w", x.err(), err)
	}
	return err
}

// removeOrphans removes the thumbnails that belong to no event, as a Prune does.
func removeOrphans(ctx context.Context, path string, opt *settings) (gone *Pruned, err error) {
	s, err := openStore(path, opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.prune(ctx, &Policy{}, false)
}
