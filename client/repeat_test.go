package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A write of many whose answer is lost has been done, also if somebody has changed one of the events before
// it is sent again.
func TestEventsThatWereChangedBeforeTheyAreSentAgainAreStored(t *testing.T) {
	s := serve(t, nil)
	var posts atomic.Int32
	h := web.Handler(s.Store, nil)
	c := open(t, listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || posts.Add(1) != 1 {
			h.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		events, err := s.Recent(t.Context(), 1)
		if err == nil {
			err = s.MarkAlertSent(t.Context(), events[0].ID)
		}
		if err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	})), nil)
	stored, err := c.WriteEvents(t.Context(), []doorlog.Event{motion(1), motion(2)})
	if err != nil || len(stored) != 2 || !stored[0].AlertSent {
		t.Errorf("%+v %v", stored, err)
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); err != nil || n != 2 {
		t.Errorf("%d events, %v", n, err)
	}
}

// A call that ends while it waits before it sends again says that its context has ended, or the client.
func TestACallThatEndsBetweenAttemptsSaysWhy(t *testing.T) {
	s := serve(t, nil)
	h := &flaky{web.Handler(s.Store, nil), func(r *http.Request) loss {
		if r.URL.Path == "/v1/server" {
			return none
		}
		return overload
	}}
	address := listenAt(t, h)
	for range 5 {
		c := open(t, address, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.WriteEvent(ctx, motion(1)); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, doorlog.ErrUnknownOutcome) {
			t.Error(err)
		}
		time.AfterFunc(100*time.Millisecond, func() { _ = c.Close() })
		if _, err := c.WriteEvent(t.Context(), motion(1)); !errors.Is(err, doorlog.ErrClosed) || !errors.Is(err, doorlog.ErrUnknownOutcome) {
			t.Error(err)
		}
	}
}

// A query that asks for everything leaves out the changes of persons, as one does that asks for a camera.
func TestChangesOfAQueryForEverything(t *testing.T) {
	s, c := storeAndClient(t)
	if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "mary"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteEvent(t.Context(), motion(1)); err != nil {
		t.Fatal(err)
	}
	for _, options := range []*doorlog.ChangeOptions{nil, {}, {IDsOnly: true}, {Query: &doorlog.Query{}}, {Query: &doorlog.Query{}, IDsOnly: true}, {Query: &doorlog.Query{Cameras: []string{"front"}}}} {
		page, err := c.ChangePage(t.Context(), doorlog.Cursor{}, 0, options)
		same(t, "changes", page, err)(s.ChangePage(t.Context(), doorlog.Cursor{}, 0, options))
	}
}
