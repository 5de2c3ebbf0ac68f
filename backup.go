package doorlog

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A backup is a tar archive, which any tar takes apart, of these entries in this
// order:
//
//	manifest.json      what it is a backup of: a manifest, as JSON
//	events.db          the database
//	thumbnails/<path>  each file that an event names, as its event says that it is,
//	changed/<path>     or with other content than its event says,
//	missing/<path>     or, without content, one that could not be read
//	end.json           the SHA-256 of all that is before it, and how many files there are
//
// The files are in the order of the events that name them (namedFiles), so that
// who has the database knows which file comes next, and nobody needs a list of
// them in memory. After the end there is nothing but the zeros of tar.
const (
	backupFormat  = "doorlog-backup"
	backupVersion = 1

	manifestEntry = "manifest.json"
	databaseEntry = "events.db"
	endEntry      = "end.json"

	thumbnailsFolder = "thumbnails"
	changedFolder    = "changed"
	missingFolder    = "missing"
)

// A manifest says what a backup is of.
type manifest struct {
	Format        string    `json:"format"`
	Version       int       `json:"version"`
	StoreID       ID        `json:"store_id"`
	Schema        uint32    `json:"schema"`
	Time          time.Time `json:"time"`
	Events        int64     `json:"events"`
	Persons       int64     `json:"persons"`
	DatabaseBytes int64     `json:"database_bytes"`

	// ThumbnailBytes is what the events say that the files have, where they do;
	// a file that several events name is counted as often.
	ThumbnailBytes int64 `json:"thumbnail_bytes"`
}

// A backupEnd is the content of the last entry.
type backupEnd struct {
	SHA256     string `json:"sha256"`
	Thumbnails int64  `json:"thumbnails"`
	Changed    int64  `json:"changed"`
	Missing    int64  `json:"missing"`
}

// A BackupInfo says what a backup holds.
type BackupInfo struct {
	// StoreID tells stores apart; a restored store keeps it. Time is of when
	// the state is that the backup holds.
	StoreID ID        `json:"store_id"`
	Time    time.Time `json:"time"`

	// Events and Persons are how many there are.
	Events  int64 `json:"events"`
	Persons int64 `json:"persons"`

	// Thumbnails is how many files of thumbnails the backup has. Changed is how
	// many of them were not what had been saved; they are kept as they were.
	// Missing is how many the events name that were not there, or could not be
	// read; those are not in the backup.
	Thumbnails int64 `json:"thumbnails"`
	Changed    int64 `json:"changed"`
	Missing    int64 `json:"missing"`

	// Bytes is the size of the backup.
	Bytes int64 `json:"bytes"`
}

// BackupOptions configure a Backup. nil does.
type BackupOptions struct {
	// Progress, if it is set, is called from time to time with how many bytes of
	// the database and the thumbnails have been written, and about how many
	// there are. It must not call the store's methods.
	Progress func(done, total int64)
}

// Backup writes to w the store as it is at one moment, with the thumbnails that
// its events name then, as one stream, from which Restore makes the store again.
// The stream is complete, and worth keeping, only if Backup returns without an
// error: sync it, if it is a file.
//
// Everybody may read and write meanwhile. The database is copied to a file beside
// it first, so that a slow w holds no snapshot, and verified at the same time:
// one that is damaged is ErrCorrupt, before anything is written to w. The disk
// needs as much space again as the database takes; if it has less the error is
// ErrFull, and says how much. A store that was opened read-only is read in its
// place instead, as nobody writes to it. A thumbnail that is removed meanwhile
// goes when the backup has ended.
//
// Thumbnails that are missing or have changed do not fail the backup: see
// BackupInfo. Stats.LastBackup says when the last complete one was made, unless
// the store is read-only.
//
// When ctx ends Backup returns its error, but does not interrupt a Write to w.
// Close waits for it. It may run several times at once.
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
	b := backupWriter{ctx: ctx, src: src, thumbs: s.thumbs, buf: make([]byte, backupPiece)}
	b.out = &hashWriter{w: w, hash: sha256.New()}
	b.buffered = bufio.NewWriterSize(b.out, backupPiece)
	b.tar = tar.NewWriter(b.buffered)
	b.progress = newProgress(src.manifest.DatabaseBytes+src.manifest.ThumbnailBytes, nil)
	if options != nil {
		b.progress.tell = options.Progress
	}
	if err := b.write(); err != nil {
		return nil, err
	}
	if s.commits != nil {
		if err := s.recordBackup(context.WithoutCancel(ctx), src.manifest.Time); err != nil { // which the backup does not need
			s.opt.Logger.Warn("doorlog: the time of a backup, which is complete, could not be kept", "error", err)
		}
	}
	return b.info(), nil
}

// backupPiece is how much is read, hashed and written at once.
const backupPiece = 256 << 10

// A backupSource is a state of a store that stays as it is.
type backupSource struct {
	manifest manifest
	sn       *Snapshot
	database io.Reader
	close    func() error
}

// backupSource copies the newest state of the store to a file of its own, unless
// nobody writes to the store, and verifies it.
func (s *Store) backupSource(ctx context.Context) (src *backupSource, err error) {
	meta, sn, err := s.newestState(ctx)
	if err != nil {
		return nil, err
	}
	keep := false
	defer func() {
		if !keep {
			sn.close()
		}
	}()
	size := int64(meta.pages) * int64(meta.pageSize)
	src = &backupSource{manifest: manifest{
		Format: backupFormat, Version: backupVersion, Time: s.opt.Now().Round(0).UTC(), DatabaseBytes: size,
	}}
	if err := src.manifest.take(sn); err != nil {
		return nil, err
	}
	file := sn.file()
	x := new(examination)
	x.entry = src.manifest.countThumbnail(&sn.store.names)
	examine := func(ctx context.Context) error {
		err := guarded(func() error {
			return x.examine(&walker{ctx: ctx, r: file, meta: meta, depth: everything})
		})
		if err == nil {
			err = x.err()
		}
		return err
	}
	if s.commits == nil {
		if err := examine(ctx); err != nil {
			return nil, err
		}
		src.sn, src.database, keep = sn, stateReader(file, &meta), true
		src.close = func() error { sn.close(); return nil }
		return src, nil
	}
	if err := s.roomForCopy(file, size); err != nil {
		return nil, err
	}
	// To read is for the one processor, and to verify for the other.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	examined := make(chan error, 1)
	go func() {
		err := examine(ctx)
		if err != nil {
			cancel()
		}
		examined <- err
	}()
	temp, err := s.copyState(ctx, stateReader(file, &meta))
	if err != nil {
		cancel()
	}
	xerr := <-examined
	if xerr != nil && (err == nil || errors.Is(err, context.Canceled) && !errors.Is(xerr, context.Canceled)) {
		err = errors.Join(xerr, removeIfThere(temp))
	}
	if err != nil {
		return nil, err
	}
	return src, src.openCopy(temp, s.opt)
}

func removeIfThere(name string) error {
	if name == "" {
		return nil
	}
	return ignoreNotExist(os.Remove(name))
}

// roomForCopy is ErrFull if the disk has no room for a copy of so many bytes.
func (s *Store) roomForCopy(on *os.File, size int64) error {
	spare := max(0, s.opt.MinFree)
	if free := freeSpace(on); free >= 0 && free < size+spare {
		return fmt.Errorf("%w: the copy of the database takes %d bytes, and the disk has %d free, of which %d are to stay so",
			ErrFull, size, free, spare)
	}
	return nil
}

// copyState writes a copy of the database to a file beside it, and returns its
// name. It need not outlast a power cut, so it is not synced.
func (s *Store) copyState(ctx context.Context, state io.Reader) (name string, err error) {
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return "", diskError(err)
	}
	_, err = copyPieces(ctx, f, state, make([]byte, backupPiece), nil)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(diskError(err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// openCopy has the source be a copy, which goes with it.
func (src *backupSource) openCopy(temp string, opt Options) (err error) {
	opt.ReadOnly, opt.Scrub, opt.examined, opt.OpenFile = true, -1, true, os.OpenFile
	var st *Store
	var f *os.File
	src.close = func() (err error) {
		if src.sn != nil {
			src.sn.close()
		}
		if st != nil {
			err = st.Close()
		}
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return errors.Join(err, removeIfThere(temp))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, src.close())
		}
	}()
	if f, err = os.Open(temp); err != nil {
		return err
	}
	if st, err = openStore(temp, &opt); err != nil {
		return err
	}
	src.database = f
	src.sn, err = st.snapshot(context.Background())
	return err
}

// file is the file whose state the snapshot is.
func (sn *Snapshot) file() *os.File { return sn.store.file.file }

// take fills the manifest with what the snapshot's state says of itself.
func (m *manifest) take(sn *Snapshot) error {
	return guarded(func() error {
		st, err := readState(sn.r.tx)
		m.StoreID, m.Schema = st.storeID, st.schema
		m.Events, m.Persons = int64(st.sums[eventsSum].entries), int64(st.sums[personsSum].entries)
		return err
	})
}

// countThumbnail returns what adds up the bytes of the thumbnails.
func (m *manifest) countThumbnail(names *interner) func(bucket int, key, value []byte) {
	mem := arena{names: names}
	return func(bucket int, key, value []byte) {
		var r record
		if bucket == eventsSum && decodeEvent(key, value, &mem, &r) == nil && r.thumb.known {
			m.ThumbnailBytes += r.thumb.size
		}
	}
}

// stateReader returns the file as it would be if it had just come to the state of
// a meta page: both meta pages are of it, and nothing is behind its last page.
func stateReader(f io.ReaderAt, meta *boltMeta) io.Reader {
	older := *meta
	older.txid--
	metas := make([]byte, 2*meta.pageSize)
	for _, m := range [...]*boltMeta{meta, &older} {
		m.put(metas)
	}
	pages := int64(meta.pages) * int64(meta.pageSize)
	return io.MultiReader(bytes.NewReader(metas), io.NewSectionReader(f, int64(len(metas)), pages-int64(len(metas))))
}

const metaFlag = 0x04

// put writes a meta page in its place.
func (m *boltMeta) put(metas []byte) {
	slot := int(m.txid % 2)
	p := metas[slot*m.pageSize:]
	binary.LittleEndian.PutUint64(p, uint64(slot))
	binary.LittleEndian.PutUint16(p[8:], metaFlag)
	b := p[pageHeaderLen : pageHeaderLen+boltMetaLen]
	binary.LittleEndian.PutUint32(b, boltMagic)
	binary.LittleEndian.PutUint32(b[4:], boltVersion)
	binary.LittleEndian.PutUint32(b[8:], uint32(m.pageSize))
	binary.LittleEndian.PutUint64(b[16:], m.root)
	binary.LittleEndian.PutUint64(b[32:], m.freelist)
	binary.LittleEndian.PutUint64(b[40:], m.pages)
	binary.LittleEndian.PutUint64(b[48:], m.txid)
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56]) // never fails
	binary.LittleEndian.PutUint64(b[56:], sum.Sum64())
}

// copyPieces copies what is left to read, a piece at a time, until ctx ends.
func copyPieces(ctx context.Context, w io.Writer, r io.Reader, buf []byte, each func(n int64)) (n int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		got, rerr := io.ReadFull(r, buf)
		if got > 0 {
			if _, err := w.Write(buf[:got]); err != nil {
				return n, err
			}
			n += int64(got)
			if each != nil {
				each(int64(got))
			}
		}
		switch {
		case errors.Is(rerr, io.EOF) || errors.Is(rerr, io.ErrUnexpectedEOF):
			return n, nil
		case rerr != nil:
			return n, rerr
		}
	}
}

// A hashWriter hashes and counts what goes through it.
type hashWriter struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (h *hashWriter) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	h.n += int64(n)
	_, _ = h.hash.Write(p[:n]) // never fails
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// A backupWriter writes the stream.
type backupWriter struct {
	ctx      context.Context
	src      *backupSource
	thumbs   *thumbnails
	tar      *tar.Writer
	buffered *bufio.Writer // what tar writes, which is small
	out      *hashWriter
	buf      []byte
	file     bytes.Buffer
	end      backupEnd
	progress progress
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
	if err := b.thumbnails(); err != nil {
		return err
	}
	if err := b.tar.Flush(); err != nil {
		return err
	}
	if err := b.buffered.Flush(); err != nil {
		return err
	}
	b.end.SHA256 = hex.EncodeToString(b.out.hash.Sum(nil))
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
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: filePerm, ModTime: at.Truncate(time.Second)}
	if err := b.tar.WriteHeader(&h); err != nil {
		return err
	}
	n, err := copyPieces(b.ctx, b.tar, content, b.buf, nil)
	if err == nil && n < size {
		err = fmt.Errorf("%s: %w: %d of %d bytes", name, io.ErrUnexpectedEOF, n, size)
	}
	return err
}

func (b *backupWriter) thumbnails() error {
	files := namedFiles{sn: b.src.sn}
	for {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		var r record
		ok, err := files.next(&r)
		if err != nil || !ok {
			return err
		}
		folder, err := b.thumbs.readAny(r.ThumbnailPath, r.thumb, &b.file)
		switch folder {
		case missingFolder:
			b.end.Missing++
			if !errors.Is(err, fs.ErrNotExist) {
				b.src.sn.store.opt.Logger.Warn("doorlog: a thumbnail is not in the backup", "event", r.ID.String(), "error", err)
			}
		case changedFolder:
			b.end.Changed++
			b.end.Thumbnails++
		default:
			b.end.Thumbnails++
		}
		size := int64(b.file.Len())
		if err := b.entry(folder+"/"+r.ThumbnailPath, size, r.RecordedAt, &b.file); err != nil {
			return err
		}
		b.progress.add(size)
	}
}

func (b *backupWriter) info() *BackupInfo { return b.src.manifest.info(&b.end, b.out.n) }

func (m *manifest) info(end *backupEnd, bytes int64) *BackupInfo {
	return &BackupInfo{
		StoreID: m.StoreID, Time: m.Time, Events: m.Events, Persons: m.Persons,
		Thumbnails: end.Thumbnails, Changed: end.Changed, Missing: end.Missing, Bytes: bytes,
	}
}

// readAny reads the file of a path, or one that was held of that path, into buf:
// the one that is what want says, else the first that can be read. It returns the
// folder of the backup in which it belongs, for missingFolder with the reason.
func (t *thumbnails) readAny(name string, want fileSum, buf *bytes.Buffer) (folder string, err error) {
	readable := ""
	for _, place := range t.places(name) {
		rerr := t.readInto(place, buf)
		switch {
		case rerr != nil:
			err = cmp.Or(err, rerr)
		case want.matches(buf.Bytes()):
			return thumbnailsFolder, nil
		case readable == "":
			readable = place
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

// matches reports whether data is what is known of a file, if anything is.
func (s fileSum) matches(data []byte) bool {
	return !s.known || int64(len(data)) == s.size && crc32.Checksum(data, castagnoli) == s.crc
}

func (t *thumbnails) readInto(name string, buf *bytes.Buffer) error {
	buf.Reset()
	f, err := t.openFile(name)
	if err != nil {
		return err
	}
	n, err := buf.ReadFrom(io.LimitReader(f, MaxFrameBytes+1))
	if err == nil && n > MaxFrameBytes {
		err = fmt.Errorf("%s: %w: more than %d bytes", name, ErrTooLarge, MaxFrameBytes)
	}
	return errors.Join(err, f.Close())
}

// namedFiles walks over the files that the events of a snapshot name, each once:
// by the event that names it, in the order of the events, and where several do
// by the newest of them.
type namedFiles struct {
	sn     *Snapshot
	cursor *bolt.Cursor
	mem    arena
	tail   map[string]ID // the newest of the tail that names a producer's file
}

// next reads the next event that stands for a file into r, without detections.
func (n *namedFiles) next(r *record) (ok bool, err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	var k, v []byte
	if n.cursor == nil {
		if err := n.begin(); err != nil {
			return false, err
		}
		k, v = n.cursor.First()
	} else {
		k, v = n.cursor.Next()
	}
	for ; k != nil; k, v = n.cursor.Next() {
		*r = record{}
		if err := decodeEvent(k, v, &n.mem, r); err != nil {
			return false, fmt.Errorf("event %s: %w", keyText(k), err)
		}
		if r.ThumbnailPath != "" && n.stands(r) {
			return true, nil
		}
	}
	return false, nil
}

func (n *namedFiles) begin() error {
	n.cursor, n.mem = readable(n.sn.r.tx, eventsBucket).Cursor(), n.sn.manyEvents()
	n.tail = make(map[string]ID)
	return n.sn.overTail(func(r *record) bool { // newest first
		if _, newer := n.tail[r.ThumbnailPath]; !newer && r.ThumbnailPath != "" {
			n.tail[r.ThumbnailPath] = r.ID
		}
		return true
	})
}

// stands reports whether an event is the newest that names its file.
func (n *namedFiles) stands(r *record) bool {
	if r.ThumbnailPath == thumbnailPath(r.ID) { // no other may name it
		return true
	}
	newest, ok := n.tail[r.ThumbnailPath]
	if !ok {
		newest, ok = postingsOf(readable(n.sn.r.tx, indexes[byThumbnail]), r.ThumbnailPath).next()
	}
	return ok && newest == r.ID
}

// progress tells how far a backup is, at most once for each step.
type progress struct {
	tell              func(done, total int64)
	done, told, total int64
}

const progressStep = 1 << 20

func newProgress(total int64, tell func(done, total int64)) progress {
	return progress{tell: tell, total: total, told: -progressStep}
}

func (p *progress) add(n int64) {
	p.done = min(p.done+n, p.total) // which is not exact where files have changed
	if p.tell != nil && p.done-p.told >= progressStep {
		p.told = p.done
		p.tell(p.done, p.total)
	}
}

func (p *progress) finish() {
	if p.tell != nil && p.told != p.total {
		p.tell(p.total, p.total)
	}
}

// reader counts what is read through it.
func (p *progress) reader(r io.Reader) io.Reader { return &progressReader{r, p} }

type progressReader struct {
	r io.Reader
	p *progress
}

func (r *progressReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.p.add(int64(n))
	return n, err
}
