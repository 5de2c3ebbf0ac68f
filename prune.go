package doorlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorlog/doorlog/internal/fault"
)

// Removed says how much has gone, or would.
type Removed struct {
	Events     int `json:"events"`
	Detections int `json:"detections"` // of those events

	// Thumbnails are the files that went with an event or before it, and
	// ThumbnailBytes what they took.
	Thumbnails     int   `json:"thumbnails"`
	ThumbnailBytes int64 `json:"thumbnail_bytes"`

	// DatabaseBytes are the bytes of the database that come free. It is an
	// estimate: the share that the records of the events have in all pages
	// that are in use. Later writes use them again; the file does not shrink.
	DatabaseBytes int64 `json:"database_bytes"`
}

func (r *Removed) add(o Removed) {
	r.Events += o.Events
	r.Detections += o.Detections
	r.Thumbnails += o.Thumbnails
	r.ThumbnailBytes += o.ThumbnailBytes
	r.DatabaseBytes += o.DatabaseBytes
}

func (r *Removed) subtract(o Removed) {
	r.Events -= o.Events
	r.Detections -= o.Detections
	r.Thumbnails -= o.Thumbnails
	r.ThumbnailBytes -= o.ThumbnailBytes
	r.DatabaseBytes -= o.DatabaseBytes
}

// RemovedBy is what went for one reason.
type RemovedBy struct {
	// Reason is the Name of a Rule, "max age", "max events", "max bytes", "keep
	// free" or "thumbnail age".
	Reason string `json:"reason"`
	Removed
}

// A Pruned is the account of a Prune, or of what one would do.
type Pruned struct {
	// Removed is the sum of By.
	Removed

	// By has each rule of the policy, in its order, and the other reasons, also
	// those for which nothing went.
	By List[RemovedBy] `json:"by"`

	// Orphans are files of thumbnails that belonged to no event, an hour old
	// or older, and OrphanBytes what they took.
	Orphans     int   `json:"orphans"`
	OrphanBytes int64 `json:"orphan_bytes"`

	// Folder says whose the thumbnail folder is: only in one that is FolderOwn are
	// these known to be nobody's (Policy.Orphans).
	Folder Folder `json:"folder"`

	// Kept is how many are left of the events that there were in the beginning.
	Kept int `json:"kept"`

	// HeldBack says in sentences what the policy calls for and was not removed, for
	// want of proof that it may go or because that would be in vain, and why.
	HeldBack List[string] `json:"held_back"`
}

// Prune deletes what the policy does not keep: events with their detections and
// thumbnails, thumbnails alone, and also thumbnails that belong to no event and
// are an hour old.
//
// It destroys nothing on one unchecked reading. A clock that has gone ahead of what the
// store has seen, and of how long the system has run since, is not believed before it
// has run for a day (Policy.TrustClock), and events that were written while the clock
// was dead age from when it was right again. A thumbnail of no event goes where the folder is the store's alone
// (Verification.Folder), and few of them at a time (Policy.Orphans). Before any file
// is removed the whole database has been verified since it was opened, which may
// have to be done first. Pruned.HeldBack says what stays for want of proof.
//
// It does so a little at a time, so that other writes go on meanwhile: in transactions
// of some hundreds of events while nobody else writes, and else of fewer, each
// followed by a pause as long as it took. Events
// that are written, pinned or changed meanwhile are judged as they are then.
// One Prune goes on at a time; another one waits for it.
//
// Where it ends early it leaves whole events and whole thumbnails, and the
// account says what is gone: when ctx ends, when the store is closed, which does
// not wait for the rest (ErrClosed), and when a write fails. A policy that
// cannot be is ErrInvalid, and the text names the field; the account is nil
// then.
func (s *Store) Prune(ctx context.Context, policy Policy) (*Pruned, error) {
	gone, err := s.prune(ctx, &policy, false)
	return gone, failed("prune", err)
}

// WouldPrune says what Prune would remove now, and removes nothing. It can be
// asked of a store that is read-only.
func (s *Store) WouldPrune(ctx context.Context, policy Policy) (*Pruned, error) {
	gone, err := s.prune(ctx, &policy, true)
	return gone, failed("would prune", err)
}

func (s *Store) prune(ctx context.Context, policy *Policy, dry bool) (_ *Pruned, err error) {
	if err := policy.validate(); err != nil {
		return nil, err
	}
	policy = policy.normal()
	leave, err := s.enterPrune(ctx, dry)
	if err != nil {
		return nil, err
	}
	defer leave()
	at := s.clock.read()
	if policy.TrustClock {
		at.believed, at.ahead = at.wall, false
		if !dry {
			s.clock.trust()
		}
	}
	p := s.newPruning(ctx, policy, dry, &at)
	err = p.run()
	if err == nil && at.ahead {
		err = p.holdBackByClock(&at)
	}
	if err == nil && !dry {
		err = s.keepHeldBack(ctx, p.heldBack)
	}
	return p.account(), err
}

// enterPrune begins a Prune, or a call that takes turns with it; leave ends it. A dry one
// changes nothing, waits for no other, and may be of a store that is read-only.
func (s *Store) enterPrune(ctx context.Context, dry bool) (leave func(), err error) {
	if dry {
		return s.leave, s.enter()
	}
	if err := s.enterWrite(); err != nil {
		return nil, err
	}
	unlock, err := s.prunes.Lock(ctx)
	if err != nil {
		s.leave()
		return nil, err
	}
	return func() { unlock(); s.leave() }, nil
}

func (s *Store) newPruning(ctx context.Context, policy *Policy, dry bool, at *reading) *pruning {
	return &pruning{
		s: s, ctx: ctx, series: newSeries(s.commits), dry: dry, tell: s.opt.Progress, policy: policy, labels: policy.needsLabels(),
		verdict: newVerdict(policy, at), gone: make([]Removed, len(policy.Rules)+reasonCount),
	}
}

// holdBackByClock says what would go if the clock were believed.
func (p *pruning) holdBackByClock(at *reading) error {
	believing := *at
	believing.believed = at.wall
	would := p.s.newPruning(p.ctx, p.policy, true, &believing)
	would.tell = nil
	if err := would.judge(); err != nil {
		return err
	}
	more := would.account().Removed
	if p.dry { // what goes in any case is still there
		more.subtract(p.account().Removed)
	}
	if more.Events+more.Thumbnails > 0 {
		// Without the moment, so that it is said once and not each time.
		p.holdBack("the clock says %s, ahead of all that the store has seen, which is %s: "+
			"%d events and %d thumbnails (%d bytes) that are old by it stay until it has run for a day, "+
			"or somebody says that it is right (Policy.TrustClock, prune --trust-clock)",
			at.wall.UTC().Format(time.DateOnly), at.seen.UTC().Format(time.DateOnly),
			more.Events, more.Thumbnails, more.ThumbnailBytes)
	}
	return nil
}

func (p *pruning) holdBack(format string, args ...any) {
	p.heldBack = append(p.heldBack, fmt.Sprintf(format, args...))
}

// A pruning is one run of Prune.
type pruning struct {
	s      *Store
	ctx    context.Context
	dry    bool
	tell   func(Progress) // nil: nobody asks
	policy *Policy
	series *series
	labels bool // a rule looks at them
	verdict

	events              int   // in the beginning
	inUse               int64 // bytes of pages, in the beginning
	walked, walkedBytes int64 // events, and bytes of their records, from which the shares are reckoned
	surveyed            bool  // and these are those of all events

	progress    *progress // of the sweep, in events
	gone        []Removed // for each reason; DatabaseBytes are those of records
	pictures    int       // files with the name of a thumbnail, in the beginning
	orphans     int
	orphanBytes int64
	heldBack    []string
	linked      int // events that stay because their pictures lie behind a symbolic link
	folder      Folder
	freeBefore  int64 // bytes of the disk, if that matters
}

func (p *pruning) run() error {
	if err := p.s.ensureVerified(p.ctx); err != nil {
		return err
	}
	found, err := p.findOrphans() // before pictures go, of which these are to be a small share
	if err != nil {
		return err
	}
	p.pictures = found.pictures
	if err := p.judge(); err != nil {
		return err
	}
	return p.removeOrphans(&found)
}

// judge removes, or counts, the events and thumbnails that the policy does not keep.
func (p *pruning) judge() (err error) {
	if err := p.proceed(); err != nil {
		return err
	}
	if p.events, p.inUse, err = p.s.inUse(p.ctx); err != nil {
		return err
	}
	if err := p.bound(); err != nil {
		return err
	}
	if err := p.boundFree(); err != nil {
		return err
	}
	if err := p.sweep(); err != nil {
		return err
	}
	if p.linked > 0 {
		p.holdBack("%d events keep their thumbnails, and stay if they were to go, because these lie behind %v", p.linked, ErrSymlink)
	}
	return p.noteVain()
}

// proceed says whether there is a reason to stop.
func (p *pruning) proceed() error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.closing {
		return ErrClosed
	}
	if damage := p.s.damage.Load(); damage != nil {
		return *damage
	}
	return nil
}

// account returns what has gone so far.
func (p *pruning) account() *Pruned {
	all := &Pruned{Orphans: p.orphans, OrphanBytes: p.orphanBytes, HeldBack: p.heldBack, Folder: p.folder}
	for i, name := range p.policy.reasons() {
		by := RemovedBy{name, p.gone[i]}
		by.DatabaseBytes = p.share(by.DatabaseBytes)
		all.By = append(all.By, by)
		all.add(by.Removed)
	}
	all.Kept = p.events - all.Events
	return all
}

// share returns how much of the pages in use falls to so many bytes of records.
func (p *pruning) share(bytes int64) int64 {
	if p.walkedBytes == 0 || p.events == 0 {
		return 0
	}
	all := float64(p.walkedBytes) / float64(p.walked) * float64(p.events)
	return int64(float64(bytes) / all * float64(p.inUse))
}

// sweep removes, or counts, what the policy does not keep.
func (p *pruning) sweep() (err error) {
	var found []candidate
	until := p.youngest()
	doing := "pruning"
	if p.dry {
		doing = "judging"
	}
	if p.progress, err = p.begin(doing, until); err != nil {
		return err
	}
	err = p.walk(until, func(r *record, bytes int64) (bool, error) {
		if !p.surveyed {
			p.walked++
			p.walkedBytes += bytes
		}
		switch {
		case p.event(&r.Event) == stays && p.thumbnail(&r.Event) == stays:
			p.progress.add(1)
			return true, nil
		case p.thumbnail(&r.Event) != stays && p.s.thumbs.isLinked(r.ThumbnailPath):
			p.progress.add(1)
			p.linked++
			return true, nil
		case p.dry:
			p.progress.add(1)
			return true, p.wouldGo(r, bytes)
		}
		found = append(found, candidate{r.ID, r.detections, r.ThumbnailPath != "", bytes})
		return true, nil
	}, func() error {
		if len(found) < eventsAlone {
			return nil
		}
		defer func() { found = found[:0] }()
		return p.removeAll(found)
	})
	if err == nil {
		err = p.removeAll(found)
	}
	if err == nil {
		p.progress.finish()
	}
	return err
}

// begin returns what tells how many of the events before an ID are done.
func (p *pruning) begin(doing string, until ID) (*progress, error) {
	told := tellEvents(p.tell, doing)
	if !told.asked() {
		return told, nil
	}
	q := Query{}
	if until != lastID {
		q.Until = IDTime(until)
	}
	return told, p.inSnapshot(func(sn *Snapshot) error {
		n, err := sn.count(q)
		if err == nil {
			told.knows(int64(n))
		}
		return err
	})
}

// How much is read in one snapshot, so that none is open for long.
const walkEvents, walkBytes = 512, 4 << 20

// walk calls visit with the events before an ID, oldest first, without their
// detections unless a rule looks at them, and with the bytes of their records,
// until it returns false. A few at a time are read in one snapshot, and visited when
// it has ended, so that visit may look at files and take other snapshots. Then after
// is called, if it is not nil.
func (p *pruning) walk(until ID, visit func(*record, int64) (more bool, err error), after func() error) error {
	var some []walkedEvent
	for from, more := (ID{}), true; more; {
		if err := p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		err := p.inSnapshot(func(sn *Snapshot) (err error) {
			some, from, more, err = p.walkSome(sn, some[:0], from, until)
			return err
		})
		for i := 0; i < len(some) && err == nil; i++ {
			var goOn bool
			if goOn, err = visit(&some[i].record, some[i].bytes); !goOn {
				more = false
				break
			}
		}
		took := time.Since(begun)
		if err == nil && after != nil {
			err = after()
		}
		if err == nil && more && !p.dry {
			err = p.series.rest(p.ctx, took)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A walkedEvent is an event that a walk came to, and the bytes of its records.
type walkedEvent struct {
	record
	bytes int64
}

// walkSome adds a part of the events to some, and returns where the walk goes on.
func (p *pruning) walkSome(sn *Snapshot, some []walkedEvent, from, until ID) (_ []walkedEvent, next ID, more bool, err error) {
	mem := sn.manyEvents()
	size := int64(0)
	err = sn.overRecords(from, until, func(key, event, detected []byte) (goOn bool, err error) {
		var r record
		if err := decodeEvent(key, event, &mem, &r); err != nil {
			return false, fmt.Errorf("event %s: %w", keyText(key), err)
		}
		if len(some) == walkEvents || size >= walkBytes {
			next, more = r.ID, true
			return false, nil
		}
		bytes := int64(len(key) + len(event))
		if r.detections > 0 {
			if detected == nil {
				return false, fmt.Errorf("event %s: %w", r.ID, errNoDetections)
			}
			bytes += int64(len(key) + len(detected))
			if p.labels {
				if r.Detections, err = decodeDetections(key, detected, &mem, r.detections); err != nil {
					return false, fmt.Errorf("event %s: %w", r.ID, err)
				}
			}
		}
		some, size = append(some, walkedEvent{r, bytes}), size+bytes
		return true, nil
	})
	return some, next, more, err
}

// inSnapshot calls fn, guarded, with a snapshot that ends with it.
func (p *pruning) inSnapshot(fn func(*Snapshot) error) error {
	sn, err := p.s.look(p.ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	return fault.Guarded(func() error { return fn(sn) })
}

// wouldGo counts what goes with an event.
func (p *pruning) wouldGo(r *record, bytes int64) error {
	p.countEvent(p.event(&r.Event), r.detections, bytes)
	reason := p.thumbnail(&r.Event)
	if reason == stays {
		return nil
	}
	last := true
	if r.ThumbnailPath != thumbnailPath(r.ID) {
		var err error
		if last, err = p.lastOfFile(r); err != nil {
			return err
		}
	}
	if size, there := p.s.thumbs.size(r.ThumbnailPath); there && last {
		p.countFile(reason, size)
	}
	return nil
}

// lastOfFile reports whether a producer's file goes with this event: it is the
// newest of those that name it, and the others go too, or lose it.
func (p *pruning) lastOfFile(r *record) (last bool, err error) {
	return p.isNewestOf(r, func(other *Event) bool { return p.thumbnail(other) != stays })
}

// isNewestOf reports whether an event is the newest of those that name its file, and
// accept returns true for all of them.
func (p *pruning) isNewestOf(r *record, accept func(*Event) bool) (is bool, err error) {
	err = p.inSnapshot(func(sn *Snapshot) (err error) {
		newest := true
		nerr := sn.overNamers(r.ThumbnailPath, func(id ID) bool {
			if newest && id != r.ID {
				return false
			}
			newest = false
			var other record
			err = sn.event(id, &other)
			is = err == nil && accept(&other.Event)
			return is
		})
		return errors.Join(err, nerr)
	})
	return is && err == nil, err
}

func (p *pruning) countEvent(reason, detections int, bytes int64) {
	if reason != stays {
		p.gone[reason].add(Removed{Events: 1, Detections: detections, DatabaseBytes: bytes})
	}
}

func (p *pruning) countFile(reason int, bytes int64) {
	p.gone[reason].add(Removed{Thumbnails: 1, ThumbnailBytes: bytes})
}

// inUse returns the number of events, and the bytes of the pages that are not free.
func (s *Store) inUse(ctx context.Context) (events int, bytes int64, err error) {
	sn, err := s.look(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer sn.close()
	st, err := sn.state()
	u := sn.r.File.Usage()
	return int(st.sums[eventsSum].entries), u.Live(), err
}
