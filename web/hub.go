package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A feed is all that read changes over HTTP, whether they stream or poll. While there are any, one hub
// serves them.
type feed struct {
	st        *doorlog.Store
	log       *slog.Logger
	heartbeat time.Duration
	takeTime  time.Duration // for a client to take a piece of a stream
	most      int           // readers at once
	told      func(int)     // of the number of readers

	mu      sync.Mutex
	readers int
	hub     *hub // nil: nobody reads
	drained bool
	all     sync.WaitGroup // readers
}

func newFeed(st *doorlog.Store, opt *Options) *feed {
	f := &feed{st: st, log: opt.Logger, heartbeat: opt.Heartbeat, takeTime: takeTime, most: opt.MaxStreams, told: opt.Streams}
	if f.told == nil {
		f.told = func(int) {}
	}
	return f
}

// join counts a reader, or says why it cannot be served. It gets turns after start.
func (f *feed) join(ctx context.Context, r *reader) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drained {
		return errDraining
	}
	if f.hub == nil || f.hub.ctx.Err() != nil {
		h, err := newHub(ctx, f)
		if err != nil {
			return err
		}
		f.hub = h
	}
	if f.hub.size() >= f.most {
		return fmt.Errorf("%w: %d read the changes already", wire.ErrTooMany, f.most)
	}
	f.all.Add(1)
	r.hub = f.hub
	r.hub.add(r)
	f.readers++
	f.told(f.readers)
	return nil
}

// start lets the hub of a reader give it turns, the first one soon. It returns an error if the hub has ended.
func (f *feed) start(r *reader) error {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return h.err
	}
	if _, there := h.readers[r]; there {
		h.readers[r] = true
		h.ready.push(r)
		h.ring()
	}
	return nil
}

var errDraining = wire.BadRequest(http.StatusServiceUnavailable, "the server is about to end")

// leave removes a reader. Its turn may still be under way. It may be called twice.
func (f *feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !r.hub.remove(r) {
		return
	}
	f.all.Done()
	f.readers--
	f.told(f.readers)
	if r.hub.size() > 0 {
		return
	}
	r.hub.end(context.Canceled)
	if f.hub == r.hub {
		f.hub = nil
	}
}

// drain ends all readers, lets no more in, and returns when they have left.
func (f *feed) drain() {
	f.mu.Lock()
	f.drained = true
	h := f.hub
	f.mu.Unlock()
	if h != nil {
		h.end(errDraining)
	}
	f.all.Wait()
}

// A hub reads each change once for all readers, and gives each reader its turns.
//
// It has two goroutines: follow reads the store, and conduct gives the turns. A reader has its turn when
// there are changes, and once in a heartbeat when there are none. Turns come one after the other, and
// with rests in between when there are many: so thousands of readers do not take the processors from
// whoever writes. Nobody waits for long for a turn that does not end, as that of a slow reader.
type hub struct {
	feed *feed
	ctx  context.Context // ends when the hub does
	stop context.CancelFunc
	bell chan struct{} // tells conduct that a reader is ready

	mu        sync.Mutex
	window    window
	published uint64           // how often the window has grown
	idle      queue            // readers that know all that was published, those who have waited longest first
	ready     queue            // readers that are to have a turn
	readers   map[*reader]bool // whether they have been started
	err       error            // why it ended
}

func newHub(ctx context.Context, f *feed) (*hub, error) {
	at, err := f.st.Cursor(ctx)
	if err != nil {
		return nil, err
	}
	h := &hub{feed: f, bell: make(chan struct{}, 1), window: newWindow(at), readers: make(map[*reader]bool)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	go h.follow(at)
	go h.conduct()
	return h, nil
}

// gatherTime is how long the hub lets changes gather after it has read some. The first one after a pause
// is read at once. Without it, a goroutine and a client would be woken within each write of one that
// writes without a pause.
const gatherTime = time.Millisecond

// follow reads the changes as they are committed.
func (h *hub) follow(at doorlog.Cursor) {
	defer func() {
		if p := recover(); p != nil {
			h.feed.log.Error("doorlog: the reader of the changes ended", "panic", p, "stack", string(debug.Stack()))
			h.end(errPanicked)
		}
	}()
	st := h.feed.st
	for {
		page, err := st.ChangePage(h.ctx, at, 0, nil)
		if err == nil {
			at = page.Next
			err = h.publish(&page)
		}
		if err == nil && !page.More {
			h.sleep(gatherTime, nil)
			err = st.AwaitChange(h.ctx, at)
		}
		if errors.Is(err, doorlog.ErrGone) { // they were trimmed before it came to them; each reader hears of it by itself
			if at, err = st.Cursor(h.ctx); err == nil {
				h.skip(at)
			}
		}
		if err != nil {
			h.end(err)
			return
		}
	}
}

func (h *hub) publish(page *doorlog.ChangePage) error {
	told := make([]told, len(page.Changes))
	for i := range page.Changes {
		var err error
		if told[i], err = tell(&page.Changes[i]); err != nil {
			return err
		}
	}
	if len(told) == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range told {
		h.window.add(t)
	}
	h.wakeAll()
	return nil
}

// skip begins another window, after changes that nobody has read.
func (h *hub) skip(at doorlog.Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.window = newWindow(at)
	h.wakeAll()
}

func (h *hub) wakeAll() {
	h.published++
	h.ready.take(&h.idle)
	h.ring()
}

func (h *hub) ring() {
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

func (h *hub) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers)
}

func (h *hub) add(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers[r] = false
}

// remove reports whether r was there.
func (h *hub) remove(r *reader) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.readers[r]; !there {
		return false
	}
	delete(h.readers, r)
	if r.in != nil {
		r.in.unlink(r)
	}
	return true
}

// end ends the hub and all its readers.
func (h *hub) end(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return
	}
	h.err = err
	h.stop()
	for r, started := range h.readers {
		if started {
			go r.stop() // which may wait, and leaves
		}
	}
}
