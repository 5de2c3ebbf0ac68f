package main

import (
	"errors"
	"fmt"
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

// withStore opens the store, calls use, and closes the store.
func (a *app) withStore(mode access, use func(*doorlog.Store) error) (err error) {
	find := a.dbPath
	if mode < creates {
		find = a.existingDB
	}
	path, err := find()
	if err != nil {
		return err
	}
	thumbnails := ""
	if mode == readsPictures || mode == changesPictures || mode == frames {
		if thumbnails, err = a.thumbnailDir(); err != nil {
			return err
		}
	}
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: mode <= readsPictures})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	return use(st)
}

// open is [doorlog.Open] with the options that every command has. Without a Progress of its
// own it shows that of the opening alone.
func (a *app) open(path string, opts *doorlog.Options) (*doorlog.Store, error) {
	if opts.Progress == nil {
		told, end := a.follow()
		defer end()
		opts.Progress = told
	}
	st, err := doorlog.Open(path, a.options(opts))
	return st, explainLock(err)
}

// options sets the options that every command has.
func (a *app) options(opts *doorlog.Options) *doorlog.Options {
	opts.LockTimeout, opts.Logger, opts.Now = a.patience, a.logger(), a.now
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
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	}))
}

// rewrite opens the store, calls use with a progress bar, and closes the store.
func (a *app) rewrite(path, thumbnails string, use func(*doorlog.Store) error) (err error) {
	told, end := a.follow()
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told})
	if err != nil {
		return err
	}
	defer func() {
		end()
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	return use(st)
}
