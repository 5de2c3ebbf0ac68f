package doorlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func (p *pruning) holdBack(format string, args ...any) {
	p.heldBack = append(p.heldBack, fmt.Sprintf(format, args...))
}

// A pruning is one run of Prune.
type pruning struct {
	s      *Store
	ctx    context.Context
	dry    bool
	tell   func(Progress) // nil: nobody wants reports
	policy *Policy
	series *series
	labels bool // a rule looks at labels
	verdict

	events              int   // at the start
	inUse               int64 // bytes of the pages in use at the start
	walked, walkedBytes int64 // events, and bytes of their records: share extrapolates from them
	surveyed            bool  // walked has all events

	progress    *progress // of the sweep, in events
	gone        []Removed // for each reason; DatabaseBytes are those of records
	pictures    int       // files with the name of a thumbnail, at the start
	orphans     int
	orphanBytes int64
	heldBack    []string
	linked      int // events that stay because their pictures lie behind a symbolic link
	folder      Folder
	freeBefore  int64 // free bytes of the disk at the start, if KeepFree is set and they are too few
}

// proceed returns an error if there is a reason to stop: the context, Close, or damage.
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

// share estimates how many bytes of the pages in use belong to records of so many
// bytes.
func (p *pruning) share(bytes int64) int64 {
	if p.walkedBytes == 0 || p.events == 0 {
		return 0
	}
	all := float64(p.walkedBytes) / float64(p.walked) * float64(p.events)
	return int64(float64(bytes) / all * float64(p.inUse))
}

// begin returns a progress that counts the events before an ID.
func (p *pruning) begin(doing string, until ID) (*progress, error) {
	told := tellEvents(p.tell, doing)
	if !told.asked() {
		return told, nil
	}
	q := Query{}
	if until != lastID {
		q.Until = until.Time()
	}
	return told, p.inSnapshot(func(in guarded) error {
		n, err := in.count(q)
		if err == nil {
			told.knows(int64(n))
		}
		return err
	})
}

// Limits on what is read in one snapshot, so that none is open for long.
const walkEvents, walkBytes = 512, 4 << 20

// walk calls visit with the events before an ID, oldest first, until visit returns
// false. visit gets the size of the event's records; the detections are loaded only if
// a rule looks at labels. A few events at a time are read in one snapshot and visited
// after it has ended, so visit may look at files and take other snapshots. After each
// group after is called, if it is not nil.
func (p *pruning) walk(until ID, visit func(*record, int64) (more bool, err error), after func() error) error {
	var some []walkedEvent
	for from, more := (ID{}), true; more; {
		if err := p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		err := p.inSnapshot(func(in guarded) (err error) {
			some, from, more, err = p.walkSome(in, some[:0], from, until)
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

// A walkedEvent is an event that a walk has read, and the bytes of its records.
type walkedEvent struct {
	record
	bytes int64
}

// walkSome appends the next events to some, and returns the ID at which the walk goes
// on; more is false at the end.
func (p *pruning) walkSome(in guarded, some []walkedEvent, from, until ID) (_ []walkedEvent, next ID, more bool, err error) {
	mem := in.manyEvents()
	size := int64(0)
	err = in.overRecords(from, until, func(key, event, detected []byte) (goOn bool, err error) {
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

// inSnapshot calls fn with a snapshot, which ends when fn returns.
func (p *pruning) inSnapshot(fn func(guarded) error) error {
	sn, err := p.s.look(p.ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	return sn.read(fn)
}

// wouldGo counts what would go with an event.
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

// lastOfFile reports whether a producer's file goes with this event: it is the newest
// that names the file, and all others that name it go too or lose it.
func (p *pruning) lastOfFile(r *record) (last bool, err error) {
	return p.isNewestOf(r, func(other *Event) bool { return p.thumbnail(other) != stays })
}

// isNewestOf reports whether an event is the newest of those that name its file, and
// accept returns true for all of them.
func (p *pruning) isNewestOf(r *record, accept func(*Event) bool) (is bool, err error) {
	err = p.inSnapshot(func(in guarded) (err error) {
		newest := true
		nerr := in.overNamers(r.ThumbnailPath, func(id ID) bool {
			if newest && id != r.ID {
				return false
			}
			newest = false
			var other record
			err = in.event(id, &other)
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
