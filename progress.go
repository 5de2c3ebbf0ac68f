package doorlog

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// A Progress says how far a long call has got. A call may have several phases, one
// after the other, and go through some of them more than once.
type Progress struct {
	// Doing names the phase, for people to read:
	//
	//	"verifying"                 pages are read and compared with their sums
	//	"comparing"                 events are compared with indexes and rollups
	//	"comparing thumbnails"      files are compared with the events that name them
	//	"looking for orphans"       files are looked for that may belong to no event
	//	"saving records"            Salvage and Repair copy the records that verify
	//	"searching for records"     they search every page for other records
	//	"indexing"                  they make the indexes of the new file
	//	"judging", "pruning"        Prune finds what is to go, and removes it
	//	"looking for thumbnails"    ForgetMissing finds what is missing
	//	"forgetting"                ForgetMissing takes the missing names off
	//	"looking for attributes"    ErasePerson looks at all events for the name
	//	"erasing"                   ErasePerson changes the events of the person
	//	"renaming"                  RenameCamera and RenamePerson change the events
	//	"compacting"                entries are copied into a new file
	//	"backing up", "restoring"   the database and the thumbnails are copied
	Doing string `json:"doing"`

	// Done is how much of the phase is done. Total is about how much there is in all,
	// or -1 if that is not known, or not known yet.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`

	// Bytes says that Done and Total are bytes. Else they are events, or files if Doing
	// speaks of files.
	Bytes bool `json:"bytes"`
}

// A progress reports how far a long call has got: at its beginning, when the total
// becomes known, now and then, and at its end. A nil progress reports to nobody.
type progress struct {
	tell func(Progress) // nil: nobody wants reports
	now  Progress
	last Progress  // the last report
	told time.Time // when say last ran
}

// often is the least time between two reports of add.
const often = 200 * time.Millisecond

// tellEvents and tellBytes return a progress that counts events, or bytes.
func tellEvents(tell func(Progress), doing string) *progress {
	return &progress{tell: tell, now: Progress{Doing: doing, Total: -1}}
}

func tellBytes(tell func(Progress), doing string) *progress {
	return &progress{tell: tell, now: Progress{Doing: doing, Total: -1, Bytes: true}}
}

// asked reports whether somebody wants reports.
func (p *progress) asked() bool { return p != nil && p.tell != nil }

// knows sets the total, for the first time or again, and reports.
func (p *progress) knows(total int64) {
	if p.asked() {
		p.now.Total = total
		p.say()
	}
}

// add counts n more, and reports if often has gone by.
func (p *progress) add(n int64) {
	if !p.asked() {
		return
	}
	if p.now.Done += n; time.Since(p.told) >= often {
		p.say()
	}
}

// step counts n more, and reports.
func (p *progress) step(n int64) {
	if p.asked() {
		p.now.Done += n
		p.say()
	}
}

// say reports how far the call has got, unless that was the last report.
func (p *progress) say() {
	if !p.asked() {
		return
	}
	p.told = time.Now()
	now := p.now
	if now.Total >= 0 {
		now.Done = min(now.Done, now.Total) // Total is not exact if events were written meanwhile
	}
	if now != p.last {
		p.last = now
		p.tell(now)
	}
}

type progressKey struct{}

// WithProgress returns a context for one long call, which reports its progress to tell, beside the
// Options.Progress of its store, and by the same rules. It is for [Store.Verify], [Store.Backup],
// [Store.Prune] and [Store.WouldPrune], [Store.ForgetMissing], [Store.Compact], [Store.ErasePerson],
// [Store.RenameCamera] and [Store.RenamePerson].
func WithProgress(ctx context.Context, tell func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

// ProgressOf returns the function that [WithProgress] has put into ctx, or nil. It is for those
// who pass the calls of a store on.
func ProgressOf(ctx context.Context) func(Progress) {
	tell, _ := ctx.Value(progressKey{}).(func(Progress))
	return tell
}

// carefulHook returns a hook that calls tell until that panics, which is a line in the log:
// it is called where a panic would mean that the file is damaged.
func carefulHook(tell func(Progress), log *slog.Logger) func(Progress) {
	if tell == nil {
		return nil
	}
	broken := new(atomic.Bool)
	return func(p Progress) {
		if broken.Load() {
			return
		}
		defer func() {
			if value := recover(); value != nil {
				broken.Store(true)
				log.Error("doorlog: the Progress hook has panicked, and is not called any more", "panic", value)
			}
		}()
		tell(p)
	}
}

// finish reports that all is done.
func (p *progress) finish() {
	if !p.asked() {
		return
	}
	if p.now.Total < 0 {
		p.now.Total = p.now.Done
	}
	p.now.Done = p.now.Total
	p.say()
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
