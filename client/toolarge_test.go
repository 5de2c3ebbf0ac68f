package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// A request that net/http or a proxy finds too large is too large, and does not come from another kind of server.
func TestARequestIsTooLargeForWhatIsInBetween(t *testing.T) {
	s, c := storeAndClient(t)
	wantTooLarge := func(err error) {
		t.Helper()
		if !errors.Is(err, doorlog.ErrTooLarge) || errors.Is(err, client.ErrNotServer) {
			t.Error(err)
		}
	}
	_, err := c.Page(t.Context(), doorlog.Query{Persons: []string{strings.Repeat("x", 2<<20)}}, "")
	wantTooLarge(err)
	h := web.Handler(s.Store, nil)
	c = open(t, listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			h.ServeHTTP(w, r)
			return
		}
		http.Error(w, "<html>", http.StatusRequestEntityTooLarge)
	})), nil)
	_, err = c.WriteEvent(t.Context(), motion(1))
	wantTooLarge(err)
}
