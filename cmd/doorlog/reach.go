package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/doorlog/doorlog"
)

// lockPatience is how long a command waits for other processes, so that the scripts of
// several cameras can write at the same moment.
const lockPatience = 5 * time.Second

// access says what a command does with the store.
type access int

const (
	reads           access = iota // read the database, which must exist, together with others
	readsPictures                 // the same, and thumbnails
	changes                       // change the database, which must exist
	changesPictures               // the same, and thumbnails
	creates                       // change the database, and make it if it does not exist
	frames                        // the same, and make thumbnails
)

// needsFolder reports whether a command needs the folder of the thumbnails.
func (m access) needsFolder() bool {
	return m == readsPictures || m == changesPictures || m == frames
}

// withStore opens the store, calls use, and closes the store. The context that use gets shows
// the progress of long calls. If mode only reads, use may be called a second time, and begins again then.
func (a *app) withStore(ctx context.Context, mode access, use func(context.Context, store) error) error {
	return a.use(ctx, mode, &doorlog.Options{}, use)
}

// forLongCall is withStore for a call that may take long, which nothing should slow down.
func (a *app) forLongCall(ctx context.Context, mode access, use func(context.Context, store) error) error {
	return a.use(ctx, mode, &doorlog.Options{Scrub: -1}, use)
}

// use opens the store, calls use, and closes the store. If a server ends before a command that only reads
// has printed anything, it does so once more, with the file or with the next server.
func (a *app) use(ctx context.Context, mode access, opts *doorlog.Options, use func(context.Context, store) error) error {
	printed := &notingWriter{w: a.out}
	a.out = printed
	defer func() { a.out = printed.w }()
	for again := mode <= readsPictures; ; again = false {
		st, err := a.reach(ctx, mode, opts)
		if err != nil {
			return err
		}
		err = a.with(ctx, st, use)
		if _, served := st.(*servedStore); !again || !served || !hasEnded(err) || printed.any || ctx.Err() != nil {
			return err
		}
		a.servedDir = ""
	}
}

// A notingWriter notes whether anything was written.
type notingWriter struct {
	w   io.Writer
	any bool
}

func (n *notingWriter) Write(p []byte) (int, error) {
	n.any = true
	return n.w.Write(p)
}

// with calls use, and closes the store.
func (a *app) with(ctx context.Context, st store, use func(context.Context, store) error) (err error) {
	told, end := a.follow()
	defer func() {
		end()
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	ctx = doorlog.WithProgress(ctx, told)
	if _, served := st.(*servedStore); served { // a file has its logger since it was opened
		ctx = doorlog.WithLogger(ctx, a.logger())
	}
	return use(ctx, st)
}

// reach opens the store, or connects to the server that has it open.
func (a *app) reach(ctx context.Context, mode access, opts *doorlog.Options) (store, error) {
	find := a.dbPath
	if mode < creates {
		find = a.existingDB
	}
	path, err := find()
	if err != nil {
		return nil, err
	}
	if mode.needsFolder() {
		if opts.ThumbnailDir, err = a.thumbnailDir(); err != nil {
			return nil, err
		}
	}
	opts.ReadOnly = mode <= readsPictures
	var file *doorlog.Store
	server, err := a.orServer(ctx, mode, path, func(wait time.Duration) (err error) {
		file, err = a.open(path, opts, wait)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case server != nil:
		return server, nil
	}
	return &fileStore{file, opts.ThumbnailDir}, nil
}

// open is [doorlog.Open] with the options that every command has. It shows the progress of the
// opening. wait is the LockTimeout.
func (a *app) open(path string, opts *doorlog.Options, wait time.Duration) (*doorlog.Store, error) {
	told, end := a.follow()
	defer end()
	opts.Progress = told
	return doorlog.Open(path, a.options(opts, wait))
}

// options sets the options that every command has.
func (a *app) options(opts *doorlog.Options, wait time.Duration) *doorlog.Options {
	opts.LockTimeout, opts.Logger, opts.Now = wait, a.logger(), a.now
	return opts
}

// explainLock adds to ErrLocked what to do.
func explainLock(err error) error {
	if errors.Is(err, doorlog.ErrLocked) {
		return fmt.Errorf("%w, which has it open: wait for it to end", err)
	}
	return err
}

// logger returns a logger for people: on standard error, without the time.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
}

// withoutTime leaves out the time of a line.
func withoutTime(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 && attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}
