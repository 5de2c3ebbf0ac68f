package doorlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// diskOf returns the free and the total bytes of the disk of a folder. If the folder
// does not exist, it takes the nearest existing folder above it.
func diskOf(dir string) (free, total int64, err error) {
	for {
		if free, total, err = fsx.SpaceAt(dir); !errors.Is(err, os.ErrNotExist) {
			return free, total, err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0, 0, err
		}
		dir = above
	}
}

// settings are Options with every field set, and values that callers cannot set.
type settings struct {
	Options
	knobs

	examined bool  // the file has been examined and found sound
	becomes  int64 // how large the file is going to be, in bytes; 0: not known
}

// knobs are settings for tests, to reach rare cases with small stores.
type knobs struct {
	boot func() boot                                     // thisBoot
	disk func(dir string) (free, total int64, err error) // diskOf

	leastMap   int64          // boltfile.Options.LeastMap
	wholeBelow int64          // a file of fewer bytes is read whole whenever it is opened: that takes no time
	trust      boltfile.Trust // boltfile.Options.Trust

	copiedBytes int // bytes of entries that a compaction copies from one snapshot
	manyChanges int // changed keys that it records before it catches up with them

	backupPiece      int           // bytes that a backup reads, hashes and writes at once
	spoolPieces      int           // pieces of the database that it keeps in memory
	snapshotPatience time.Duration // how long it may wait for its receiver while it has a snapshot open
}

// defaults are the knobs of all stores. A test may replace them.
var defaults = knobs{
	boot: thisBoot, disk: diskOf, leastMap: 1 << 30, wholeBelow: 1 << 20,
	copiedBytes: 4 << 20, manyChanges: 1 << 16,
	backupPiece: 256 << 10, spoolPieces: 32, snapshotPatience: time.Second,
}

// ofFile returns the options of the file.
func (o *settings) ofFile() *boltfile.Options {
	return &boltfile.Options{
		Opening: o.opening(), Names: buckets, MaxSize: o.MaxSize, LeastMap: o.leastMap, Becomes: o.becomes, Trust: o.trust,
	}
}

// keptChanges returns which changes the transactions of a store leave in it.
func (o *settings) keptChanges(c *clock) keptChanges {
	return keptChanges{
		number: uint64(o.KeepChanges), age: o.KeepChangesFor,
		now: func() time.Time { return c.read().believed },
	}
}

// opening returns how files are opened.
func (o *settings) opening() fsx.Opening {
	return fsx.Opening{Open: o.OpenFile, ReadOnly: o.ReadOnly, Timeout: o.LockTimeout}
}

// withDefaults returns settings in which every field is set. o may be nil.
func (o *Options) withDefaults(path string) (settings, error) {
	opt := settings{knobs: defaults}
	if o != nil {
		opt.Options = *o
	}
	if opt.ThumbnailDir == "" {
		opt.ThumbnailDir = DefaultThumbnailDir(path)
	}
	switch {
	case opt.ThumbnailEdge < 0:
		return opt, invalid("Options.ThumbnailEdge", "%d is negative", opt.ThumbnailEdge)
	case opt.ThumbnailEdge == 0:
		opt.ThumbnailEdge = defaultThumbnailEdge
	}
	switch {
	case opt.LockTimeout == 0:
		opt.LockTimeout = defaultLockTimeout
	case opt.LockTimeout < 0:
		opt.LockTimeout = 1 // bolt takes 0 for "for ever"; it tries once in 1 ns
	}
	switch {
	case opt.MaxSize < 0:
		return opt, invalid("Options.MaxSize", "%d is negative", opt.MaxSize)
	case opt.MaxSize > math.MaxInt:
		return opt, invalid("Options.MaxSize", "%d bytes cannot be addressed on this machine", opt.MaxSize)
	case opt.MaxSize == 0 && math.MaxInt == math.MaxInt32:
		opt.MaxSize = boltfile.MaxSize32Bit
	}
	if opt.Scrub == 0 {
		opt.Scrub = defaultScrub
	}
	if opt.MinFree == 0 {
		opt.MinFree = defaultMinFree
	}
	if !(opt.CompactAt >= 0 && opt.CompactAt < 1) { // also NaN
		return opt, invalid("Options.CompactAt", "%v is not a fraction", opt.CompactAt)
	}
	switch {
	case opt.MaxFutureSkew < 0:
		return opt, invalid("Options.MaxFutureSkew", "%v is negative", opt.MaxFutureSkew)
	case opt.MaxFutureSkew == 0:
		opt.MaxFutureSkew = defaultMaxFutureSkew
	}
	if err := opt.keepDefaults(); err != nil {
		return opt, err
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Progress = carefulHook(opt.Progress, opt.Logger)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Entropy == nil {
		opt.Entropy = rand.Reader
	}
	if opt.OpenFile == nil {
		opt.OpenFile = os.OpenFile
	}
	return opt, nil
}

// keepDefaults sets what is kept: how many changes and for how long, and when retention runs.
func (o *settings) keepDefaults() error {
	if o.Retention != nil {
		if err := o.Retention.validate(); err != nil {
			return fmt.Errorf("Options.Retention: %w", err)
		}
	}
	switch {
	case o.RetentionEvery < 0:
		return invalid("Options.RetentionEvery", "%v is negative", o.RetentionEvery)
	case o.RetentionEvery == 0:
		o.RetentionEvery = defaultRetentionEvery
	}
	switch {
	case o.KeepChanges < 0:
		return invalid("Options.KeepChanges", "%d is negative", o.KeepChanges)
	case o.KeepChanges == 0:
		o.KeepChanges = defaultKeepChanges
	}
	switch {
	case o.KeepChangesFor < 0:
		return invalid("Options.KeepChangesFor", "%v is negative", o.KeepChangesFor)
	case o.KeepChangesFor == 0:
		o.KeepChangesFor = defaultKeepChangesFor
	}
	return nil
}

// tellOf returns what a call with this context reports to: the hook of the context, the one of the
// options, both, or nil for neither.
func (o *settings) tellOf(ctx context.Context) func(Progress) {
	tell := carefulHook(ProgressOf(ctx), o.Logger)
	switch {
	case tell == nil:
		return o.Progress
	case o.Progress == nil:
		return tell
	}
	return func(p Progress) {
		o.Progress(p)
		tell(p)
	}
}
