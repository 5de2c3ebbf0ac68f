package web

import (
	"encoding/json"
	"sync"
	"time"
)

// An outbox sends lines to the client from a goroutine of its own, so that whoever adds them need not wait
// for the client before maxPending bytes are waiting.
type outbox struct {
	c       *call
	mu      sync.Mutex
	changed sync.Cond
	pending []byte
	closed  bool
	err     error // of the connection
	done    chan struct{}
}

func newOutbox(c *call) *outbox {
	o := &outbox{c: c, done: make(chan struct{})}
	o.changed.L = &o.mu
	go o.run()
	return o
}

// add adds results. It returns false if the client takes no more of them.
func (o *outbox) add(results []lineResult) bool {
	var text []byte
	for i := range results {
		line, err := json.Marshal(results[i])
		if err != nil {
			o.fail(err)
			return false
		}
		text = append(append(text, line...), '\n')
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.pending) > maxPending { // whoever does not read for so long has gone
		o.hurry()
	}
	for len(o.pending) > maxPending && o.err == nil {
		o.changed.Wait()
	}
	o.pending = append(o.pending, text...)
	o.changed.Broadcast()
	return o.err == nil
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
	o.changed.Broadcast()
}

// run sends what is pending.
func (o *outbox) run() {
	defer close(o.done)
	for {
		o.mu.Lock()
		for len(o.pending) == 0 && !o.closed && o.err == nil {
			o.changed.Wait()
		}
		text := o.pending
		ended := o.err != nil || len(text) == 0
		o.pending = nil
		o.changed.Broadcast()
		o.mu.Unlock()
		if ended {
			return
		}
		_, err := o.c.w.Write(text)
		if err == nil {
			err = o.c.w.FlushError()
		}
		if err != nil {
			o.fail(err)
			return
		}
	}
}

// close sends what is left, and returns the error of the connection.
func (o *outbox) close() error {
	o.mu.Lock()
	o.closed = true
	o.changed.Broadcast()
	o.mu.Unlock()
	o.hurry()
	<-o.done
	return o.err
}

// hurry gives the client a time limit for what it has not read yet.
func (o *outbox) hurry() {
	_ = o.c.w.control().SetWriteDeadline(time.Now().Add(o.c.w.limits.write)) // a connection without deadlines is none of ours
}
