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
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/doorlog/doorlog/internal/archive"
	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// RestoreOptions configure a Restore. nil means defaults.
type RestoreOptions struct {
	// Progress is as [Options.Progress]; nil if nobody wants reports. If it panics, it is
	// not called again.
	Progress func(Progress)
}

// Restore restores a backup to the folder dir. It reads from r what [Store.Backup] has
// written, and makes dir/events.db and dir/thumbnails, equal to what was backed up
// event by event and file by file. dir must not exist or must be empty, else the error
// is [fs.ErrExist]. Its parent folder must exist.
//
// Everything is verified before dir appears, all at once: checksums, names, the
// database as [Verify] does, and each thumbnail against its event. The error is
// [ErrCorrupt] if the backup is cut off, changed, or followed by anything, and
// [ErrNotBackup] if r has no backup. It is [ErrNewerSchema] for a backup of a later
// version of doorlog, and [ErrByteOrder] for one from a machine of the other byte
// order. A backup of an earlier version is upgraded. If the disk has too little room,
// the error is [ErrFull], and its text says how much is needed.
//
// After an error, or a power cut at any moment, dir is either the whole store or as it
// was before (but an empty folder may be gone). A Restore that was killed leaves a
// folder .<dir>.restoring beside dir; the next Restore to the same place removes it. Of
// two at the same time, one gets [ErrLocked].
//
// Thumbnails that were missing when the backup was made are still missing, even if that
// is all of them. That is no error: the [BackupInfo] says how many, and
// [BackupInfo.Complete] whether none was missing or had changed. When ctx ends Restore
// returns its error, but it does not interrupt a Read of r.
func Restore(ctx context.Context, dir string, r io.Reader, options *RestoreOptions) (*BackupInfo, error) {
	info, err := restore(ctx, dir, r, options)
	if err != nil {
		return nil, failed("restore to "+dir, fault.DiskError(err))
	}
	return info, nil
}

func restore(ctx context.Context, dir string, r io.Reader, options *RestoreOptions) (info *BackupInfo, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	place, err := newRestorePlace(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.close()) }()
	var opt RestoreOptions
	if options != nil {
		opt = *options
	}
	x := restorer{ctx: ctx, dir: place.temp, buf: make([]byte, defaults.backupPiece), folder: ".", progress: tellBytes(carefulHook(opt.Progress, slog.New(slog.DiscardHandler)), "restoring")}
	x.in = &archive.SumReader{R: bufio.NewReaderSize(r, defaults.backupPiece)}
	x.tar = tar.NewReader(x.in)
	if err := x.read(); err != nil {
		if x.in.Failure != nil { // r failed, whatever the archive readers made of that
			err = x.in.Failure
		}
		return nil, err
	}
	if err := place.appear(); err != nil {
		return nil, err
	}
	return x.manifest.info(&x.end, x.in.N), nil
}

// A restorer reads the stream of a backup into a folder.
type restorer struct {
	ctx      context.Context
	dir      string
	in       *archive.SumReader
	tar      *tar.Reader
	buf      []byte
	file     bytes.Buffer
	folder   string // the last folder of thumbnails that was made
	manifest manifest
	end      backupEnd
	progress *progress
}

func (x *restorer) read() error {
	if err := x.readManifest(); err != nil {
		return err
	}
	if err := x.room(x.manifest.DatabaseBytes); err != nil {
		return err
	}
	if err := x.readDatabase(); err != nil {
		return err
	}
	last, err := x.readThumbnails()
	if err != nil {
		return err
	}
	if err := x.readEnd(last); err != nil {
		return err
	}
	if err := x.beginIncarnation(); err != nil {
		return err
	}
	x.progress.finish()
	return nil
}

// beginIncarnation gives the restored store a new incarnation: it is not the store that
// has gone on since the backup. It claims the thumbnail folder for that. If somebody
// puts just the database in the place of a lost one, the pictures there may belong to
// events that it does not have.
func (x *restorer) beginIncarnation() (err error) {
	opt, err := (&Options{}).withDefaults(x.databasePath())
	if err != nil {
		return err
	}
	ids := idSource{entropy: opt.Entropy}
	incarnation, err := ids.next(opt.Now())
	if err != nil {
		return err
	}
	opt.examined = true
	f, err := boltfile.Open(x.databasePath(), opt.ofFile())
	if err != nil {
		return err
	}
	err = fault.Guarded(func() error {
		tx, err := f.BeginTx()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := errors.Join(writeLineage(tx, lineage{incarnation: incarnation}), sealState(tx)); err != nil {
			return err
		}
		return tx.Commit(false)
	})
	if err = errors.Join(err, f.Close()); err != nil || x.end.Thumbnails == 0 {
		return err
	}
	root, err := os.OpenRoot(x.thumbnailDir())
	if err != nil {
		return err
	}
	t := thumbnails{store: x.manifest.StoreID, incarnation: incarnation}
	return errors.Join(t.writeClaim(root, claim{t.store, incarnation, 0, true}, func(claim) bool { return true }), root.Close())
}

// damaged returns an ErrCorrupt about the backup.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: the backup: %w", ErrCorrupt, fmt.Errorf(format, args...))
}

// next returns the header of the next entry of the archive.
func (x *restorer) next() (*tar.Header, error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	h, err := x.tar.Next()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, damaged("it is cut off")
	case err != nil:
		return nil, damaged("%w", err)
	case h.Typeflag != tar.TypeReg || h.Linkname != "":
		return nil, damaged("entry %q is no file", boltfile.Shortened([]byte(h.Name)))
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") { // a file larger than its entry
			return nil, damaged("entry %q has holes", boltfile.Shortened([]byte(h.Name)))
		}
	}
	return h, nil
}

// maxManifest is more than the length of any manifest or end.
const maxManifest = 4 << 10

// readManifest reads the first entry. If that is not a manifest, the stream is no
// backup.
func (x *restorer) readManifest() error {
	h, err := x.next()
	if err != nil {
		return notBackup(err)
	}
	if h.Name != manifestEntry || h.Size > maxManifest {
		return fmt.Errorf("%w: it begins with %q", ErrNotBackup, boltfile.Shortened([]byte(h.Name)))
	}
	text, err := io.ReadAll(x.tar)
	if err != nil {
		return notBackup(err)
	}
	m := &x.manifest
	var v struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &v); err != nil || v.Format != backupFormat {
		return fmt.Errorf("%w: its manifest is of something else", ErrNotBackup)
	}
	if v.Version > backupVersion {
		return fmt.Errorf("%w: version %d of a backup; this one knows up to %d", ErrNewerSchema, v.Version, backupVersion)
	}
	if err := json.Unmarshal(text, m); err != nil {
		return damaged("manifest: %w", err)
	}
	if m.Schema > schemaVersion {
		return fmt.Errorf("%w: schema %d; this one knows up to %d", ErrNewerSchema, m.Schema, schemaVersion)
	}
	if m.DatabaseBytes < 0 {
		return damaged("manifest: a database of %d bytes", m.DatabaseBytes)
	}
	return nil
}

func notBackup(err error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %v", ErrNotBackup, err) //nolint:errorlint // it is not a damaged one
	}
	return err
}

func (x *restorer) room(bytes int64) error {
	f, err := os.Open(x.dir)
	if err != nil {
		return err
	}
	return errors.Join(fsx.Room(f, bytes, 0), f.Close())
}

func (x *restorer) databasePath() string { return filepath.Join(x.dir, databaseEntry) }

// thumbnailDir is where the thumbnails go.
func (x *restorer) thumbnailDir() string { return filepath.Join(x.dir, thumbnailsFolder) }

// readDatabase restores the database and verifies it.
func (x *restorer) readDatabase() (err error) {
	h, err := x.next()
	if err != nil {
		return err
	}
	if h.Name != databaseEntry || h.Size != x.manifest.DatabaseBytes {
		return damaged("entry %q of %d bytes comes where the database should be", boltfile.Shortened([]byte(h.Name)), h.Size)
	}
	f, err := os.OpenFile(x.databasePath(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fsx.FilePerm)
	if err != nil {
		return err
	}
	n, err := archive.CopyPieces(x.ctx, f, x.progress.reader(x.tar), x.buf)
	if err == nil && n < h.Size {
		err = damaged("the database is cut off")
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Mkdir(x.thumbnailDir(), fsx.FolderPerm); err != nil {
		return err
	}
	v, found, err := verifyFile(x.ctx, x.databasePath(), x.verifyOptions())
	if errors.Is(err, ErrOlderSchema) {
		if err = upgradeFile(x.databasePath()); err == nil {
			v, found, err = verifyFile(x.ctx, x.databasePath(), x.verifyOptions())
		}
	}
	switch {
	case errors.Is(err, ErrNotStore):
		return damaged("the database: %v", err)
	case err != nil:
		return err
	case found.unreadable != nil: // the disk failed, not the backup
		return found.unreadable
	case found.inFile() > 0:
		return damaged("the database: %v", found.firstInFile())
	case v.Events != x.manifest.Events || v.Persons != x.manifest.Persons:
		return damaged("the database has %d events and %d persons, and the manifest says %d and %d",
			v.Events, v.Persons, x.manifest.Events, x.manifest.Persons)
	}
	return nil
}

// verifyOptions returns the options to verify the database with. The thumbnails are
// still missing then; each is compared when it is read.
func (x *restorer) verifyOptions() *Options {
	return &Options{ThumbnailDir: x.thumbnailDir(), Progress: x.progress.tell}
}

// readThumbnails restores the files that the events name, in the order of
// overNamedFiles, and returns the size of the last entry.
func (x *restorer) readThumbnails() (last int64, err error) {
	opt, err := (&Options{ReadOnly: true, Scrub: -1, ThumbnailDir: x.thumbnailDir()}).withDefaults(x.databasePath())
	opt.examined = true
	if err != nil {
		return 0, err
	}
	st, err := openStore(x.databasePath(), &opt)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	sn, err := st.snapshot(x.ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	if err := x.isOf(sn); err != nil {
		return 0, err
	}
	root, err := os.OpenRoot(x.thumbnailDir())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	var size int64 // of the files whose size is known
	err = sn.overNamedFiles(func(r *record) error {
		size += r.thumb.size
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := x.room(size); err != nil {
		return 0, err
	}
	x.progress.knows(x.manifest.DatabaseBytes + size)
	syncs := fsx.NewSyncs()
	defer func() { err = errors.Join(err, syncs.Wait()) }()
	last = x.manifest.DatabaseBytes
	err = sn.overNamedFiles(func(r *record) (err error) {
		last, err = x.readThumbnail(root, r, syncs)
		return err
	})
	return last, err
}

// isOf checks that the database is that of the manifest.
func (x *restorer) isOf(sn *Snapshot) error {
	var m manifest
	if err := m.take(sn); err != nil {
		return err
	}
	if m.StoreID != x.manifest.StoreID {
		return damaged("the database is of store %s, and the manifest of %s", m.StoreID, x.manifest.StoreID)
	}
	return nil
}

// readThumbnail restores the file that an event names. It must be the next entry.
func (x *restorer) readThumbnail(root *os.Root, r *record, syncs *fsx.Syncs) (size int64, err error) {
	h, err := x.next()
	if err != nil {
		return 0, err
	}
	folder, name, _ := strings.Cut(h.Name, "/")
	whole, missing := folder == thumbnailsFolder, folder == missingFolder
	switch {
	case name != r.ThumbnailPath || !whole && !missing && folder != changedFolder:
		return 0, damaged("entry %q comes where the thumbnail %q of event %s should be", boltfile.Shortened([]byte(h.Name)), r.ThumbnailPath, r.ID)
	case h.Size > MaxFrameBytes || missing && h.Size > 0 || whole && r.thumb.known && h.Size != r.thumb.size:
		return 0, damaged("thumbnail of event %s: it has %d bytes", r.ID, h.Size)
	}
	x.file.Reset()
	if _, err := x.file.ReadFrom(x.tar); err != nil {
		return 0, damaged("thumbnail of event %s: %w", r.ID, err)
	}
	if whole && !r.thumb.matches(x.file.Bytes()) {
		return 0, damaged("thumbnail of event %s: checksum does not match", r.ID)
	}
	x.progress.add(h.Size)
	if missing {
		x.end.Missing++
		return 0, nil
	}
	if !whole {
		x.end.Changed++
	}
	x.end.Thumbnails++
	if folder := path.Dir(name); folder != x.folder {
		if err := fsx.MakeInside(root, folder, nil); err != nil {
			return 0, err
		}
		x.folder = folder
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fsx.FilePerm)
	if err != nil {
		return 0, err
	}
	if _, err := f.Write(x.file.Bytes()); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	return h.Size, syncs.Add(f)
}

// tarBlock is the block size of tar: entries are padded to a multiple of it.
const tarBlock = 512

// readEnd reads the rest of the stream, after an entry of size last: the closing entry,
// which must match everything that was read, and then nothing else.
func (x *restorer) readEnd(last int64) error {
	if err := x.zeros(-last & (tarBlock - 1)); err != nil {
		return err
	}
	x.end.CRC = x.in.Sum.String()
	want, err := json.Marshal(x.end)
	if err != nil {
		return err
	}
	head := make([]byte, tarBlock)
	if err := x.full(head); err != nil {
		return err
	}
	h, err := tar.NewReader(bytes.NewReader(head)).Next()
	if err != nil || h.Name != endEntry || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return damaged("it does not end with %s", endEntry)
	}
	var same bytes.Buffer // tar allows several forms of a number, and the checksum does not cover this header
	if err := tar.NewWriter(&same).WriteHeader(h); err != nil || !bytes.Equal(same.Bytes(), head) {
		return damaged("the header of %s has been changed", endEntry)
	}
	text := make([]byte, h.Size)
	if err := x.full(text); err != nil {
		return err
	}
	if !bytes.Equal(text, want) {
		return damaged("its checksum, or the number of its files, does not match")
	}
	const endOfTar = 2 * tarBlock
	if err := x.zeros(-h.Size&(tarBlock-1) + endOfTar); err != nil {
		return err
	}
	for { // a reader may return nothing without an error
		n, err := x.in.Read(make([]byte, 1))
		switch {
		case n > 0:
			return damaged("something comes after its end")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// full fills b from the stream itself, not through the tar reader.
func (x *restorer) full(b []byte) error {
	if _, err := io.ReadFull(x.in, b); err != nil {
		return damaged("it is cut off")
	}
	return nil
}

// zeros reads n bytes, which must be zero.
func (x *restorer) zeros(n int64) error {
	b := make([]byte, n)
	if err := x.full(b); err != nil {
		return err
	}
	if !bytes.Equal(b, make([]byte, n)) {
		return damaged("something is between its entries")
	}
	return nil
}
