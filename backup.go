package doorlog

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/internal/archive"
	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A backup is a tar archive, which any tar takes apart, of these entries in this
// order:
//
//	manifest.json      what it is a backup of: a manifest, as JSON
//	events.db          the database
//	thumbnails/<path>  each file that an event names, as its event says that it is,
//	changed/<path>     or with other content than its event says,
//	missing/<path>     or, without content, one that could not be read
//	end.json           the CRC of all that is before it, and how many files there are
//
// The files are in the order of the events that name them (overNamedFiles), so that
// who has the database knows which file comes next. After the end there is nothing
// but the zeros of tar.

const (
	backupVersion = 1
)

const (
	manifestEntry = "manifest.json"
)

const (
	databaseEntry = "events.db"
)

const (
	endEntry = "end.json"
)

const (
	thumbnailsFolder = "thumbnails"
)

const (
	changedFolder = "changed"
)

const (
	missingFolder = "missing"
)

// BackupOptions configure a Backup. nil means defaults.
type BackupOptions struct {
	// Verify has the whole file verified first, as in the background
	// (Options.Scrub). A file that is damaged is ErrCorrupt then, now and for
	// every later call, and nothing is written. It takes some three times as long
	// as to copy the database. The thumbnails are compared in any case.
	Verify bool

	// Finish, if it is set, is called with what the backup holds when all has been
	// written to w, before the time of the backup is kept for Stats. Whatever makes
	// the backup last, such as a Sync, belongs here, and a look whether it is good
	// enough to replace the one before it (ReadBackupInfo). Its error is that of Backup.
	Finish func(*BackupInfo) error
}

// Backup writes to w the store as it is at one moment, with the thumbnails that
// its events name then, as one stream, from which Restore makes the store again.
// The stream is complete, and worth keeping, only if Backup returns without an
// error: sync it, if it is a file.
//
// Everybody may read and write meanwhile. A slow w does not keep the snapshot: if it
// takes less than some 100 MB a second the rest of the database is copied to a file
// beside it, for which the disk needs as much room as the database takes; if it has
// less the error is ErrFull, and says how much. (A store that was opened read-only
// keeps its snapshot, as nobody writes to it.) A thumbnail that is removed meanwhile
// goes when the backup has ended.
//
// Thumbnails that are missing, cannot be read or have changed do not fail the backup:
// see BackupInfo. But it fails if the process or the system has no descriptors or no
// memory left to open them with. Stats.LastBackup says when the last complete one was made, unless
// the store is read-only.
//
// When ctx ends Backup returns its error, but does not interrupt a Write to w.
// Close waits for it. It may run several times at once. Of a person who is erased
// meanwhile (ErasePerson) it may still have what there was, but not the thumbnails,
// which are missing.
func (s *Store) Backup(ctx context.Context, w io.Writer, options *BackupOptions) (*BackupInfo, error) {
	info, err := s.backup(ctx, w, options)
	if err != nil {
		return nil, failed("backup", err)
	}
	return info, nil
}

func (s *Store) backup(ctx context.Context, w io.Writer, options *BackupOptions) (info *BackupInfo, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	var opt BackupOptions
	if options != nil {
		opt = *options
	}
	if opt.Verify { // before there is a snapshot, which is to be short
		if err := s.verifyFile(ctx, true); err != nil {
			return nil, err
		}
	}
	s.thumbs.hold() // before the snapshot, whose events name them
	defer func() {
		if rerr := s.thumbs.release(); rerr != nil {
			s.opt.Logger.Warn("doorlog: thumbnails that no event names are left after a backup", "error", rerr)
		}
	}()
	src, err := s.backupSource(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	b := backupWriter{
		ctx: ctx, src: src, damage: &s.damage, thumbs: s.thumbs, log: s.opt.Logger,
		buf: make([]byte, s.opt.backupPiece), progress: tellBytes(s.opt.Progress, "backing up"),
	}
	b.out = &archive.SumWriter{W: w}
	b.buffered = bufio.NewWriterSize(b.out, s.opt.backupPiece)
	b.tar = tar.NewWriter(b.buffered)
	err = b.write()
	if damage := s.damage.Load(); damage != nil {
		err = *damage
	}
	if err != nil {
		return nil, err
	}
	if opt.Finish != nil {
		if err := opt.Finish(b.info()); err != nil {
			return nil, err
		}
	}
	if s.commits != nil {
		if err := s.recordBackup(context.WithoutCancel(ctx), src.manifest.Time); err != nil { // which the backup does not need
			s.opt.Logger.Warn("doorlog: the time of a backup, which is complete, could not be kept", "error", err)
		}
	}
	return b.info(), nil
}

// A backup waits for its receiver with a snapshot at hand for knobs.snapshotPatience, and
// as long again as a receiver of this speed, in bytes a second, takes.
const fastReceiver = 100_000_000

// A backupSource is a state of a store: the database, and what its events name.
type backupSource struct {
	manifest manifest
	database *archive.Spool
	names    nameList
	listed   chan error // gets that of the list, when it is complete
	close    func() error
}

// backupSource begins to read the newest state of the store.
func (s *Store) backupSource(ctx context.Context) (*backupSource, error) {
	meta, sn, pages, err := s.settledState(ctx)
	if err != nil {
		return nil, err
	}
	file := sn.file()
	size := int64(meta.Pages) * int64(meta.PageSize)
	src := &backupSource{listed: make(chan error, 1), manifest: manifest{
		Format: backupFormat, Version: backupVersion, Time: s.opt.Now().Round(0).UTC(), DatabaseBytes: size,
	}}
	if err := src.manifest.take(sn); err != nil {
		sn.close()
		return nil, err
	}
	src.names.temp = s.tempFile
	src.database = archive.NewSpool(func() (*os.File, error) {
		if err := s.room(size); err != nil {
			return nil, fmt.Errorf("a copy of the database: %w", err)
		}
		return s.tempFile()
	}, s.opt.spoolPieces, s.opt.backupPiece)
	patience := s.opt.snapshotPatience + time.Duration(float64(size)/fastReceiver*float64(time.Second))
	if s.commits == nil {
		patience = math.MaxInt64
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var reading sync.WaitGroup
		reading.Go(func() { src.database.Fill(ctx, boltfile.StateReader(file, &meta, pages), patience) })
		src.listed <- sn.overNamedFiles(func(r *record) error { return errors.Join(ctx.Err(), src.names.add(r)) })
		reading.Wait()
		sn.close()
	}()
	src.close = func() error {
		cancel()
		<-ended
		return errors.Join(src.database.Close(), src.names.close())
	}
	return src, nil
}

// A backupWriter writes the stream.
type backupWriter struct {
	ctx      context.Context
	src      *backupSource
	damage   *atomic.Pointer[error] // the store's
	thumbs   *thumbnails
	log      *slog.Logger
	tar      *tar.Writer
	buffered *bufio.Writer // what tar writes, which is small
	out      *archive.SumWriter
	buf      []byte
	file     bytes.Buffer
	end      backupEnd
	links    []string // of which the log has been told
	progress *progress

	linked, unreadable int // of those missing
}

func (b *backupWriter) write() error {
	m := &b.src.manifest
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := b.entry(manifestEntry, int64(len(text)), m.Time, bytes.NewReader(text)); err != nil {
		return err
	}
	if err := b.entry(databaseEntry, m.DatabaseBytes, m.Time, b.progress.reader(b.src.database)); err != nil {
		return err
	}
	if err := <-b.src.listed; err != nil {
		return err
	}
	b.progress.knows(m.DatabaseBytes + b.src.names.bytes)
	if err := b.thumbnails(); err != nil {
		return err
	}
	if err := b.tar.Flush(); err != nil {
		return err
	}
	if err := b.buffered.Flush(); err != nil {
		return err
	}
	b.end.CRC = b.out.Sum.String()
	if text, err = json.Marshal(b.end); err != nil {
		return err
	}
	if err := b.entry(endEntry, int64(len(text)), m.Time, bytes.NewReader(text)); err != nil {
		return err
	}
	if err := b.tar.Close(); err != nil {
		return err
	}
	b.progress.finish()
	return b.buffered.Flush()
}

// entry writes an entry, whose size must be as said.
func (b *backupWriter) entry(name string, size int64, at time.Time, content io.Reader) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: fsx.FilePerm, ModTime: at.Truncate(time.Second)}
	if err := b.tar.WriteHeader(&h); err != nil {
		return err
	}
	n, err := archive.CopyPieces(b.ctx, b.tar, content, b.buf)
	if err == nil && n < size {
		err = fmt.Errorf("%s: %w: %d of %d bytes", name, io.ErrUnexpectedEOF, n, size)
	}
	return err
}

func (b *backupWriter) thumbnails() error {
	if err := b.src.names.rewind(); err != nil {
		return err
	}
	for {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		if damage := b.damage.Load(); damage != nil {
			return *damage
		}
		f, ok, err := b.src.names.next()
		if err != nil || !ok {
			return err
		}
		folder, err := b.thumbs.readAny(f.path, f.sum, &b.file)
		switch folder {
		case missingFolder:
			if err := b.miss(f.id, err); err != nil {
				return err
			}
		case changedFolder:
			b.end.Changed++
			b.end.Thumbnails++
		default:
			b.end.Thumbnails++
		}
		size := int64(b.file.Len())
		if err := b.entry(folder+"/"+f.path, size, f.id.Time(), &b.file); err != nil {
			return err
		}
		b.progress.add(size)
	}
}

// toldUnreadable is of how many thumbnails that cannot be read the log is told: it may be
// all of them. BackupInfo has the number.
const toldUnreadable = 10

// isShort reports whether a process has run out of what it needs to open a file.
func isShort(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// miss counts the thumbnail of an event that is not in the backup, by the reason. It is
// an error if that says nothing of the thumbnail.
func (b *backupWriter) miss(id ID, why error) error {
	if isShort(why) {
		return fmt.Errorf("thumbnail of event %s: %w", id, why)
	}
	b.end.Missing++
	switch {
	case errors.Is(why, fs.ErrNotExist):
		return nil
	case errors.Is(why, ErrSymlink):
		b.linked++
	default:
		b.unreadable++
	}
	if !b.toldOf(why) && b.unreadable <= toldUnreadable {
		b.log.Warn("doorlog: a thumbnail is not in the backup", "event", id.String(), "error", why)
	}
	return nil
}

// toldOf reports whether err is of a symbolic link of which the log has been told:
// a whole year of thumbnails may lie behind it.
func (b *backupWriter) toldOf(err error) bool {
	behind, ok := errors.AsType[*linkError](err)
	if !ok || slices.Contains(b.links, behind.link) {
		return ok
	}
	b.links = append(b.links, behind.link)
	return false
}

func (b *backupWriter) info() *BackupInfo {
	info := b.src.manifest.info(&b.end, b.out.N)
	info.Linked, info.Unreadable = b.linked, b.unreadable
	return info
}

// readAny reads the file of a path, or one that was held of that path, into buf:
// the one that is what want says, else the first that can be read. It returns the
// folder of the backup in which it belongs, for missingFolder with the reason.
func (t *thumbnails) readAny(name string, want fileSum, buf *bytes.Buffer) (folder string, err error) {
	places := t.places(name)
	readable := ""
	for i := 0; i < len(places); i++ {
		rerr := t.readInto(places[i], buf)
		switch {
		case isShort(rerr):
			return missingFolder, rerr
		case rerr != nil:
			if err == nil || errors.Is(err, fs.ErrNotExist) { // what is not there is elsewhere, perhaps
				err = rerr
			}
		case want.matches(buf.Bytes()):
			return thumbnailsFolder, nil
		case readable == "":
			readable = places[i]
		}
		if i == len(places)-1 { // it may have been moved aside just now
			places = t.places(name)
		}
	}
	if readable != "" {
		if err = t.readInto(readable, buf); err == nil {
			return changedFolder, nil
		}
	}
	buf.Reset()
	return missingFolder, err
}
