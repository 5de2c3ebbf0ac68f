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

// A backup is a tar archive that any tar can unpack. Its entries are, in this order:
//
//	manifest.json      a manifest, as JSON: which store this is a backup of
//	events.db          the database
//	thumbnails/<path>  a file that an event names, with the content that was saved,
//	changed/<path>     or with other content,
//	missing/<path>     or, as an empty entry, one that could not be read
//	end.json           the CRC of everything before it, and the number of files
//
// There is one entry for each file that an event names, in the order of the events
// (overNamedFiles). So a reader that has the database knows which file comes next. After
// end.json only the zeros follow that end a tar archive.

const backupVersion = 1

const manifestEntry = "manifest.json"

const databaseEntry = "events.db"

const endEntry = "end.json"

const thumbnailsFolder = "thumbnails"

const changedFolder = "changed"

const missingFolder = "missing"

// BackupOptions configure a [Store.Backup]. nil means defaults.
type BackupOptions struct {
	// Verify verifies the whole database file first, as Options.Scrub does in the
	// background. If it is damaged, Backup writes nothing and returns ErrCorrupt, as
	// does every later call. Verifying takes about three times as long as copying the
	// database. The thumbnails are compared in any case.
	Verify bool

	// Finish, if not nil, is called with the account of the backup after everything
	// has been written to w, and before the time of the backup is recorded for Stats.
	// Make the backup durable here, for example with Sync, and decide whether it is good
	// enough to replace the one before it (ReadBackupInfo). If Finish returns an error,
	// Backup returns it.
	Finish func(*BackupInfo) error

	// Unrecorded leaves the time of the backup unrecorded, because whoever keeps w does not know yet
	// whether the backup is durable there. [Store.RecordBackup] records it later.
	Unrecorded bool
}

// Backup writes the store to w as one stream: its state at one moment, with the thumbnails
// that its events name. [Restore] makes the store from the stream again. The stream is
// complete, and worth keeping, only if Backup returns no error. If w is a file, sync it.
//
// The store can be read and written meanwhile. A slow w does not hold the snapshot: if w
// takes less than about 100 MB a second, Backup copies the rest of the database to a
// temporary file beside it. The disk needs room for a copy of the database; if it has less,
// the error is [ErrFull] and says how much is needed. (A store that was opened read-only
// holds its snapshot, because nobody writes to it.) A thumbnail that is deleted meanwhile
// is kept until the backup has ended.
//
// A thumbnail that is missing, cannot be read or has changed does not fail the backup: see
// [BackupInfo]. But the backup fails if the process or the system has no descriptors or
// memory left to open files. Stats.LastBackup is the time of the last complete backup. A
// store that was opened read-only does not record it.
//
// If ctx ends, Backup returns its error, but it does not interrupt a Write to w.
// [Store.Close] waits for Backup. Several backups may run at once. If [Store.ErasePerson]
// erases a person meanwhile, the backup may still hold the person's events, but not the
// thumbnails: they count as missing.
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
	if opt.Verify { // before the snapshot, which should be short
		if err := s.verifyFile(ctx, true); err != nil {
			return nil, err
		}
	}
	log := alsoLog(ctx, s.opt.Logger)
	s.thumbs.hold() // before the snapshot: from then on the files of its events are kept
	defer func() {
		if rerr := s.thumbs.release(); rerr != nil {
			log.Warn("doorlog: thumbnails that no event names are left after a backup", "error", rerr)
		}
	}()
	src, err := s.backupSource(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	b := backupWriter{
		ctx: ctx, src: src, damage: &s.damage, thumbs: s.thumbs, log: log,
		buf: make([]byte, s.opt.backupPiece), progress: tellBytes(s.opt.tellOf(ctx), "backing up"),
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
	if s.commits != nil && !opt.Unrecorded {
		if err := s.recordBackup(context.WithoutCancel(ctx), src.manifest.Time); err != nil { // the backup is complete without it
			log.Warn("doorlog: the time of a backup, which is complete, could not be kept", "error", err)
		}
	}
	return b.info(), nil
}

// fastReceiver is in bytes a second. While a backup holds its snapshot, it waits for its
// receiver for knobs.snapshotPatience and the time that a receiver of this speed needs.
const fastReceiver = 100_000_000

// A backupSource reads one state of a store: the database, and the list of the files that
// its events name.
type backupSource struct {
	manifest manifest
	database *archive.Spool
	names    nameList
	listed   chan error // gets the error of making the list, when the list is complete
	close    func() error
}

// backupSource starts to read the newest state of the store.
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

// A backupWriter writes the stream of a backup.
type backupWriter struct {
	ctx      context.Context
	src      *backupSource
	damage   *atomic.Pointer[error] // the store's
	thumbs   *thumbnails
	log      *slog.Logger
	tar      *tar.Writer
	buffered *bufio.Writer // joins the small writes of tar
	out      *archive.SumWriter
	buf      []byte
	file     bytes.Buffer
	end      backupEnd
	links    []string // symbolic links that have been logged
	progress *progress

	linked, unreadable int // of the missing files
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

// entry writes an entry. content must have exactly size bytes.
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

// toldUnreadable is how many unreadable thumbnails are logged: it may be all of them.
// BackupInfo has the full number.
const toldUnreadable = 10

// isShort reports whether the process or the system has run out of descriptors or memory.
func isShort(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// miss counts a thumbnail that is not in the backup, by the reason. It returns an error if
// the reason has nothing to do with the thumbnail.
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

// toldOf reports whether err is about a symbolic link that has been logged already. A whole
// year of thumbnails may lie behind one link.
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

// readAny reads the file of a path into buf, or a file that was held under that path. It
// prefers the one that matches want; if none does, it takes the first that can be read. It
// returns the folder of the backup for the file; with missingFolder, err is the reason.
func (t *thumbnails) readAny(name string, want fileSum, buf *bytes.Buffer) (folder string, err error) {
	places := t.places(name)
	readable := ""
	for i := 0; i < len(places); i++ {
		rerr := t.readInto(places[i], buf)
		switch {
		case isShort(rerr):
			return missingFolder, rerr
		case rerr != nil:
			if err == nil || errors.Is(err, fs.ErrNotExist) { // it may be in another place
				err = rerr
			}
		case want.matches(buf.Bytes()):
			return thumbnailsFolder, nil
		case readable == "":
			readable = places[i]
		}
		if i == len(places)-1 { // it may have been set aside just now
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
