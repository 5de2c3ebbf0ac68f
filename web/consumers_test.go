package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A consumer is made once, moves when it acknowledges, and is gone when it is removed.
func TestTheLifeOfAConsumer(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	send := func(method, path, body string) *http.Response {
		t.Helper()
		return ask(t, h, sentRequest{method: method, path: "/v1/consumers" + path, body: body, contentType: "application/json", local: "unix"})
	}
	at, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, send(http.MethodGet, "/sync", ""), http.StatusNotFound, "sync")
	wantProblem(t, send(http.MethodPost, "/sync/ack", `{"cursor":"`+at.String()+`"}`), http.StatusNotFound, "sync")
	for range 2 {
		if got := textOf(t, send(http.MethodPut, "/sync", `{"hold":100}`)); got != `{"name":"sync","cursor":""}`+"\n" {
			t.Error(got)
		}
	}
	writeMotion(t, st, "front", "")
	if at, err = st.Cursor(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, send(http.MethodPost, "/sync/ack", `{}`), http.StatusBadRequest, "cursor")
	wantProblem(t, send(http.MethodPost, "/sync/ack", `{"cursor":"x"}`), http.StatusBadRequest, "cursor")
	wantStatus(t, send(http.MethodPost, "/sync/ack", `{"cursor":"`+at.String()+`"}`), http.StatusNoContent)
	if got := textOf(t, send(http.MethodGet, "/sync", "")); !strings.Contains(got, at.String()) {
		t.Error(got)
	}
	var all []doorlog.ConsumerInfo
	if err := json.Unmarshal([]byte(textOf(t, send(http.MethodGet, "", ""))), &all); err != nil || len(all) != 1 || all[0].Hold != 100 || all[0].Cursor != at {
		t.Error(all, err)
	}
	if got := textOf(t, ask(t, h, sentRequest{method: http.MethodGet, path: "/v1/cursor", local: "unix"})); got != `{"cursor":"`+at.String()+`"}`+"\n" {
		t.Error(got)
	}
	wantStatus(t, send(http.MethodDelete, "/sync", ""), http.StatusNoContent)
	wantProblem(t, send(http.MethodDelete, "/sync", ""), http.StatusNotFound, "sync")
}
