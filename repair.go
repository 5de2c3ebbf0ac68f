package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Repaired is the account of a Repair.
type Repaired struct {
	// Before and After are what Verify finds.
	Before *Verification `json:"before"`
	After  *Verification `json:"after"`

	// Rebuilt says that the file was made anew from its records.
	Rebuilt bool `json:"rebuilt"`

	// Removed is how many thumbnails that belonged to no event were removed.
	Removed int `json:"removed"`
}

// Repair mends the store in the file at path as far as that loses nothing: a
// file whose events, detections and persons are all there is made anew from
// them, with new indexes and sums, and thumbnails that belong to no event are
// removed. For the time of it the disk needs as much space again as the file
// takes. Nobody may have the file open (ErrLocked).
//
// If a record is damaged or gone Repair changes nothing and returns ErrCorrupt;
// Salvage saves the others. Thumbnails that are missing or have changed are
// still so in After: nobody has them any more.
func Repair(ctx context.Context, path string, options *Options) (*Repaired, error) {
	result, err := repair(ctx, path, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: repair %s: %w", path, err)
	}
	return result, nil
}

func repair(ctx context.Context, path string, options *Options) (result *Repaired, err error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, err
	}
	opt.ReadOnly = false
	result = new(Repaired)
	if result.Before, err = verifyFile(ctx, path, &opt); err != nil {
		return nil, err
	}
	if mendable(result.Before) {
		result.Rebuilt = true
		err = rebuild(ctx, path, &opt)
	}
	if err == nil && result.Before.Orphaned > 0 || result.Rebuilt {
		result.Removed, err = removeOrphans(ctx, path, &opt)
	}
	if err == nil {
		result.After, err = verifyFile(ctx, path, &opt)
	}
	return result, err
}

// mendable reports whether something is wrong that is not just a thumbnail.
func mendable(v *Verification) bool {
	thumbnails := 0
	for _, f := range v.Findings {
		if f.Invariant == thumbnailInvariant {
			thumbnails++
		}
	}
	return v.Found > thumbnails
}

// rebuild puts a file that is made anew from the records of the old one in its
// place, if none of them is lost.
func rebuild(ctx context.Context, path string, opt *Options) (err error) {
	f, err := openLocked(path, os.O_RDWR, filePerm, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	errLost := errors.New("records are lost")
	_, x, err := copyRecords(ctx, f, path, os.Rename, opt, func(s *Salvaged) error {
		if !s.exact { // the numbers alone do not tell a record of before
			return fmt.Errorf("%w: %d events, %d records of detections and %d persons of it cannot be read, "+
				"or others are not the newest: salvage them", errLost, s.LostEvents, s.LostDetections, s.LostPersons)
		}
		return nil
	})
	if errors.Is(err, errLost) {
		return fmt.Errorf("%w; %w", x.err(), err)
	}
	return err
}

// removeOrphans removes the thumbnails that belong to no event.
func removeOrphans(ctx context.Context, path string, opt *Options) (n int, err error) {
	s, err := openStore(path, opt)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sn, err := s.snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	err = sn.overOrphans(time.Time{}, func(name string) error {
		n++
		return s.thumbs.remove(name)
	})
	return n, err
}

// quarantine sets a damaged file aside, under a name that says so, and puts what
// can be salvaged of it in its place. Until then the file is where it was.
func quarantine(path string, cause error, opt *Options) (err error) {
	f, err := openLocked(path, os.O_RDWR, filePerm, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	aside := path + ".damaged-" + opt.Now().UTC().Format("20060102T150405.000000000Z")
	put := func(temp, path string) error {
		if err := os.Link(path, aside); err != nil {
			return fmt.Errorf("set it aside: %w", err)
		}
		if err := syncFolder(filepath.Dir(path)); err != nil {
			return err
		}
		return os.Rename(temp, path)
	}
	result, _, err := copyRecords(context.Background(), f, path, put, opt, nil)
	if err != nil {
		return err
	}
	opt.Logger.Error("doorlog: a damaged file was set aside, and what verifies saved from it", "file", path, "aside", aside,
		"error", cause, "events", result.Events, "lost_events", result.LostEvents, "stripped", result.Stripped,
		"unsure", result.Unsure, "lost_persons", result.LostPersons)
	return nil
}
