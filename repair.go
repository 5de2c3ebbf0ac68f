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
	// Before and After are what Verify found before and after the repair.
	Before *Verification `json:"before"`
	After  *Verification `json:"after"`

	// Rebuilt says that the file was built anew from its records.
	Rebuilt bool `json:"rebuilt"`

	// Removed is how many thumbnails that belonged to no event were removed. HeldBack
	// says why others were not (see [Pruned.HeldBack]).
	Removed  int          `json:"removed"`
	HeldBack List[string] `json:"held_back"`
}

// Repair mends the store in the file at path as far as that loses nothing. If all
// events, detections and persons are there, it builds the file anew from them, with new
// indexes and sums. It also removes thumbnails that belong to no event, as carefully as
// [Store.Prune] does. The disk needs as much free space as the file takes. Nobody may
// have the file open ([ErrLocked]). A file that has other names is not rebuilt
// ([ErrHardLinks]). On Android, Solaris and AIX no file is rebuilt
// ([errors.ErrUnsupported]), because it cannot be made sure there that nobody has it
// open.
//
// If a record is damaged or gone, Repair changes nothing and returns [ErrCorrupt], with
// Before set; [Salvage] saves the other records. Thumbnails that are missing or have
// changed stay so: nobody has the originals any more.
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
	// A symbolic link stays, and the file that it leads to is replaced.
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

// rebuild builds a file anew from the records of the old one and puts it in the old
// one's place, if no record is lost.
func rebuild(ctx context.Context, path string, opt *settings) (err error) {
	how := opt.opening()
	f, err := fsx.OpenToReplace(path, &how)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	fsx.RemoveLeftovers(path) // a creation that was cut short may have left a second name
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
		if !s.Complete { // equal numbers are not enough: a record may be an older version
			return fmt.Errorf("%w: %d events, %d detections and %d persons cannot be read, "+
				"or others are older versions: Salvage saves what is left", errLost, s.LostEvents, s.LostDetections, s.LostPersons)
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
