package doorlog

import (
	"io"
	"time"
)

// A progress tells how far a long call is: in its beginning, when more is known of
// it, at its end, and now and then in between.
type progress struct {
	tell        func(done, total int64) // nil: nobody asks
	done, total int64                   // total is -1 as long as it is not known
	told        time.Time
}

// often is how much time goes by between two calls of tell.
const often = 200 * time.Millisecond

func newProgress(tell func(done, total int64)) progress { return progress{tell: tell, total: -1} }

// progress returns one that tells Options.Progress.
func (s *Store) progress(doing string) progress {
	tell := s.opt.Progress
	if tell == nil {
		return newProgress(nil)
	}
	return newProgress(func(done, total int64) { tell(doing, done, total) })
}

// knows tells how much there is, or how much there is after all.
func (p *progress) knows(total int64) {
	p.total, p.told = total, time.Time{}
	p.add(0)
}

func (p *progress) add(n int64) {
	p.done += n
	if p.tell == nil || time.Since(p.told) < often {
		return
	}
	p.told = time.Now()
	done := p.done
	if p.total >= 0 {
		done = min(done, p.total) // which is not exact where something has changed
	}
	p.tell(done, p.total)
}

// finish tells that all is done.
func (p *progress) finish() {
	p.done = p.total
	p.knows(p.total)
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
