package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"github.com/doorlog/doorlog"
)

// A Consumer is a reader of changes whose place is kept in the store: see [doorlog.Consumer]. It is safe
// for concurrent use.
type Consumer struct {
	client *Client
	name   string // in the form in which names are stored
}

func consumerPath(name string) string { return "/v1/consumers/" + url.PathEscape(name) }

// A place is what the API says of one consumer.
type place struct {
	Name   string         `json:"name"`
	Cursor doorlog.Cursor `json:"cursor"`
}

// Consumer returns the consumer of a name, which it makes if there is none: see
// [doorlog.Store.Consumer].
func (c *Client) Consumer(ctx context.Context, name string, options *doorlog.ConsumerOptions) (*Consumer, error) {
	doing := fmt.Sprintf("consumer %q", name)
	if err := named("consumer", name); err != nil {
		return nil, fmt.Errorf("doorlog: %s: %w", doing, err)
	}
	in := struct {
		From *doorlog.Cursor `json:"from,omitempty"`
		Hold int             `json:"hold,omitempty"`
	}{}
	if options != nil {
		in.Hold = options.Hold
		if !options.From.IsZero() {
			in.From = &options.From
		}
	}
	r, err := post(doing, consumerPath(name), in)
	if err != nil {
		return nil, err
	}
	r.method = http.MethodPut
	var is place
	if err := c.json(ctx, r, &is); err != nil {
		return nil, err
	}
	return &Consumer{c, is.Name}, nil
}

// FindConsumer returns the consumer of a name, or [doorlog.ErrNotFound].
func (c *Client) FindConsumer(ctx context.Context, name string) (*Consumer, error) {
	is, err := c.place(ctx, name)
	if err != nil {
		return nil, err
	}
	return &Consumer{c, is.Name}, nil
}

func (c *Client) place(ctx context.Context, name string) (place, error) {
	doing := fmt.Sprintf("consumer %q", name)
	if name == "" {
		return place{}, fmt.Errorf("doorlog: %s: %w", doing, doorlog.ErrNotFound)
	}
	return get[place](ctx, c, doing, consumerPath(name), nil)
}

// Consumers returns all consumers, sorted by name.
func (c *Client) Consumers(ctx context.Context) ([]doorlog.ConsumerInfo, error) {
	return get[[]doorlog.ConsumerInfo](ctx, c, "consumers", "/v1/consumers", nil)
}

// RemoveConsumer removes a consumer. The error is [doorlog.ErrNotFound] if there is none of that name.
func (c *Client) RemoveConsumer(ctx context.Context, name string) error {
	doing := fmt.Sprintf("remove consumer %q", name)
	if name == "" {
		return fmt.Errorf("doorlog: %s: %w", doing, named("consumer", name))
	}
	return c.gone(ctx, &request{doing: doing, method: http.MethodDelete, path: consumerPath(name), repeat: ofWrite})
}

// Name returns the name.
func (c *Consumer) Name() string { return c.name }

// Cursor returns the place of the consumer: the one that it acknowledged last. The error is
// [doorlog.ErrNotFound] if it has been removed.
func (c *Consumer) Cursor(ctx context.Context) (doorlog.Cursor, error) {
	is, err := c.client.place(ctx, c.name)
	return is.Cursor, err
}

// Ack moves the place of the consumer: see [doorlog.Consumer.Ack].
func (c *Consumer) Ack(ctx context.Context, at doorlog.Cursor) error {
	r, err := post(fmt.Sprintf("acknowledge for consumer %q", c.name), consumerPath(c.name)+"/ack", struct {
		Cursor doorlog.Cursor `json:"cursor"`
	}{at})
	if err != nil {
		return err
	}
	r.says = fmt.Sprintf("consumer %q", c.name)
	return c.client.done(ctx, r)
}

// Changes is [Client.ChangesWith] from the place of the consumer. It moves that place only by
// [Consumer.Ack]: changes that were not acknowledged are told again by the next call.
func (c *Consumer) Changes(ctx context.Context, options *doorlog.ChangeOptions) iter.Seq2[doorlog.Change, error] {
	return func(yield func(doorlog.Change, error) bool) {
		var at doorlog.Cursor
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			var err error
			if at, err = c.Cursor(ctx); err == nil {
				break
			}
			if !passes(err) || !wait(ctx, c.client.life, pause) {
				yield(doorlog.Change{}, c.client.ended(ctx, err))
				return
			}
		}
		for change, err := range c.client.ChangesWith(ctx, at, options) {
			if errors.Is(err, doorlog.ErrGone) {
				err = fmt.Errorf("doorlog: consumer %q: %w", c.name, err)
			}
			if !yield(change, err) {
				return
			}
		}
	}
}
