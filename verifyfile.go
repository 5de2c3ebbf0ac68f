package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// Verify reads the whole store in the file at path, and its thumbnails, and returns
// what is wrong with it: damaged pages and records, lost entries, indexes and sums that
// do not agree with the events, and thumbnails that are missing, have changed, lie
// behind a symbolic link, or belong to no event. It changes nothing.
//
// The file may be damaged in any way. It must not be open for writing ([ErrLocked]);
// for a store that is open use [Store.Verify]. An error says why the file could not be
// verified. What is wrong with the file is in the Verification, not in the error.
func Verify(ctx context.Context, path string, options *Options) (*Verification, error) {
	v, _, err := verifyFile(ctx, path, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: verify %s: %w", path, err)
	}
	return v, nil
}

// verifyFile is Verify, and also returns the examination of the file.
func verifyFile(ctx context.Context, path string, options *Options) (v *Verification, x *examination, err error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, nil, err
	}
	opt.ReadOnly, opt.Scrub = true, -1
	if err := fsx.CheckFile(path); err != nil {
		return nil, nil, err
	}
	how := opt.opening()
	f, err := fsx.OpenLocked(path, os.O_RDONLY, fsx.FilePerm, &how)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	x = &examination{trust: opt.trust, progress: tellBytes(opt.Progress, "verifying")}
	if err := x.examineFile(ctx, f); err != nil {
		return nil, nil, err
	}
	if x.broken() {
		return x.verification(), x, nil
	}
	opt.examined = true
	s, err := openStore(path, &opt)
	if errors.Is(err, ErrCorrupt) {
		x.report(InvariantMeta, "%v", err)
		return x.verification(), x, nil
	}
	if errors.Is(err, ErrOlderSchema) && x.all > 0 { // Open would not upgrade it
		return x.verification(), x, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = sn.compare(x)
	sn.close()
	if err != nil {
		return nil, nil, err
	}
	v, err = s.verifyRest(ctx, x, time.Time{})
	return v, x, err
}
