package web

import (
	"context"
	"sync"

	"github.com/doorlog/doorlog"
)

// awaitChanges returns a page of changes. If the caller waits it is not empty, unless the time is up.
func (c *call) awaitChanges(asked *changesAsked) (page doorlog.ChangePage, err error) {
	page.Next = asked.after
	if asked.now {
		if page.Next, err = c.Cursor(c.ctx()); err != nil {
			return page, err
		}
	}
	page, err = c.ChangePages(c.ctx(), page.Next, asked.limit, asked.options)
	if err != nil || len(page.Changes) > 0 || asked.wait == 0 {
		return page, err
	}
	p := newPoll(c.server.feed)
	if err := c.joinFeed(&p.reader); err != nil {
		return page, err
	}
	defer p.end()
	if p.feed.start(&p.reader) != nil { // the server is about to end
		return page, nil
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), asked.wait)
	defer cancel()
	for err == nil && len(page.Changes) == 0 && p.await(ctx) {
		if err = c.askAgain(); err == nil {
			page, err = c.ChangePages(c.ctx(), page.Next, asked.limit, asked.options)
		}
		if err == nil && len(page.Changes) == 0 {
			p.pass(page.More)
		}
	}
	return page, err
}

// A poll is a reader that answers once, with the first changes that come. It shares the turns of the
// streams, so that thousands that wait do not wake all at once.
type poll struct {
	reader
	mine   chan struct{} // its turn has begun
	passed chan outcome  // its turn ends
	once   sync.Once
	ended  chan struct{} // it waits no more
}

func newPoll(f *feed) *poll {
	p := &poll{mine: make(chan struct{}), passed: make(chan outcome), ended: make(chan struct{})}
	p.reader = reader{feed: f, turn: p.hold, stop: p.end}
	return p
}

// hold is the turn of a poll: it lasts until the handler passes it on.
func (p *poll) hold() outcome {
	select {
	case p.mine <- struct{}{}:
	case <-p.ended:
		return leaves
	}
	select {
	case o := <-p.passed:
		return o
	case <-p.ended:
		return leaves
	}
}

// await waits for a turn. It returns false if there will be none, or ctx has ended.
func (p *poll) await(ctx context.Context) bool {
	select {
	case <-p.mine:
		return true
	case <-p.ended:
	case <-ctx.Done():
	}
	return false
}

// pass ends the turn.
func (p *poll) pass(more bool) {
	o := idles
	if more {
		o = goesOn
	}
	select {
	case p.passed <- o:
	case <-p.ended:
	}
}

func (p *poll) end() {
	p.once.Do(func() {
		close(p.ended)
		p.feed.leave(&p.reader)
	})
}
