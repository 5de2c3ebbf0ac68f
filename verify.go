package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A Verification is the account of a Verify.
type Verification struct {
	// Events, Detections and Persons are how many verify.
	Events     int `json:"events"`
	Detections int `json:"detections"`
	Persons    int `json:"persons"`

	// Findings are what is wrong, at most the first 100; Found is how many
	// there are in all.
	Findings List[Finding] `json:"findings"`
	Found    int           `json:"found"`

	// Remedy is what mends the store.
	Remedy Remedy `json:"remedy"`

	// RecordsWhole says that every event, all detections and every person
	// that were stored are there and verify, so that Repair loses nothing.
	RecordsWhole bool `json:"records_whole"`

	// Thumbnails is the number of thumbnails that doorlog made and events
	// name. Those that are missing or changed are among the Findings. Missing is
	// how many of them are missing: if that is all of them the folder may be
	// another one, or not be mounted.
	Thumbnails int `json:"thumbnails"`
	Missing    int `json:"missing"`

	// Orphans are the files of thumbnails, below Options.ThumbnailDir, that
	// belong to no event: at most the first 100; Orphaned is how many there
	// are in all. A crash at the wrong moment leaves one, and no harm is done.
	// Folder says whose the folder is: only in one that is FolderOwn are orphans
	// known to be nobody's.
	Orphans  List[string] `json:"orphans"`
	Orphaned int          `json:"orphaned"`
	Folder   Folder       `json:"folder"`

	// Links are the symbolic links below Options.ThumbnailDir, at most the first
	// 100, because of which thumbnails were not read: doorlog follows none of them
	// (ErrSymlink). Linked is how many thumbnails these are. They are not Findings.
	Links  List[string] `json:"links"`
	Linked int          `json:"linked"`

	// Whole is false if the file is so damaged that records, indexes and
	// thumbnails were not compared with each other.
	Whole bool `json:"whole"`
}

// Sound reports whether nothing is wrong. Orphans are not wrong, nor are Links.
func (v *Verification) Sound() bool { return v.Found == 0 }

// Err is nil if nothing is wrong, and else ErrCorrupt with the first finding.
func (v *Verification) Err() error {
	f := findings{list: v.Findings, all: v.Found}
	return f.err()
}

// Verify reads all of the store in the file at path, and its thumbnails, and
// says what is wrong with it: damaged pages and records, entries that are gone,
// indexes and sums that are not what the events come to, and thumbnails that are
// missing, have changed, lie behind a symbolic link, or belong to no event. It
// changes nothing.
//
// The file may be damaged in any way, but not be open for writing, which is
// ErrLocked; a store that is open has Store.Verify. An error says why the file
// could not be verified, not that it is damaged, which is in the Verification.
func Verify(ctx context.Context, path string, options *Options) (*Verification, error) {
	v, _, err := verifyFile(ctx, path, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: verify %s: %w", path, err)
	}
	return v, nil
}

// verifyFile is Verify, and returns the examination that found what is wrong with the file.
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

// examineFile examines all of a file that nobody writes to.
func (x *examination) examineFile(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	metas, err := boltfile.ReadMetas(f)
	if err == nil {
		err = metas[0].Check(info.Size())
	}
	if errors.Is(err, ErrCorrupt) {
		x.report(InvariantPages, "%v", err)
	}
	if err != nil && !errors.Is(err, ErrCorrupt) || len(metas) == 0 {
		if errors.Is(err, ErrCorrupt) {
			err = nil // it is reported
		}
		return err
	}
	x.older = metas[1:]
	stop := boltfile.ReadAhead(f, info.Size())
	defer stop()
	return fault.Guarded(func() error {
		w := wholeWalker(ctx, f, metas[0], info.Size())
		if w.Look, err = x.closedPages(ctx, f, metas[0], info.Size()); err != nil {
			return err
		}
		return x.examine(w)
	})
}

// closedPages returns what compares the pages of a file that was closed with their sums;
// nil if it has none.
func (x *examination) closedPages(ctx context.Context, f *os.File, meta boltfile.Meta, size int64) (look func(id uint64, data []byte) string, err error) {
	sums, err := boltfile.ReadPageSums(f, &meta, len(buckets))
	if sums == nil || err != nil {
		return nil, err
	}
	w := wholeWalker(ctx, f, meta, size)
	w.Only = metaBucket
	head := &examination{trust: x.trust}
	if err := head.examine(w); err != nil || head.storeID != sums.StoreID {
		return nil, ctx.Err()
	}
	return func(id uint64, data []byte) string {
		if boltfile.HasSum(data, sums.Sums[id], x.trust) {
			return ""
		}
		return boltfile.WrongSumText
	}, nil
}

// wholeWalker returns a walker over all of a file, which may have been cut off.
func wholeWalker(ctx context.Context, f *os.File, meta boltfile.Meta, size int64) *boltfile.Walker {
	pages := min(meta.Pages, max(1, uint64(size)/uint64(meta.PageSize)))
	return &boltfile.Walker{Ctx: ctx, From: f, Meta: meta, Pages: pages}
}

// broken reports whether pages, or what meta says, are damaged.
func (x *examination) broken() bool { return x.known == nil || x.unsound }

func (x *examination) verification() *Verification {
	return &Verification{
		Events:     int(x.sums[eventsSum].entries) - x.damaged[eventsSum],
		Detections: x.detections,
		Persons:    int(x.sums[personsSum].entries) - x.damaged[personsSum],
		Findings:   slices.Clone(x.list), Found: x.all, Remedy: x.remedy(),

		RecordsWhole: x.whole(eventsSum) && x.whole(detectionsSum) && x.whole(personsSum),
	}
}

// youngest is how old a thumbnail is that belongs to no event before it counts
// as an orphan of a store that is open: its event may be about to be written.
const youngest = time.Hour

// Verify is the function Verify for a store that is open. It compares one state
// of the file, while writing goes on. As long as that lasts, pages that are freed
// are not used again. The thumbnails, which take longer, it then compares with the
// newest state, a few hundred at a time. One that belongs to no event is an orphan
// when it is an hour old, because its event may be about to be written.
//
// If the file is damaged (which missing thumbnails do not mean), the store answers
// nothing but ErrCorrupt from then on.
func (s *Store) Verify(ctx context.Context) (*Verification, error) {
	v, err := s.verify(ctx)
	return v, failed("verify", err)
}

func (s *Store) verify(ctx context.Context) (*Verification, error) {
	if err := s.enterAny(); err != nil {
		return nil, err
	}
	defer s.leave()
	x, sn, err := s.examineState(ctx)
	if errors.Is(err, ErrCorrupt) {
		x.report(InvariantPages, "%v", err)
		s.condemn(x.err())
		return x.verification(), nil
	}
	if err != nil {
		return nil, err
	}
	if !x.broken() {
		err = sn.compare(x)
	}
	sn.close()
	switch {
	case x.inFile() > 0:
		s.condemn(x.err())
	case err == nil:
		s.scrub.found(s.opt.Now())
	}
	if err != nil {
		return nil, err
	}
	if x.broken() {
		return x.verification(), nil
	}
	return s.verifyRest(ctx, x, time.Now().Add(-youngest))
}

// examineState examines the newest state of an open store, whose snapshot it
// returns, to be closed by the caller.
func (s *Store) examineState(ctx context.Context) (x *examination, sn *Snapshot, err error) {
	x = &examination{trust: s.opt.trust, progress: tellBytes(s.opt.Progress, "verifying")}
	meta, sn, inUse, err := s.settledState(ctx)
	if err != nil {
		return x, nil, err
	}
	err = fault.Guarded(func() error {
		w := &boltfile.Walker{Ctx: ctx, From: sn.file(), Meta: meta}
		w.Look = inUse.Wants
		return x.examine(w)
	})
	if err != nil {
		sn.close()
	}
	return x, sn, err
}

// settledState is newestState between two commits, with the pages that are in use then.
func (s *Store) settledState(ctx context.Context) (meta boltfile.Meta, sn *Snapshot, pages *boltfile.UsedPages, err error) {
	take := func() error {
		if meta, sn, err = s.newestState(ctx); err == nil {
			pages = sn.r.File.UsedPages()
		}
		return err
	}
	if s.commits == nil {
		err = take()
	} else {
		err = s.commits.exclusively(ctx, take)
	}
	return meta, sn, pages, err
}

// newestState returns a snapshot with its meta page, which the second commit
// after it writes over: then it tries again with a newer one.
func (s *Store) newestState(ctx context.Context) (meta boltfile.Meta, sn *Snapshot, err error) {
	for before := uint64(0); ; {
		if sn, err = s.look(ctx); err != nil {
			return meta, nil, err
		}
		id := sn.r.ID()
		metas, err := boltfile.ReadMetas(sn.file())
		for _, meta := range metas {
			if meta.Txid == id {
				return meta, sn, nil
			}
		}
		sn.close()
		if id == before { // and nothing has been committed meanwhile
			return meta, nil, errors.Join(fmt.Errorf("%w: meta pages", ErrCorrupt), err)
		}
		if before = id; ctx.Err() != nil {
			return meta, nil, ctx.Err()
		}
	}
}

// condemn has every later call answer ErrCorrupt, and the next Open read the whole file.
func (s *Store) condemn(err error) {
	if !s.damage.CompareAndSwap(nil, &err) {
		return
	}
	s.opt.Logger.Error("doorlog: the file is damaged; verify and repair or salvage it", "file", s.path, "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.commits == nil { // Close does it, or nobody may
		return
	}
	s.active.Go(func() { // this may be somebody who is writing
		err := s.commits.exclusively(context.Background(), func() error { return s.readers.file.Distrust() })
		if err != nil {
			s.opt.Logger.Warn("doorlog: the next Open may not know that the file is damaged", "file", s.path, "error", err)
		}
	})
}

// compare compares the buckets of a state that has been examined with each other.
func (sn *Snapshot) compare(x *examination) error {
	c := checker{
		examination: x, ctx: sn.ctx, r: sn.r, mem: arena{names: &sn.store.names},
		progress: tellEvents(sn.store.opt.Progress, "comparing"),
	}
	return fault.Guarded(c.run)
}

// verifyRest compares the thumbnails with the events, and says what was found in all. A
// file that is younger than graceFrom, unless that is zero, is no orphan.
func (s *Store) verifyRest(ctx context.Context, x *examination, graceFrom time.Time) (*Verification, error) {
	c := thumbnailChecker{
		findings: &x.findings, ctx: ctx, store: s, progress: tellEvents(s.opt.Progress, "comparing thumbnails"),
	}
	c.progress.knows(int64(x.sums[eventsSum].entries))
	if err := c.run(); err != nil {
		return nil, err
	}
	v := x.verification()
	v.Whole, v.Thumbnails, v.Missing, v.Linked, v.Links = true, c.thumbnails, c.missing, c.linked, c.links
	commit, err := s.commit(ctx)
	if err == nil {
		v.Folder, err = s.thumbs.folder(commit)
	}
	if err != nil {
		return nil, err
	}
	err = s.overOrphans(ctx, graceFrom, func(name string) {
		if v.Orphaned++; len(v.Orphans) < maxFindings {
			v.Orphans = append(v.Orphans, name)
		}
	})
	return v, err
}

// thumbnailID returns the ID of the event whose thumbnail, or whose unfinished
// thumbnail, has this path.
func thumbnailID(name string) (id ID, final, ok bool) {
	base := path.Base(name)
	unfinished := strings.TrimSuffix(strings.TrimPrefix(base, "."), fsx.TempExt)
	final = base == strings.TrimPrefix(base, ".")
	if !final {
		base = unfinished
	}
	id, err := parseULID(strings.TrimSuffix(base, thumbnailExt))
	return id, final, err == nil && path.Join(path.Dir(name), base) == thumbnailPath(id)
}
