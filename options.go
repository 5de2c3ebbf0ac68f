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
	// ThumbnailDir is the thumbnail folder. It is created when the first thumbnail is
	// saved. Default: DefaultThumbnailDir, which is "thumbnails" beside the database
	// file. If the path of the database is a symbolic link, it is beside the link's
	// target.
	ThumbnailDir string

	// ThumbnailEdge is the length in pixels of a thumbnail's longest edge.
	// Smaller frames are not enlarged. Default: 1280.
	ThumbnailEdge int

	// ReadOnly opens an existing store for reading only. Several processes may do so at
	// once, but not while one has the store open for writing.
	ReadOnly bool

	// LockTimeout is how long Open waits for another process to close the file before
	// it returns ErrLocked. Default: 1 s. Negative: Open does not wait.
	LockTimeout time.Duration

	// MaxSize bounds the database file, in bytes. A write that needs more is refused with
	// ErrFull. Thumbnails do not count. The last 1 MiB, or the last quarter if that is
	// less, is a reserve for writes that make room: Prune, DeleteEvent, DeletePerson and
	// ErasePerson work in a full store. If the reserve does not fit below MaxSize, for
	// example because the file is larger already, these writes may make the file larger
	// than MaxSize by the reserve. Windows has no reserve. Default: no bound on 64-bit
	// systems; 512 MiB on 32-bit systems, whose address space is too small for more.
	MaxSize int64

	// MinFree is the free space, in bytes, that the file system of the database is to
	// keep. If it has less, or a write would make the file grow so much that it had less,
	// new events and persons are refused with ErrFull. Writes that make room are not
	// bound by it. Default: 1 MiB. Negative: none. It has no effect on Windows.
	MinFree int64

	// Quarantine makes Open replace a damaged file. Open renames the damaged file to its
	// name with ".damaged-" and the time, makes a new file, and saves every record that
	// verifies into it (Salvage). Hard links of the file stay names of the damaged one.
	// The account is a line in Logger. The disk needs as much free space as the file has
	// bytes. Without Quarantine, Open returns ErrCorrupt and leaves a damaged file as it
	// is; on Android, Solaris and AIX it always does.
	Quarantine bool

	// Scrub is the interval at which an open store compares every page of its file with
	// its checksum. It does so in the background and works at most a quarter of the time.
	// The first scrub is right after Open, unless Open has read the whole file. Damage is
	// a line in Logger and shows in Stats, and every later call returns ErrCorrupt.
	// Default: 7 days. Negative: never.
	Scrub time.Duration

	// Retention, if not nil, is the policy by which an open store deletes in the
	// background (Store.Prune), a little at a time. It does so right after Open and then
	// every RetentionEvery; the default of that is 1 h. What it removes, and what stops
	// it, is a line in Logger. The policy must not be changed while the store is open.
	// With ReadOnly, Retention has no effect.
	Retention      *Policy
	RetentionEvery time.Duration

	// CompactAt makes the store compact its file by itself (Store.Compact) when at least
	// this fraction of its pages, between 0 and 1, is free, and at least 1 MiB. The store
	// checks that at Open and after every 64 transactions. If a compaction fails, that is
	// a line in Logger, and the store waits an hour before the next attempt. Default: 0,
	// which means never.
	CompactAt float64

	// KeepChanges is how many changes are kept for readers of Store.Changes, and
	// KeepChangesFor how long. Changes beyond either are removed by writes, the oldest first
	// and up to 64 at a time; so somewhat more can be kept. A reader that comes too late gets ErrGone. A Consumer can
	// have more kept for it. Default: 1,000,000 changes, which take about 25 MB, and 30
	// days.
	KeepChanges    int
	KeepChangesFor time.Duration

	// Progress, if not nil, is called with the progress of long calls that take these
	// Options or belong to a store that has them: Open if it reads the whole file, Verify,
	// Repair, Salvage, Backup, Prune, ForgetMissing, Compact and ErasePerson, also if
	// Retention or CompactAt starts them. The goroutine that works calls it at the
	// beginning of each step, a few times a second, after each transaction of a Prune, and
	// at the end. Progress must return soon, and must not use the store: a call of it could
	// wait for the one that reports. If it panics, that is a line in Logger, and it is not
	// called again. Several calls may call it at once.
	Progress func(Progress)

	// MendDetections makes every write mend the detections of its events
	// (Event.MendDetections), so that an event is stored even if one of its detections
	// cannot be. Each change is a line in Logger. By default such an event is refused.
	MendDetections bool

	// MaxFutureSkew is how far ahead of the clock an event may lie. An event further
	// ahead is refused: otherwise the events of a device with a wrong clock would be the
	// newest for years. Default: 24 h.
	MaxFutureSkew time.Duration

	// Logger gets a line for whatever does not fail a call but should be known, such as a
	// frame that could not be read. Default: none.
	Logger *slog.Logger

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Entropy is the source of randomness for IDs. Default: crypto/rand.
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

	defaultKeepChanges    = 1_000_000
	defaultKeepChangesFor = 30 * 24 * time.Hour
)

// DefaultThumbnailDir returns the thumbnail folder of the database at path, for an empty
// Options.ThumbnailDir. Neither the database nor the folder need exist.
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
