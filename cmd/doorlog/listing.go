package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// A listing prints all that a store has of one kind.
type listing[T any] struct {
	what    string // "cameras"
	read    func(store, context.Context) ([]T, error)
	headers []string
	row     func(item T, loc *time.Location) []string
}

func (l *listing[T]) print(ctx context.Context, a *app) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	var items []T
	err = a.withStore(ctx, reads, func(ctx context.Context, st store) (err error) {
		items, err = l.read(st, ctx)
		return err
	})
	if err != nil {
		return err
	}
	return emitList(a, items, func(w io.Writer) error {
		if len(items) == 0 {
			_, err := fmt.Fprintf(w, "there are no %s\n", l.what)
			return err
		}
		rows := make([][]string, len(items))
		for i, item := range items {
			rows[i] = l.row(item, loc)
		}
		return terminal.WriteTable(w, l.headers, rows)
	})
}

// removeNamed asks the question, unless yes is set, and has remove take something off the store by
// its name.
func (a *app) removeNamed(ctx context.Context, name, question string, yes bool, remove func(store, context.Context, string) error) error {
	if !yes {
		if err := a.checkCanAsk(); err != nil {
			return err
		}
		if err := a.confirm(ctx, question); err != nil {
			return err
		}
	}
	err := a.withStore(ctx, changes, func(ctx context.Context, st store) error { return remove(st, ctx, name) })
	if err != nil {
		return fromFlags(err)
	}
	removed := struct {
		Removed string `json:"removed"`
	}{name}
	return a.emit(removed, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "removed %s\n", terminal.Printable(name))
		return err
	})
}
