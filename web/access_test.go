package web_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A sample is what some route or other takes: a query, a body and a header. Those of the tests go to every route.
type sample struct {
	query, contentType, body string
	ifMatch                  bool
}

// household is a store in which each route finds what it is asked for.
type household struct {
	st       *doorlog.Store
	event    doorlog.Event // of alice at the front door, without a picture
	pictured doorlog.Event // with one
	backup   *doorlog.BackupInfo
}

func newHousehold(t testing.TB) *household {
	t.Helper()
	h := &household{}
	h.st, h.event = storeWithEvent(t)
	pictured := doorlog.Event{Camera: h.event.Camera, RecordedAt: h.event.RecordedAt.Add(time.Minute), Type: doorlog.Motion}
	var err error
	if h.pictured, err = h.st.WriteEventWithFrame(t.Context(), pictured, []byte(jpegOf(t))); err == nil {
		var stats doorlog.Stats
		stats, err = h.st.Stats(t.Context())
		h.backup = &doorlog.BackupInfo{StoreID: stats.StoreID, Time: time.Now().Add(-time.Second)}
	}
	if err != nil || h.pictured.ThumbnailPath == "" {
		t.Fatal(err, h.pictured)
	}
	addToken(t, h.st, "alice", web.Grant{Read: true})
	return h
}

func jpegOf(t testing.TB) string {
	t.Helper()
	var frame strings.Builder
	if err := jpeg.Encode(&frame, image.NewRGBA(image.Rect(0, 0, 32, 32)), nil); err != nil {
		t.Fatal(err)
	}
	return frame.String()
}

// samples returns requests for a route. Without a body they have each query, and with one each body.
func (h *household) samples(t testing.TB, rt web.Route) []sample {
	t.Helper()
	e := h.event
	recorded := e.RecordedAt.Format(time.RFC3339Nano)
	all := []sample{
		{},
		{query: url.Values{"camera": {e.Camera}, "recording_id": {e.RecordingID}}.Encode()},
		{query: url.Values{"recorded_at": {recorded}}.Encode()},
		{query: url.Values{"since": {recorded}, "until": {e.RecordedAt.Add(time.Hour).Format(time.RFC3339Nano)}}.Encode()},
	}
	if rt.Body == "none" {
		return all
	}
	changed := e
	changed.Reviewed, changed.AlertSent = true, true
	fresh := map[string]any{"camera_id": e.Camera, "recorded_at": recorded, "event_type": "ding"}
	toJSON := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all = append(all, []sample{
		{body: jpegOf(t), contentType: "image/jpeg"},
		{body: jpegOf(t), contentType: "image/jpeg", query: url.Values{"camera_id": {e.Camera}, "event_type": {"ding"}, "recorded_at": {recorded}}.Encode()},
		{body: toJSON(fresh) + "\n", contentType: "application/x-ndjson"},
		{body: `{"reviewed":true}`, contentType: "application/merge-patch+json"},
		{body: toJSON(changed), contentType: "application/json", ifMatch: true},
	}...)
	for _, body := range []string{
		"{}", toJSON(changed), toJSON(fresh), toJSON([]any{fresh}), toJSON(map[string]any{"ids": []doorlog.ID{e.ID}}),
		toJSON(map[string]any{"events": []any{map[string]any{"event": changed, "etag": "*"}}}),
		`{"from":"alice","to":"bob"}`, `{"from":"front_door","to":"back_door"}`, `{"display_name":"Alice"}`, `{"on":false}`, `{"files":["mary_1.jpg"]}`,
		`{"name":"alice","how":"name"}`, `{"name":"alice","how":"events"}`, `{"policy":{"max_events":1},"dry_run":false}`, `{"dry_run":false}`,
		`{"name":"new","admin":true}`, `{"token":"doorlog_x"}`, `{"from":"","hold":0}`, `{"cursor":""}`, toJSON(h.backup),
	} {
		all = append(all, sample{body: body, contentType: "application/json"})
	}
	return all
}

// pathOf fills the names in the pattern of a route.
func (h *household) pathOf(rt web.Route) string {
	id := h.event.ID
	if rt.Method == http.MethodGet && strings.HasSuffix(rt.Pattern, "/thumbnail") {
		id = h.pictured.ID
	}
	return strings.ReplaceAll(strings.ReplaceAll(rt.Pattern, "{id}", id.String()), "{name}", "alice")
}

// request returns the request of a sample for a route.
func (h *household) request(rt web.Route, s sample) sentRequest {
	in := sentRequest{method: rt.Method, path: h.pathOf(rt), body: s.body, contentType: s.contentType, header: map[string]string{}}
	if s.query != "" {
		in.path += "?" + s.query
	}
	if s.ifMatch {
		in.header["If-Match"] = "*"
	}
	return in
}

// A caller is somebody who asks for every route.
type caller struct {
	grant *web.Grant // of the token; nil: there is none
	from  func(sentRequest) sentRequest

	// refused is the status that a route must be answered with. 0 means that the caller is let in.
	refused func(needs string) int
}

// byNeed makes refused of the statuses for what a route needs.
func byNeed(statuses map[string]int) func(string) int {
	return func(needs string) int { return statuses[needs] }
}

func callers() map[string]caller {
	remote := func(in sentRequest) sentRequest { return in }
	foreign := func(in sentRequest) sentRequest {
		in = onLoopback(in)
		maps.Copy(in.header, map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"})
		return in
	}
	rebound := func(in sentRequest) sentRequest { in = onLoopback(in); in.host = "evil.example:7780"; return in }
	always := func(status int) func(string) int { return func(string) int { return status } }
	return map[string]caller{
		"no token":   {nil, remote, byNeed(map[string]int{"read": 401, "write": 401, "admin": 401})},
		"read":       {&web.Grant{Read: true}, remote, byNeed(map[string]int{"write": 403, "admin": 403})},
		"write":      {&web.Grant{Write: true}, remote, byNeed(map[string]int{"read": 403, "admin": 403})},
		"read write": {&web.Grant{Read: true, Write: true}, remote, byNeed(map[string]int{"admin": 403})},
		"write of another camera": {
			&web.Grant{Read: true, Write: true, Cameras: []string{"back_door"}}, remote, byNeed(map[string]int{"admin": 403}),
		},
		"admin":                             {&web.Grant{Admin: true}, remote, byNeed(nil)},
		"loopback":                          {nil, onLoopback, byNeed(nil)},
		"another name (rebinding)":          {nil, rebound, always(421)},
		"another name with a token":         {&web.Grant{Admin: true}, rebound, always(421)},
		"another site":                      {nil, foreign, always(403)},
		"another site with a token of ours": {&web.Grant{Admin: true}, foreign, always(403)},
	}
}

// mayChange says whose requests may change something, and for which routes.
func mayChange(who, needs string) bool {
	switch who {
	case "write", "read write":
		return needs == "write"
	case "admin", "loopback":
		return needs == "write" || needs == "admin"
	}
	return false
}

// Every route of the table is asked for by everybody. Who is let in, and who is not, is what the table
// says; and those who may not write have changed nothing, whatever they sent.
func TestEveryRouteLetsInWhomTheTableSays(t *testing.T) {
	all := callers()
	for _, who := range slices.Sorted(maps.Keys(all)) {
		t.Run(strings.ReplaceAll(who, " ", "_"), func(t *testing.T) {
			w := newWitness(t, all[who])
			for _, rt := range web.Routes() {
				if ok := w.try(t, who, rt); who == "admin" && !ok && rt.Pattern != "/v1/login" {
					t.Errorf("%s %s: no request succeeded, so the test of this route is of no use", rt.Method, rt.Pattern)
				}
			}
		})
	}
}

// A witness sends requests of one caller to a store, and sees what has changed.
type witness struct {
	caller
	*household
	h      http.Handler
	secret string
}

func newWitness(t testing.TB, c caller) *witness {
	t.Helper()
	w := &witness{caller: c, household: newHousehold(t)}
	if c.grant != nil {
		w.secret = addToken(t, w.st, "caller", *c.grant)
	}
	w.h = web.Handler(w.st, nil)
	return w
}

// try sends all samples to a route. It reports whether one of them succeeded.
func (w *witness) try(t *testing.T, who string, rt web.Route) (ok bool) {
	t.Helper()
	samples := w.samples(t, rt)
	if strings.HasPrefix(who, "another") { // what such requests ask for does not matter
		samples = samples[:1]
	}
	for _, s := range samples {
		before := stateOf(t, w.st)
		in := w.from(w.request(rt, s))
		if w.secret != "" {
			in.header["Authorization"] = "Bearer " + w.secret
		}
		resp := ask(t, w.h, in)
		got, text := resp.StatusCode, textOf(t, resp)
		ok = ok || got < 300
		what := fmt.Sprintf("%s %s with %.60q: %d %.200s", rt.Method, in.path, s.body, got, text)
		want := w.refused(rt.Needs)
		letIn := got != 401 && got != 403 && got != 421
		switch {
		case want != 0 && got != want:
			t.Errorf("%s; want %d", what, want)
		case want == 0 && !letIn && !mayBeRefused(who, rt, got):
			t.Errorf("%s; want to be let in", what)
		case got >= 500:
			t.Error(what)
		}
		if after := stateOf(t, w.st); after != before {
			if !mayChange(who, rt.Needs) {
				t.Errorf("%s, and something has changed\n%s\n%s", what, before, after)
			}
			*w = *newWitness(t, w.caller) // the next request finds everything
		}
	}
	return ok
}

// mayBeRefused reports whether access may refuse what the table lets in: events of other cameras, and what
// only a token of all cameras may do, and a login with a token that is not valid.
func mayBeRefused(who string, rt web.Route, status int) bool {
	return who == "write of another camera" && rt.Needs == "write" && status == 403 || rt.Pattern == "/v1/login" && (status == 401 || status == 429)
}

// The store itself is guarded, too: if a route were wrong in the table, or the guard failed, a handler would
// get nothing, and change nothing, that the token does not allow.
func TestAccessGuardsTheStoreBelowTheTable(t *testing.T) {
	grants := map[string][]web.Grant{
		"read":  {{}, {Write: true}},
		"write": {{}, {Read: true}, {Read: true, Write: true, Cameras: []string{"back_door"}}},
		"admin": {{}, {Read: true}, {Read: true, Write: true}},
	}
	w := newHousehold(t)
	before := stateOf(t, w.st)
	for _, rt := range web.Routes() {
		for _, grant := range grants[rt.Needs] {
			h := web.Unguarded(w.st, grant)
			for _, s := range w.samples(t, rt) {
				in := w.request(rt, s)
				resp := ask(t, h, in)
				if text := textOf(t, resp); resp.StatusCode < 400 && !harmless(rt, grant, s.body, text) {
					t.Errorf("%s %s with %.60q, %+v: %d %.200s", rt.Method, in.path, s.body, grant, resp.StatusCode, text)
				}
				if after := stateOf(t, w.st); after != before {
					t.Fatalf("%s %s with %.60q, %+v: something has changed\n%s\n%s", rt.Method, in.path, s.body, grant, before, after)
				}
			}
		}
	}
}

// harmless reports whether an answer gives nothing away: an ID, which is made of a time; nothing done to no event; and
// JSON lines, each of which was refused.
func harmless(rt web.Route, grant web.Grant, body, text string) bool {
	return rt.Pattern == "/v1/new-id" && grant.Write || grant.Write && body == "{}" || strings.HasPrefix(text, `{"line":1,"error"`) && strings.Contains(text, `["forbidden"]`)
}

// The table is what the handler serves: each route exists, and nothing beside it.
func TestTheTableHasEachRouteOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, rt := range web.Routes() {
		key := rt.Method + " " + rt.Pattern
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if rt.Method == http.MethodGet && rt.Body != "none" || rt.Method == http.MethodHead || rt.Method == http.MethodOptions {
			t.Errorf("%s: %s has a body of kind %s", key, rt.Method, rt.Body)
		}
		if rt.Method != http.MethodGet && rt.Needs == "read" && !slices.Contains([]string{"/v1/events/known"}, rt.Pattern) {
			t.Errorf("%s needs no right to write", key)
		}
	}
}

// A parameter that a route does not have is refused, so that a filter with a typing error does not
// find, or delete, everything.
func TestNoRouteTakesUnknownParameters(t *testing.T) {
	for _, rt := range web.Routes() {
		w := newHousehold(t)
		h := web.Handler(w.st, nil)
		before := stateOf(t, w.st)
		named := false
		for _, s := range w.samples(t, rt) {
			s.query = strings.TrimPrefix(s.query+"&no-such-parameter=1", "&")
			in := w.request(rt, s)
			in.local = "unix"
			resp := ask(t, h, in)
			text := textOf(t, resp)
			if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s %s with %.60q: %d %.200s", rt.Method, in.path, s.body, resp.StatusCode, text)
			}
			named = named || strings.Contains(text, "no-such-parameter")
		}
		if after := stateOf(t, w.st); after != before || !named {
			t.Errorf("%s %s: the parameter was named: %t; something has changed: %t", rt.Method, rt.Pattern, named, after != before)
		}
	}
}
