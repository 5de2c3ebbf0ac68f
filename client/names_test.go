package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
)

// Names that look like something else in a path are those of persons, consumers and tokens all the same.
func TestNamesThatLookLikePaths(t *testing.T) {
	s := serve(t, nil)
	for way, address := range map[string]string{"socket": client.Socket(s.path), "loopback": s.tcp} {
		c := open(t, address, nil)
		for _, name := range []string{
			".", "..", "a/b", "../x", "/", "%2F", "%", "a?b", "a#b", "é", "e\u0301", " ", "a b", "a+b", ";", "日本",
			strings.Repeat("x", 255), strings.Repeat("é", 127), "auto-unlock", "rename", "now",
		} {
			what := fmt.Sprintf("%s %.40q ", way, name)
			p, err := c.PutPerson(t.Context(), doorlog.PersonInput{Name: name})
			got, gerr := c.Person(t.Context(), name)
			if err := errors.Join(err, gerr, c.SetAutoUnlock(t.Context(), name, true), c.DeletePerson(t.Context(), name)); err != nil || got.Name != p.Name {
				t.Errorf("%s: %+v %v", what, got, err)
			}
			agree(t, what+"delete again", c.DeletePerson(t.Context(), name), s.DeletePerson(t.Context(), name))
			if err := keepAPlace(t.Context(), s, c, name); err != nil {
				t.Error(what, err)
			}
			if name == " " { // which no token can have
				continue
			}
			_, _, err = c.AddToken(t.Context(), name, client.Grant{Read: true})
			if err = errors.Join(err, c.RemoveToken(t.Context(), name)); err != nil {
				t.Error(what, err)
			}
		}
	}
}

// keepAPlace makes, moves and removes a consumer.
func keepAPlace(ctx context.Context, s *served, c *client.Client, name string) error {
	at, err := s.Cursor(ctx)
	if err != nil {
		return err
	}
	consumer, err := c.Consumer(ctx, name, nil)
	if err != nil {
		return err
	}
	own, err := s.FindConsumer(ctx, name)
	if err != nil {
		return err
	}
	if err := consumer.Ack(ctx, at); err != nil {
		return err
	}
	if is, err := own.Cursor(ctx); err != nil || is != at || own.Name() != consumer.Name() {
		return fmt.Errorf("%v is at %v: %w", own, is, err)
	}
	if err := c.RemoveConsumer(ctx, name); err != nil {
		return err
	}
	if err, want := consumer.Ack(ctx, at), own.Ack(ctx, at); err == nil || err.Error() != want.Error() {
		return fmt.Errorf("the client says %w, and the store %w", err, want)
	}
	return nil
}
