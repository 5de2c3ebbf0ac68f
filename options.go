package doorlog

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Options configure a store. The zero value works, and so does nil; a field
// that is not set takes the default that its comment names.
type Options struct {
	// ThumbnailDir is the folder of the thumbnails. It is made when the
	// first one is saved. Default: DefaultThumbnailDir, which is "thumbnails"
	// beside the database file. If the path of that is a symbolic link, it is
	// beside the file that the link leads to.
	ThumbnailDir string

	// ThumbnailEdge is the length in pixels of a thumbnail's longest edge.
	// Smaller frames are not enlarged. Default: 1280.
	ThumbnailEdge int

	// ReadOnly opens an existing store without the right to write: several
	// processes may do so at once while none has it open for writing.
	ReadOnly bool

	// LockTimeout is how long Open waits for another process to let go of
	// the file before it gives up with ErrLocked. Default: 1 s. Negative: it
	// does not wait.
	LockTimeout time.Duration

	// MaxSize bounds the database file, in bytes; a write that needs more is
	// refused with ErrFull. Thumbnails do not count. The last 1 MiB, or a
	// quarter if that is less, is a reserve for what makes room: Prune,
	// DeleteEvent, DeletePerson and ErasePerson work in a full store. They may
	// make the file longer than MaxSize, by a reserve, where it has none inside,
	// as when the bound is lower than the file that is there. On Windows there
	// is no reserve. Default: unbounded on 64-bit systems, 512 MiB on 32-bit
	// ones, whose address space a larger file does not fit.
	MaxSize int64

	// MinFree is how much space the file system of the database is to keep
	// free, in bytes. When it has less, new events and persons are refused
	// with ErrFull, and a write that would leave less by what the file grows
	// is, too. What makes room is not bound by it. Default: 1 MiB. Negative:
	// none. Windows is not asked for its free space.
	MinFree int64

	// Quarantine has Open set a damaged file aside, under the name of the file
	// and ".damaged-" with the time, and go on with a new one in its place,
	// into which it saves every record that verifies (Salvage). Other names of
	// the file (hard links) are names of the damaged one then. The account is
	// a line in Logger. Without it, a damaged file is ErrCorrupt, and left as
	// it is, as on Android, Solaris and AIX in any case. The disk needs as
	// much space again as the file takes.
	Quarantine bool

	// Scrub is how often a store that stays open compares every page of its file
	// with its checksum in the background, a quarter of the time at most. The first time
	// is right after Open, unless that has read all of it (see Open). Damage is a
	// line in Logger, shows in Stats, and every later call is ErrCorrupt.
	// Default: every 7 days. Negative: never.
	Scrub time.Duration

	// Retention, unless it is nil, has a store that stays open delete in the
	// background what the policy does not keep (Store.Prune), a little at a
	// time: first right after Open, and then every RetentionEvery, which is 1 h
	// by default. What it removes, and what stops it, is a line in Logger. It
	// must not be changed while the store is open. With ReadOnly it does nothing.
	Retention      *Policy
	RetentionEvery time.Duration

	// CompactAt has the store compact its file by itself (Store.Compact) when
	// this fraction of its pages is free, between 0 and 1, and they are 1 MiB
	// at least. It looks at Open and after every 64 transactions. If that
	// fails it is a line in Logger, and an hour passes until the next attempt.
	// Default: 0, never.
	CompactAt float64

	// Progress, if it is not nil, is told how far every long call is that takes these
	// Options, or is of a store that has them: Open of a file that it reads whole,
	// Verify, Repair, Salvage, Backup, Prune, ForgetMissing, Compact and ErasePerson,
	// also where Retention and CompactAt make them. It is called by the goroutine
	// that works, when something begins, a few times a second, after each
	// transaction of a Prune, and when it ends. It must return soon, must not close the
	// store, and may be called by several calls at once.
	Progress func(Progress)

	// MendDetections has every write mend the detections of its events
	// (Event.MendDetections), so that one that cannot be stored does not cost the
	// event. Each change is a line in Logger. By default the event is refused.
	MendDetections bool

	// MaxFutureSkew is how far ahead of the clock an event may lie. One
	// further ahead is refused, so that a device with a dead clock does not
	// sit on top of the order for ever. Default: 24 h.
	MaxFutureSkew time.Duration

	// Logger gets a line for what does not fail a call but should be known,
	// such as a frame that could not be read. Default: none.
	Logger *slog.Logger

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Entropy is the randomness of the IDs. Default: crypto/rand.
	Entropy io.Reader

	// OpenFile opens the database file. Default: os.OpenFile.
	OpenFile func(name string, flag int, perm os.FileMode) (*os.File, error)
}

const (
	defaultThumbnailEdge = 1280
	defaultLockTimeout   = time.Second
	defaultMaxFutureSkew = 24 * time.Hour
	defaultMinFree       = 1 << 20
	defaultScrub         = 7 * 24 * time.Hour
)

// DefaultThumbnailDir returns the folder of the thumbnails of the database at path
// when Options.ThumbnailDir does not name one. Neither needs to exist.
func DefaultThumbnailDir(path string) string {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if file, err := filepath.EvalSymlinks(path); err == nil {
			path = file
		}
	}
	folder, _ := filepath.Split(path)
	return folder + "thumbnails"
}

const defaultRetentionEvery = time.Hour
