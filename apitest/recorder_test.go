package apitest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/apitest"
)

// A difference is an exchange and what is wrong with it.
type difference struct {
	name             string
	method, path     string // of the request
	status           int    // and what the server answers
	mediaType, body  string
	header           string
	difference       string // empty: there is none
	sent, sentAsType string
}

const (
	ok    = `{"count":1}`
	wrong = `{"type":"urn:doorlog:problem:invalid","title":"t","status":400,"detail":"d","codes":["invalid"]}`
)

var differences = []difference{
	{name: "none", path: "/v1/count?camera=a&camera=b&weekday=3", mediaType: asJSON, body: ok},
	{name: "head", method: http.MethodHead, path: "/v1/count", mediaType: asJSON, body: ""},
	{name: "status", path: "/v1/count", status: 409, mediaType: "application/problem+json", body: wrong, difference: "does not document this status"},
	{name: "media type", path: "/v1/count", mediaType: "text/plain", body: ok, difference: "content type"},
	{name: "missing field", path: "/v1/count", mediaType: asJSON, body: `{}`, difference: "missing property"},
	{name: "unknown field", path: "/v1/count", mediaType: asJSON, body: `{"count":1,"more":2}`, difference: "additional properties"},
	{name: "type of a field", path: "/v1/count", mediaType: asJSON, body: `{"count":"1"}`, difference: "got string"},
	{name: "null for a list", path: "/v1/cameras", mediaType: asJSON, body: `null`, difference: "got null"},
	{name: "no JSON", path: "/v1/count", mediaType: asJSON, body: `{`, difference: "EOF"},
	{name: "unknown parameter", path: "/v1/count?x=1", mediaType: asJSON, body: ok, difference: "parameter x"},
	{name: "parameter of another type", path: "/v1/count?min_confidence=2", mediaType: asJSON, body: ok, difference: "parameter min_confidence"},
	{name: "a parameter twice", path: "/v1/count?since=1&since=2", mediaType: asJSON, body: ok, difference: "2 values"},
	{name: "parameter that is needed", path: "/v1/new-id", mediaType: asJSON, body: `{"id":"` + eventID + `"}`, difference: "recorded_at"},
	{name: "refused", path: "/v1/count?x=1", status: 400, mediaType: "application/problem+json", body: wrong},
	{name: "header", path: "/v1/events/" + eventID, mediaType: asJSON, body: `{}`, difference: "no header ETag"},
	{name: "form of a header", path: "/v1/events/" + eventID, mediaType: asJSON, body: `{}`, header: "weak", difference: "header ETag"},
	{name: "body without a type", method: http.MethodPut, path: "/v1/events/" + eventID + "/pin", status: 204, mediaType: asJSON, difference: "not documented"},
	{name: "unknown address", path: "/v1/nothing", mediaType: asJSON, body: ok, difference: "no such operation"},
	{name: "body that is not documented", method: http.MethodPost, path: "/v1/events/known", mediaType: asJSON, body: `{"known":[]}`, sent: `{"id":[]}`, sentAsType: asJSON, difference: "missing property 'ids'"},
	{name: "line", method: http.MethodPost, path: "/v1/verify", mediaType: asLines, body: "{\"progress\":{}}\n", difference: "line 1"},
	{name: "result of a line", method: http.MethodPost, path: "/v1/compact", mediaType: asLines, body: "\n{\"result\":{}}\n", difference: "line 2"},
	{name: "stream", path: "/v1/changes", mediaType: "text/event-stream", body: ": hello\n\nevent: created\nid: 1\ndata: {}\n\n", difference: `event "created"`},
	{name: "no id in a stream", path: "/v1/changes", mediaType: "text/event-stream", body: "event: at\ndata: {\"cursor\":\"\"}\n\n", difference: "id"},
}

// A recorder finds each kind of difference, on the side of the client and of the server.
func TestRecorderFindsDifferences(t *testing.T) {
	doc := load(t)
	for _, c := range differences {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what was sent is seen when it is read
			w.Header().Set("Content-Type", c.mediaType)
			if c.header != "" {
				w.Header().Set("ETag", c.header)
			}
			w.WriteHeader(max(c.status, http.StatusOK))
			_, _ = io.WriteString(w, c.body) // no body is allowed with 204
		})
		method := c.method
		if method == "" {
			method = http.MethodGet
		}
		for _, side := range []string{"client", "server"} {
			t.Run(c.name+", "+side, func(t *testing.T) {
				recorder := apitest.NewRecorder(doc)
				served, transport := http.Handler(handler), http.DefaultTransport
				if side == "server" {
					served = recorder.Handler(handler)
				} else {
					transport = recorder.RoundTripper(transport)
				}
				server := httptest.NewServer(served)
				r := httptest.NewRequestWithContext(t.Context(), method, server.URL+c.path, strings.NewReader(c.sent))
				r.RequestURI = ""
				if r.Header.Set("Content-Type", c.sentAsType); c.sentAsType == "" {
					r.Header.Del("Content-Type")
				}
				answer, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				server.Close()
				checkFaults(t, recorder.Faults(), c.difference)
			})
		}
	}
}

func checkFaults(t *testing.T, faults []error, difference string) {
	t.Helper()
	switch {
	case difference == "":
		for _, err := range faults {
			t.Error(err)
		}
	case len(faults) != 1 || !strings.Contains(faults[0].Error(), difference):
		t.Errorf("found %v, want %s", faults, difference)
	}
}
