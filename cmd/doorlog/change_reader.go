package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/doorlog/doorlog"
)

const (
	pagesALook = 16   // how many pages of changes a look at the database reads at most
	passedOver = 1000 // after how many changes that are not printed the place of a consumer is moved
)

// A changeReader reads and prints changes. It has the database open only while it reads pages of
// them into memory, and not while it prints: so a reader of the output that is slow keeps no
// process from writing. The next look acknowledges what was printed. If a server has the file open,
// it stays connected to it, and is told of changes as they come.
type changeReader struct {
	*app
	printer changePrinter
	options doorlog.ChangeOptions
	after   string
	follow  bool
	onePage bool
	every   time.Duration
	pages   int // that a look reads at most
	left    int // how many changes are still to be printed

	begun   bool
	at      doorlog.Cursor // after the last change that was printed or passed over
	more    bool           // there are changes after at
	waiting bool           // it has been said that another process has the database open

	server *servedStore // that has the file open; nil: none
	idle   bool         // it has told of no change since the last look

	consumer string
	acked    doorlog.Cursor // the place of the consumer
	printed  bool           // there are lines that it has not acknowledged

	seen fileMark // the database at the last look that came to the end
}

func (r *changeReader) run(ctx context.Context) error {
	defer r.disconnect()
	for {
		err := r.turn(ctx)
		if err == nil && r.ended() {
			break
		}
		if err == nil && !r.more && !r.due() {
			err = r.pause(ctx)
		}
		if err != nil && r.follow && ctx.Err() != nil {
			if aerr := r.settle(context.WithoutCancel(ctx)); aerr != nil && !errors.Is(aerr, doorlog.ErrLocked) {
				return aerr
			}
		}
		if err != nil {
			return r.explain(err)
		}
	}
	if err := r.settle(ctx); err != nil {
		return r.explain(err)
	}
	return r.printer.end(r.at, r.more)
}

// ended reports whether everything was printed that is to be printed.
func (r *changeReader) ended() bool {
	return r.begun && (r.left == 0 || !r.follow && (!r.more || r.onePage))
}

// turn looks for changes and prints them.
func (r *changeReader) turn(ctx context.Context) error {
	mark := markOf(r.dbPath)
	if r.follow && r.begun && !r.more && !r.due() && r.isStill(mark) {
		return nil
	}
	var pages []doorlog.ChangePage
	err := r.open(ctx, r.consumer != "" && (!r.begun || r.due()), func(st store) (err error) {
		if err = r.place(ctx, st); err == nil {
			pages, err = r.read(ctx, st)
		}
		return err
	})
	for i := range pages { // also those before an error
		if perr := r.print(&pages[i]); perr != nil {
			return perr
		}
	}
	switch {
	case r.follow && errors.Is(err, doorlog.ErrLocked):
		r.tellWaiting()
		return nil
	case r.follow && r.lostServer(ctx, err):
		return nil
	case err != nil:
		return err
	}
	if r.waiting = false; !r.more {
		r.seen = mark
	}
	return nil
}

// open opens the store, calls use, and closes the store. The connection to a server stays open.
func (r *changeReader) open(ctx context.Context, writes bool, use func(store) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.server != nil {
		return use(r.server)
	}
	mode := reads
	if writes {
		mode = changes
	}
	st, err := r.reach(ctx, mode, &doorlog.Options{Scrub: -1})
	if err != nil {
		return err
	}
	if server, ok := st.(*servedStore); ok {
		r.server = server
		return use(server)
	}
	return errors.Join(use(st), st.Close())
}

// isStill reports whether nothing has changed since the last look.
func (r *changeReader) isStill(mark fileMark) bool {
	if r.server != nil {
		return r.idle
	}
	return mark.isStill(r.seen)
}

// lostServer reports whether an error says that the server has gone away. Then the next look opens
// the file, or finds the next server.
func (r *changeReader) lostServer(ctx context.Context, err error) bool {
	if r.server == nil || ctx.Err() != nil || !hasEnded(err) {
		return false
	}
	r.disconnect()
	return true
}

func (r *changeReader) disconnect() {
	if r.server != nil {
		_ = r.server.Close() // it was only read
		r.server, r.idle = nil, false
	}
}

// place finds out where to begin, or else acknowledges what was printed.
func (r *changeReader) place(ctx context.Context, st store) (err error) {
	if r.begun {
		return r.acknowledge(ctx, st)
	}
	if r.at, err = placeIn(ctx, st, r.after); err == nil && r.consumer != "" {
		err = r.beginConsumer(ctx, st)
	}
	r.begun = err == nil
	return err
}

// beginConsumer makes the consumer if it is new, and goes on from its place.
func (r *changeReader) beginConsumer(ctx context.Context, st store) error {
	c, err := st.Consumer(ctx, r.consumer, &doorlog.ConsumerOptions{From: r.at})
	if err != nil {
		return err
	}
	if r.acked, err = c.Cursor(ctx); err != nil {
		return err
	}
	if r.acked != r.at && r.after != afterStart && r.after != afterNow {
		return misuse("consumer %q is at another place than --after: to move it there use \"doorlog consumers move\"", r.consumer)
	}
	r.at, r.consumer = r.acked, c.Name()
	return nil
}

// due reports whether the place of the consumer should be moved.
func (r *changeReader) due() bool {
	return r.consumer != "" && (r.printed || r.at.Seq() >= r.acked.Seq()+passedOver)
}

// acknowledge moves the place of the consumer to what was printed. If somebody else has moved it,
// the reader goes on from there.
func (r *changeReader) acknowledge(ctx context.Context, st store) error {
	if r.consumer == "" {
		return nil
	}
	place, err := consumerPlace(ctx, st, r.consumer)
	if err != nil {
		return err
	}
	if place != r.acked {
		r.at, r.acked, r.printed = place, place, false
	}
	if !r.due() {
		return nil
	}
	c, err := st.Consumer(ctx, r.consumer, nil)
	if err == nil {
		err = c.Ack(ctx, r.at)
	}
	if err == nil {
		r.acked, r.printed = r.at, false
	}
	return err
}

// settle acknowledges at the end what has not been acknowledged yet.
func (r *changeReader) settle(ctx context.Context) error {
	if r.consumer == "" || !r.begun || r.at == r.acked {
		return nil
	}
	r.printed = true // also what was passed over
	return r.open(ctx, true, func(st store) error { return r.acknowledge(ctx, st) })
}

// read reads the next changes.
func (r *changeReader) read(ctx context.Context, st store) (pages []doorlog.ChangePage, err error) {
	at, left := r.at, r.left
	for len(pages) < r.pages && left > 0 {
		page, err := st.ChangePage(ctx, at, min(left, mostPage), &r.options)
		if err == nil || len(page.Changes) > 0 && !r.onePage {
			pages = append(pages, page)
		}
		if at, left = page.Next, left-len(page.Changes); err != nil || !page.More {
			return pages, err
		}
	}
	return pages, nil
}

// print prints a page.
func (r *changeReader) print(page *doorlog.ChangePage) error {
	if err := r.printer.print(page); err != nil {
		return err
	}
	r.at, r.more, r.left = page.Next, page.More, r.left-len(page.Changes)
	r.printed = r.printed || len(page.Changes) > 0
	return nil
}

// pause waits until it is time to look again: a server tells of a change at once. The error is EPIPE
// if nobody reads the output any more.
func (r *changeReader) pause(ctx context.Context) error {
	if r.pipe != nil && isUnread(r.pipe) {
		return syscall.EPIPE
	}
	if r.server != nil && r.begun {
		return r.await(ctx)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.every):
		return nil
	}
}

// await waits for a change that the server tells of, and no longer than every, because somebody has to
// notice that nobody reads the output.
func (r *changeReader) await(ctx context.Context) error {
	waiting, stop := context.WithTimeout(ctx, r.every)
	defer stop()
	err := r.server.AwaitChange(waiting, r.at)
	r.idle = err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
	if r.idle || r.lostServer(ctx, err) {
		return nil
	}
	return err
}

// tellWaiting says that another process has the database open, once until that has ended.
func (r *changeReader) tellWaiting() {
	if !r.waiting {
		path, _ := r.dbPath()
		fmt.Fprintf(r.err, "doorlog: another process has %s open: waiting for it to end\n", path)
		if r.after == "now" && !r.begun {
			fmt.Fprintln(r.err, "doorlog: --after now leaves out what changes until then")
		}
	}
	r.waiting = true
}

// explain adds to ErrGone how to go on.
func (r *changeReader) explain(err error) error {
	switch {
	case !errors.Is(err, doorlog.ErrGone):
		return err
	case r.consumer == "":
		return fmt.Errorf("%w\nto go on: note the cursor that \"doorlog info\" shows, read the events again, such as with "+
			"\"doorlog export\", and continue with --after and that cursor; --after now leaves out what happened before", err)
	case !r.begun && r.acked.IsZero():
		return fmt.Errorf("%w\nto begin with what happens from now on use --after now", err)
	}
	return fmt.Errorf("%w\nto go on: use \"doorlog consumers move NAME now\", and then read the events again, such as with \"doorlog export\"", err)
}

// A fileMark tells whether a file has changed.
type fileMark struct {
	info  fs.FileInfo
	quiet bool // nothing was written shortly before
}

// coarsest is the longest time in which two changes of a file may get the same time, on FAT.
const coarsest = 2 * time.Second

func markOf(find func() (string, error)) fileMark {
	path, err := find()
	if err != nil {
		return fileMark{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileMark{}
	}
	return fileMark{info, info.ModTime().Before(time.Now().Add(-coarsest))}
}

// isStill reports whether nobody has written to the file since it had another mark.
func (m fileMark) isStill(before fileMark) bool {
	return m.info != nil && before.info != nil && before.quiet && os.SameFile(m.info, before.info) &&
		m.info.Size() == before.info.Size() && m.info.ModTime().Equal(before.info.ModTime())
}
