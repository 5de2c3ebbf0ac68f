package web_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A small body must not become a large one in memory, or take long.
func TestJSONThatIsABombIsRefused(t *testing.T) {
	st, e := storeWithEvent(t)
	h := web.Handler(st, nil)
	one := "/v1/events/" + e.ID.String()
	nested := func(depth int) string { return strings.Repeat(`{"a":`, depth) + `"x"` + strings.Repeat("}", depth) }
	many := strings.Repeat("{},", 1<<20) + "{}"
	commas := strings.Repeat("0,", 3<<20) + "0"
	for _, in := range []struct{ method, path, contentType, body string }{
		{"POST", "/v1/events", "application/json", "[" + many + "]"},
		{"POST", "/v1/events?once=true", "application/json", "[" + many + "]"},
		{"POST", "/v1/events", "application/json", `{"camera_id":"a","detections":[` + many + `]}`},
		{"POST", "/v1/events", "application/json", `{"camera_id":"a","detections":[` + commas + `]}`},
		{"POST", "/v1/events", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=events\r\n\r\n[" + many + "]\r\n--x--\r\n"},
		{"POST", "/v1/events/update", "application/json", `{"events":[` + many + `]}`},
		{"PATCH", one, "application/merge-patch+json", `{"attributes":` + nested(9000) + `}`},
		{"PUT", one, "application/json", `{"attributes":` + nested(9000) + `}`},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		resp := ask(t, h, sentRequest{method: in.method, path: in.path, body: in.body, contentType: in.contentType, local: "unix"})
		runtime.ReadMemStats(&after)
		wantProblem(t, resp, http.StatusRequestEntityTooLarge, "more than")
		if took := after.TotalAlloc - before.TotalAlloc; took > 16*uint64(len(in.body))+(1<<20) {
			t.Errorf("%s %s took %d bytes for a body of %d", in.method, in.path, took, len(in.body))
		}
	}
}

// What is large and means something is taken.
func TestAsManyEventsAsOneTransactionMayHave(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	event := func(i int) string {
		return fmt.Sprintf(`{"camera_id":"a","event_type":"motion","recorded_at":"2026-01-01T00:00:00.%09dZ","attributes":{"a":"[{,"},"detections":[{"label":"\"[","confidence":1}]}`, i)
	}
	var list []string
	for i := range doorlog.MaxUpdates {
		list = append(list, event(i))
	}
	post := func(body string) *http.Response {
		return ask(t, h, sentRequest{method: "POST", path: "/v1/events", body: body, contentType: "application/json", local: "unix"})
	}
	wantStatus(t, post("["+strings.Join(list, ",")+"]"), http.StatusOK)
	wantProblem(t, post("["+strings.Join(append(list, event(len(list))), ",")+"]"), http.StatusRequestEntityTooLarge, "10000")
}
