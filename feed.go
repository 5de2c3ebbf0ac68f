package doorlog

import "sync"

// A feed wakes the readers that wait for changes. A waiting reader has no transaction and no
// goroutine of its own: it waits for a channel that all readers share. So a commit wakes each
// of them once, and costs nothing if nobody waits.
type feed struct {
	mu   sync.Mutex
	last uint64        // number of the last change that was published
	more chan struct{} // closed when there are more; nil: nobody waits
}

// published tells the readers that the changes up to a number can be read.
func (f *feed) published(last uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last > f.last {
		f.last = last
		f.wake()
	}
}

// ended wakes all readers, so that they notice that the store was found damaged, or takes no more
// writes after a commit of unknown outcome.
func (f *feed) ended() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wake()
}

func (f *feed) wake() {
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// listen returns a channel that is closed when more changes can be read than now. A reader
// listens before it looks for changes, so that it misses none that comes in between.
func (f *feed) listen() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more == nil {
		f.more = make(chan struct{})
	}
	return f.more
}
