package web

import (
	"context"
	"fmt"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// What follows is access to the changes, and to the places of their readers.

func (a *access) mayFollow() error { return a.may(needsRead, "read changes") }

// Cursor is [doorlog.Store.Cursor].
func (a *access) Cursor(ctx context.Context) (doorlog.Cursor, error) {
	if err := a.mayFollow(); err != nil {
		return doorlog.Cursor{}, err
	}
	return a.st.Cursor(ctx)
}

// ChangePage is [doorlog.Store.ChangePage].
func (a *access) ChangePage(ctx context.Context, after doorlog.Cursor, limit int, options *doorlog.ChangeOptions) (doorlog.ChangePage, error) {
	if err := a.mayFollow(); err != nil {
		return doorlog.ChangePage{Next: after}, err
	}
	return a.st.ChangePage(ctx, after, limit, options)
}

// ChangePages is ChangePage for limits beyond that of a page. All changes are of one state of the store.
func (a *access) ChangePages(ctx context.Context, after doorlog.Cursor, limit int, options *doorlog.ChangeOptions) (doorlog.ChangePage, error) {
	all := doorlog.ChangePage{Next: after}
	if err := a.mayFollow(); err != nil {
		return all, err
	}
	err := a.st.View(ctx, func(sn *doorlog.Snapshot) error {
		for all.More = true; all.More && len(all.Changes) < limit; {
			page, err := sn.ChangePage(all.Next, limit-len(all.Changes), options)
			if err != nil {
				return err
			}
			all.Changes, all.Next, all.More = append(all.Changes, page.Changes...), page.Next, page.More
			if len(page.Changes) == 0 { // the query selects little, and the rest can wait
				return nil
			}
		}
		return nil
	})
	return all, err
}

// recentChanges appends the changes after a place from the window of a hub, as [window.appendAfter].
func (a *access) recentChanges(h *hub, text []byte, after doorlog.Cursor, idsOnly bool) (_ []byte, next doorlog.Cursor, has bool, err error) {
	if err := a.mayFollow(); err != nil {
		return text, after, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	text, next, has = h.window.appendAfter(text, after, idsOnly, len(text)+turnBytes)
	return text, next, has, nil
}

// Consumers is [doorlog.Store.Consumers].
func (a *access) Consumers(ctx context.Context) ([]doorlog.ConsumerInfo, error) {
	if err := a.mayFollow(); err != nil {
		return nil, err
	}
	return a.st.Consumers(ctx)
}

// FindConsumer returns a consumer, and where it is.
func (a *access) FindConsumer(ctx context.Context, name string) (consumerPlace, error) {
	if err := a.mayFollow(); err != nil {
		return consumerPlace{}, err
	}
	c, err := a.st.FindConsumer(ctx, name)
	if err != nil {
		return consumerPlace{}, err
	}
	return placeOf(ctx, c)
}

// Consumer is [doorlog.Store.Consumer].
func (a *access) Consumer(ctx context.Context, name string, options *doorlog.ConsumerOptions) (consumerPlace, error) {
	if err := a.mayKeepPlaces(); err != nil {
		return consumerPlace{}, err
	}
	c, err := a.st.Consumer(ctx, name, options)
	if err != nil {
		return consumerPlace{}, err
	}
	return placeOf(ctx, c)
}

// Ack is [doorlog.Consumer.Ack].
func (a *access) Ack(ctx context.Context, name string, at doorlog.Cursor) error {
	if err := a.mayKeepPlaces(); err != nil {
		return err
	}
	c, err := a.st.FindConsumer(ctx, name)
	if err != nil {
		return err
	}
	return c.Ack(ctx, at)
}

// RemoveConsumer is [doorlog.Store.RemoveConsumer].
func (a *access) RemoveConsumer(ctx context.Context, name string) error {
	if err := a.mayKeepPlaces(); err != nil {
		return err
	}
	return a.st.RemoveConsumer(ctx, name)
}

// mayKeepPlaces returns ErrForbidden for a token of some cameras: a consumer is for the changes of all.
func (a *access) mayKeepPlaces() error {
	if err := a.may(needsWrite, "keep places in the changes"); err != nil {
		return err
	}
	if a.limited() {
		return fmt.Errorf("%w: keep places in the changes, which are of all cameras", wire.ErrForbidden)
	}
	return nil
}

// A consumerPlace is a consumer in an answer.
type consumerPlace struct {
	Name   string         `json:"name"`
	Cursor doorlog.Cursor `json:"cursor"`
}

func placeOf(ctx context.Context, c *doorlog.Consumer) (consumerPlace, error) {
	at, err := c.Cursor(ctx)
	return consumerPlace{c.Name(), at}, err
}
