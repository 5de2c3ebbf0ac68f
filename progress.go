package doorlog

import (
	"io"
	"time"
)

// A Progress says how far a long call is. A call may do several things, one after the
// other, and some of them more than once.
type Progress struct {
	// Doing is what is being done, for people to read:
	//
	//	"verifying"                 pages are read and compared with their sums
	//	"comparing"                 events are compared with indexes and rollups
	//	"comparing thumbnails"      files are compared with the events that name them
	//	"looking for orphans"       files are looked up that may belong to no event
	//	"saving records"            Salvage and Repair copy the records that verify
	//	"searching for records"     they look for others in every page
	//	"indexing"                  they make the indexes of the new file
	//	"judging", "pruning"        Prune finds what is to go, and removes it
	//	"looking for thumbnails"    ForgetMissing finds what is missing
	//	"forgetting"                and takes the names off
	//	"looking for attributes"    ErasePerson looks at all events for the name
	//	"erasing"                   it changes the events of the person
	//	"compacting"                entries are copied into a new file
	//	"backing up", "restoring"   of the database and the thumbnails
	Doing string `json:"doing"`

	// Done is how much of it is done, and Total about how much there is; -1: that is not
	// known, or not yet.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`

	// Bytes says that these are bytes; else they are events, or files where Doing says so.
	Bytes bool `json:"bytes"`
}

// A progress tells how far a long call is: in its beginning, when more is known of
// it, at its end, and now and then in between. A nil one tells nobody.
type progress struct {
	tell func(Progress) // nil: nobody asks
	now  Progress
	last Progress // that was told, at this time:
	told time.Time
}

// often is how much time goes by between two calls of tell.
const often = 200 * time.Millisecond

// tellEvents and tellBytes return what tells how many events, or bytes, are done.
func tellEvents(tell func(Progress), doing string) *progress {
	return &progress{tell: tell, now: Progress{Doing: doing, Total: -1}}
}

func tellBytes(tell func(Progress), doing string) *progress {
	return &progress{tell: tell, now: Progress{Doing: doing, Total: -1, Bytes: true}}
}

// asked reports whether somebody asks.
func (p *progress) asked() bool { return p != nil && p.tell != nil }

// knows tells how much there is, or how much there is after all.
func (p *progress) knows(total int64) {
	if p.asked() {
		p.now.Total = total
		p.say()
	}
}

// add tells, now and then, that n more are done.
func (p *progress) add(n int64) {
	if !p.asked() {
		return
	}
	if p.now.Done += n; time.Since(p.told) >= often {
		p.say()
	}
}

// step tells that n more are done.
func (p *progress) step(n int64) {
	if p.asked() {
		p.now.Done += n
		p.say()
	}
}

// say tells how far it is, unless that has been told.
func (p *progress) say() {
	if !p.asked() {
		return
	}
	p.told = time.Now()
	now := p.now
	if now.Total >= 0 {
		now.Done = min(now.Done, now.Total) // which is not exact where something has changed
	}
	if now != p.last {
		p.last = now
		p.tell(now)
	}
}

// finish tells that all is done.
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
