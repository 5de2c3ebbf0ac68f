package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// A reader whose connections break all the time gets every change once, in order.
func TestAReaderOfChangesMissesNothing(t *testing.T) {
	s := serve(t, nil)
	c := open(t, listenAt(t, &flaky{web.Handler(s.Store, nil), loseSome(uint64(time.Now().UnixNano()))}), nil)
	const events = 300
	written := make(chan error, 1)
	go func() {
		var err error
		for i := range events {
			_, werr := s.WriteEvent(context.Background(), motion(i))
			err = errors.Join(err, werr)
		}
		written <- err
	}()
	seq := uint64(0)
	for change, err := range c.Changes(t.Context(), doorlog.Cursor{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seq++; change.Cursor.Seq() != seq || change.Op != doorlog.EventCreated || change.Event == nil {
			t.Fatalf("change %d: %+v", seq, change)
		}
		if seq == events {
			break
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestChangesAreThoseOfTheStore(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	e, err := c.WriteEvent(ctx, motion(1))
	if err != nil {
		t.Fatal(err)
	}
	other := motion(2)
	other.Camera = "back"
	if _, err := c.WriteEvent(ctx, other); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutPerson(ctx, doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteEvent(ctx, e.ID); err != nil {
		t.Fatal(err)
	}
	front := &doorlog.ChangeOptions{Query: &doorlog.Query{Cameras: []string{"front"}}}
	for what, options := range map[string]*doorlog.ChangeOptions{"all": nil, "IDs": {IDsOnly: true}, "front": front} {
		for _, limit := range []int{0, 2, 1000} {
			page, err := c.ChangePage(ctx, doorlog.Cursor{}, limit, options)
			same(t, fmt.Sprint(what, limit), page, err)(s.ChangePage(ctx, doorlog.Cursor{}, limit, options))
		}
	}
	at, err := c.Cursor(ctx)
	same(t, "cursor", at, err)(s.Cursor(ctx))
	if empty, err := c.ChangePage(ctx, at, 0, nil); err != nil || len(empty.Changes) != 0 || empty.Next != at {
		t.Errorf("%+v, %v", empty, err)
	}
	for _, bad := range []*doorlog.ChangeOptions{{Query: &doorlog.Query{Limit: 1}}, {Query: &doorlog.Query{Offset: 1}}, {Query: &doorlog.Query{OldestFirst: true}}} {
		_, want := s.ChangePage(ctx, at, 0, bad)
		if _, err := c.ChangePage(ctx, at, 0, bad); !errors.Is(err, doorlog.ErrInvalid) || err.Error() != want.Error() {
			t.Errorf("%+v: %v, want %v", bad.Query, err, want)
		}
	}
}

func TestAChangeIsAwaited(t *testing.T) {
	s, c := storeAndClient(t)
	at, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- c.AwaitChange(t.Context(), at) }()
	if _, err := s.WriteEvent(t.Context(), motion(1)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if at, err = c.Cursor(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- c.AwaitChange(ctx, at) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A loop over changes ends with the error that a reader must act on, and not when the server is busy.
func TestALoopOverChangesEndsWithErrGone(t *testing.T) {
	s, other := serve(t, nil), serve(t, nil)
	for _, st := range []*served{s, other} {
		if _, err := st.WriteEvent(t.Context(), motion(1)); err != nil {
			t.Fatal(err)
		}
	}
	foreign, err := other.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	busy := 0
	h := web.Handler(s.Store, nil)
	c := open(t, listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy++; strings.HasPrefix(r.URL.Path, "/v1/changes") && busy < 4 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status":503,"detail":"the server is stopping","codes":["request"]}`)
			return
		}
		h.ServeHTTP(w, r)
	})), nil)
	for _, err := range c.Changes(t.Context(), foreign) {
		if _, want := s.ChangePage(t.Context(), foreign, 0, nil); !errors.Is(err, doorlog.ErrGone) || err.Error() != want.Error() {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if err := c.AwaitChange(t.Context(), foreign); !errors.Is(err, doorlog.ErrGone) {
		t.Error(err)
	}
}

func TestAConsumerGoesOnWhereItWas(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	consumer, err := c.Consumer(ctx, "mirror/1 %", &doorlog.ConsumerOptions{Hold: 100})
	if err != nil {
		t.Fatal(err)
	}
	var ids []doorlog.ID
	for i := range 6 {
		e, err := c.WriteEvent(ctx, motion(i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	var got []doorlog.ID
	for range 2 { // each goes on where the one before has acknowledged
		for change, err := range consumer.Changes(ctx, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, change.ID); len(got)%3 == 0 {
				if err := consumer.Ack(ctx, change.Cursor); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("%v, want %v", got, ids)
	}
	infos, err := c.Consumers(ctx)
	same(t, "consumers", infos, err)(s.Consumers(ctx))
	found, err := c.FindConsumer(ctx, consumer.Name())
	if err != nil || found.Name() != "mirror/1 %" {
		t.Fatalf("%+v, %v", found, err)
	}
	at, err := found.Cursor(ctx)
	if err != nil || at.Seq() != 6 {
		t.Errorf("%v, %v", at, err)
	}
	if err := c.RemoveConsumer(ctx, "mirror/1 %"); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"ack": consumer.Ack(ctx, at), "remove": c.RemoveConsumer(ctx, "mirror/1 %"),
	} {
		if !errors.Is(err, doorlog.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.FindConsumer(ctx, "mirror/1 %"); !errors.Is(err, doorlog.ErrNotFound) {
		t.Error(err)
	}
	for _, err := range consumer.Changes(ctx, nil) {
		if !errors.Is(err, doorlog.ErrNotFound) {
			t.Error(err)
		}
	}
	if _, err := c.Consumer(ctx, "", nil); !errors.Is(err, doorlog.ErrInvalid) {
		t.Error(err)
	}
}

func TestTokensAreAddedAndRevoked(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	token, secret, err := c.AddToken(ctx, "cam/1", client.Grant{Write: true, Cameras: []string{"front"}})
	if err != nil || token.Name != "cam/1" || !token.Write || !strings.HasPrefix(secret, "doorlog_") {
		t.Fatalf("%+v, %v", token, err)
	}
	if _, _, err := c.AddToken(ctx, "cam/1", client.Grant{Read: true}); !errors.Is(err, doorlog.ErrExists) {
		t.Error(err)
	}
	if tokens, err := c.Tokens(ctx); err != nil || len(tokens) != 1 || tokens[0].Name != "cam/1" || tokens[0].Cameras[0] != "front" {
		t.Errorf("%+v, %v", tokens, err)
	}
	limited := open(t, s.tcp, &client.Options{Token: secret})
	if _, err := limited.WriteEvent(ctx, motion(1)); err != nil {
		t.Error(err)
	}
	other := motion(1)
	other.Camera = "back"
	if _, err := limited.WriteEvent(ctx, other); !errors.Is(err, client.ErrForbidden) {
		t.Error(err)
	}
	if _, err := limited.Stats(ctx); !errors.Is(err, client.ErrForbidden) {
		t.Error(err)
	}
	if err := c.RemoveToken(ctx, "cam/1"); err != nil {
		t.Error(err)
	}
	if err := c.RemoveToken(ctx, "cam/1"); !errors.Is(err, doorlog.ErrNotFound) {
		t.Error(err)
	}
	if _, err := client.Open(ctx, s.tcp, &client.Options{Token: secret}); !errors.Is(err, client.ErrUnauthorized) {
		t.Error(err)
	}
	mine, err := c.Server(ctx)
	id, _ := s.Stats(ctx)
	if err != nil || mine.StoreID != id.StoreID || !mine.Grant.Admin || mine.Version != "test" || mine.Thumbnails == "" {
		t.Errorf("%+v, %v", mine, err)
	}
}
