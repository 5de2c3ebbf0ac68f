package web_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

func TestHealthAndReadiness(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if text := textOf(t, ask(t, h, sentRequest{method: http.MethodGet, path: path})); text != "ok\n" {
			t.Errorf("%s: %q", path, text)
		}
	}
	// The file is moved away below the store.
	if err := os.Rename(st.Path(), st.Path()+".moved"); err != nil {
		t.Skipf("SKIP: %v", err)
	}
	resp := ask(t, h, sentRequest{method: http.MethodGet, path: "/readyz"})
	if text := textOf(t, resp); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "moved") || strings.Contains(text, st.Path()) {
		t.Errorf("%s %s", resp.Status, text)
	}
	if err := os.Rename(st.Path()+".moved", st.Path()); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, ask(t, h, sentRequest{method: http.MethodGet, path: "/readyz"}), 503, "closed")
	wantStatus(t, ask(t, h, sentRequest{method: http.MethodGet, path: "/healthz"}), 200)
}

func TestTheServerSaysWhoItIsAndWhoIsAsking(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "hall", web.Grant{Read: true, Write: true, Cameras: []string{"hall"}})
	h := web.Handler(st, &web.Options{Version: "v9"})
	var got struct {
		Name, Version string
		StoreID       doorlog.ID `json:"store_id"`
		API           int
		Grant         web.Grant
	}
	text := textOf(t, ask(t, h, with(whoAmI, func(in *sentRequest) { in.header = bearer(secret) })))
	err := json.Unmarshal([]byte(text), &got)
	stats, serr := st.Stats(t.Context())
	if errors.Join(err, serr) != nil || got.Name != "doorlog" || got.Version != "v9" || got.API != 1 || got.StoreID != stats.StoreID ||
		fmt.Sprint(got.Grant) != fmt.Sprint(web.Grant{Read: true, Write: true, Cameras: []string{"hall"}}) {
		t.Errorf("%s %v %v", text, err, serr)
	}
}

// Who comes through a proxy in front of the socket is not on this machine.
func TestTheFolderIsToldToThisMachineAlone(t *testing.T) {
	st := openStore(t)
	header := bearer(addToken(t, st, "phone", web.Grant{Read: true}))
	h := web.Handler(st, nil)
	told := func(header map[string]string) bool {
		text := textOf(t, ask(t, h, with(whoAmI, func(in *sentRequest) { in.local, in.header = "unix", header })))
		if !strings.Contains(text, `"store_id"`) {
			t.Errorf("%s", text)
		}
		return strings.Contains(text, st.ThumbnailDir())
	}
	if !told(header) {
		t.Error("who asks over the socket is not told")
	}
	header["X-Forwarded-For"] = "192.0.2.7"
	if told(header) {
		t.Error("who asks through a proxy is told")
	}
}

func TestTokensOverTheAPI(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	call := func(method, path, body string) *http.Response {
		return ask(t, h, sentRequest{method: method, path: path, body: body, contentType: "application/json", local: "unix"})
	}
	resp := call("POST", "/v1/tokens", `{"name":"a/b sensor","write":true,"cameras":["hall"]}`)
	location := resp.Header.Get("Location")
	var made struct{ Name, Token string }
	if text := textOf(t, resp); resp.StatusCode != http.StatusCreated || json.Unmarshal([]byte(text), &made) != nil || made.Name != "a/b sensor" || location != "/v1/tokens/a%2Fb%20sensor" {
		t.Fatalf("%s %s %s", resp.Status, text, location)
	}
	if !strings.HasPrefix(made.Token, "doorlog_") {
		t.Errorf("%q", made.Token)
	}
	wantProblem(t, call("POST", "/v1/tokens", `{"name":"a/b sensor","read":true}`), 409, "exists")
	wantProblem(t, call("POST", "/v1/tokens", `{"name":"x","read":true,"root":true}`), 400, "root")
	wantProblem(t, call("POST", "/v1/tokens", `{"name":"x"}`), 400, "grant")
	if text := textOf(t, call("GET", "/v1/tokens", "")); strings.Contains(text, made.Token) || strings.Contains(text, "sha256") ||
		!strings.Contains(text, `"name":"a/b sensor","read":false,"write":true,"cameras":["hall"],"admin":false,"created_at":"`) {
		t.Errorf("%s", text)
	}
	wantStatus(t, call("DELETE", location, ""), 204)
	wantProblem(t, call("DELETE", location, ""), 404, "not found")
	if text := textOf(t, call("GET", "/v1/tokens", "")); text != "[]\n" {
		t.Errorf("%q", text)
	}
}

// Whatever the answer is, a browser is told not to interpret, embed or keep it.
func TestEveryAnswerHasTheHeadersOfSecurity(t *testing.T) {
	st, e := storeWithEvent(t)
	h := web.Handler(st, nil)
	for _, in := range []sentRequest{
		{method: "GET", path: "/healthz"},
		whoAmI, onLoopback(whoAmI),
		{method: "GET", path: "/nothing"},
		{method: "PATCH", path: "/healthz"},
		{method: "OPTIONS", path: "/v1/server"},
		{method: "GET", path: "/v1/events/" + e.ID.String(), local: "unix"},
		{method: "GET", path: "/v1/openapi.yaml"},
		{method: "POST", path: "/v1/logout"},
		with(onLoopback(whoAmI), func(in *sentRequest) { in.host = "evil.example" }),
	} {
		resp := ask(t, h, in)
		_ = textOf(t, resp)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "",
		} {
			if got := resp.Header.Get(name); got != want && (name != "Cache-Control" || resp.StatusCode != http.StatusOK) {
				t.Errorf("%s %s: %d, %s is %q", in.method, in.path, resp.StatusCode, name, got)
			}
		}
	}
}

func TestAddressesAndMethodsThatAreNotThere(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	try := func(method, path string) *http.Response {
		return ask(t, h, sentRequest{method: method, path: path, local: "unix"})
	}
	for _, path := range []string{
		"//", "/v1", "/v1/", "/v2/server", "/v1/server/", "//v1/server", "/v1//server", "/V1/server", "/v1/server/..", "/v1/../v1/server", "/./v1/server",
		"/v1/%73erver", "/v1%2Fserver", "/v1/server%00", "/v1/server%2f", "/v1/events/", "/v1/tokens/a/b", "/healthz%20", "/v1/" + strings.Repeat("a/", 5000),
		"/.git/config", "/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/v1/server;x=1", "/v1/server.json",
	} {
		wantProblem(t, try("GET", path), 404, "no such address")
	}
	resp := try("PUT", "/v1/tokens")
	if allow := resp.Header.Values("Allow"); fmt.Sprint(allow) != "[GET POST]" {
		t.Errorf("Allow %q", allow)
	}
	wantProblem(t, resp, 405, "PUT is not possible here, but GET, POST")
	wantProblem(t, try("BREW", "/v1/server"), 405, "BREW")
}

func TestAHeadRequestIsAGetWithoutABody(t *testing.T) {
	home := newHousehold(t)
	s := start(t, home.st, nil)
	c := newClient(t, s.socket())
	for _, rt := range web.Routes() {
		if rt.Method != http.MethodGet || rt.Needs == "public" && strings.HasSuffix(rt.Pattern, "yaml") {
			continue
		}
		for _, accept := range []string{"", "text/event-stream", "application/x-ndjson"} {
			url := "http://doorlog" + home.pathOf(rt)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			head, err := c.Do(r) // a stream does not go on
			if err != nil {
				t.Errorf("HEAD %s: %v", rt.Pattern, err)
				continue
			}
			body := textOf(t, head)
			if accept != "" {
				continue
			}
			got := get(t, c, url)
			_ = textOf(t, got)
			// The length is that of a text which may change from second to second.
			if head.StatusCode != got.StatusCode || body != "" || head.Header.Get("Content-Type") != got.Header.Get("Content-Type") {
				t.Errorf("HEAD %s: %s %q; GET: %s", rt.Pattern, head.Status, body, got.Status)
			}
		}
	}
	if text := s.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the log has %s", text)
	}
}

func TestLongAnswersAreCompressedIfThatIsAskedFor(t *testing.T) {
	st := openStore(t)
	for i := range 40 {
		addToken(t, st, fmt.Sprintf("sensor %d", i), web.Grant{Read: true})
	}
	h := web.Handler(st, nil)
	in := onLoopback(sentRequest{method: http.MethodGet, path: "/v1/tokens"})
	plain := ask(t, h, in)
	want := textOf(t, plain)
	if plain.Header.Get("Vary") != "Accept-Encoding" || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v", plain.Header)
	}
	for accept, asked := range map[string]bool{
		"gzip": true, "GZIP": true, "deflate, gzip;q=0.5": true, "*": true, "br;q=1, *;q=0.1": true, "gzip;q=0": false, "gzip; q=0.000": false, "*;q=0": false,
		"identity": false, "br": false, "gzip;q=x": false, "gzip;q=0, *": false, "gzipped": false,
	} {
		in.header = map[string]string{"Accept-Encoding": accept}
		resp := ask(t, h, in)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != asked {
			t.Errorf("%q: %v", accept, resp.Header)
		} else if asked {
			r, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != want {
				t.Errorf("%q: %v, another text", accept, err)
			}
		}
		_ = textOf(t, resp)
	}
	in.header = map[string]string{"Accept-Encoding": "gzip"}
	in.local = "unix"
	if resp := ask(t, h, in); resp.Header.Get("Content-Encoding") != "" || textOf(t, resp) != want {
		t.Error("it is compressed on the socket")
	}
	in = onLoopback(with(whoAmI, func(in *sentRequest) { in.header = map[string]string{"Accept-Encoding": "gzip"} }))
	if resp := ask(t, h, in); resp.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(textOf(t, resp), "{") {
		t.Error("a short answer is compressed")
	}
}

func TestBodiesAreOfTheKindThatTheRouteTakes(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	post := sentRequest{method: http.MethodPost, path: "/v1/tokens", local: "unix", contentType: "application/json"}
	wantProblem(t, ask(t, h, with(post, func(in *sentRequest) { in.body = strings.Repeat(" ", 1<<20+1) })), 413, "1048576")
	wantProblem(t, ask(t, h, with(post, func(in *sentRequest) {
		in.body, in.header = `{"name":"a","read":true}`, map[string]string{"Content-Encoding": "gzip"}
	})), 415, "gzip")
	wantProblem(t, ask(t, h, with(post, func(in *sentRequest) { in.method, in.body = "GET", "{}" })), 400, "no body")
	wantProblem(t, ask(t, h, with(post, func(in *sentRequest) { in.method, in.path, in.body = "POST", "/v1/logout", "{}" })), 400, "no body")
	wantStatus(t, ask(t, h, with(post, func(in *sentRequest) {
		in.body, in.header = `{"name":"a","read":true}`, map[string]string{"Content-Encoding": "identity"}
	})), 201)
}

func TestTheQueryIsReadStrictly(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	for query, text := range map[string]string{
		"?a=1": "a", "?a": "a", "?%zz": "well formed", "?a;b": "semicolon", "?=1": "parameter", "?" + strings.Repeat("x", 10_000) + "=1": "xxx",
	} {
		for _, in := range []sentRequest{whoAmI, {method: "GET", path: "/healthz"}, {method: "GET", path: "/v1/tokens"}} {
			in.path += query
			in.local = "unix"
			wantProblem(t, ask(t, h, in), 400, text)
		}
	}
}

// A handler that fails takes nobody else with it.
func TestAPanicIsAnAnswerAndALineInTheLog(t *testing.T) {
	var mu sync.Mutex
	var observed []string
	var none []int
	s := start(t, openStore(t), &web.ServeOptions{
		Options: web.Options{Observe: func(route, method string, status int, _ time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			observed = append(observed, fmt.Sprint(route, method, status))
		}},
		Extra: map[string]http.Handler{
			"/panic":  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("something secret") }),
			"/late":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("begun")); panic("late") }),
			"/abort":  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			"/nil":    http.HandlerFunc(func(http.ResponseWriter, *http.Request) { _ = none[1] }),
			"/metric": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) }),
		},
	})
	c := newClient(t, "")
	for _, path := range []string{"/panic", "/nil"} {
		resp := get(t, c, s.url(path))
		if text := textOf(t, resp); resp.StatusCode != http.StatusInternalServerError || strings.Contains(text, "secret") {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
	for _, path := range []string{"/late", "/abort"} {
		resp, err := newClient(t, "").Get(s.url(path)) //nolint:noctx // it ends by itself; a connection that was used would be tried twice
		if err == nil {
			if _, err = io.ReadAll(resp.Body); err == nil {
				t.Errorf("%s: it looks complete", path)
			}
			_ = resp.Body.Close()
		}
	}
	if text := textOf(t, get(t, c, s.url("/metric"))); text != "fine" {
		t.Errorf("%q", text)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if text := s.log.String(); strings.Count(text, "handler panic") != 3 || !strings.Contains(text, "http_test.go") {
		t.Errorf("the log has %s", text)
	}
	if want := "[/panicGET500 /nilGET500 /lateGET200 /abortGET0 /metricGET200]"; fmt.Sprint(observed) != want {
		t.Errorf("%v", observed)
	}
}

// Further handlers are asked for like a route that reads.
func TestFurtherHandlersAreGuarded(t *testing.T) {
	st := openStore(t)
	read, write := addToken(t, st, "r", web.Grant{Read: true}), addToken(t, st, "w", web.Grant{Write: true})
	s := start(t, st, &web.ServeOptions{
		Options: web.Options{RequireToken: true},
		Extra:   map[string]http.Handler{"/metrics": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) })},
	})
	for _, c := range []struct {
		secret string
		want   int
	}{{"", 401}, {"doorlog_wrong", 401}, {write, 403}, {read, 200}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/metrics"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.secret != "" {
			r.Header.Set("Authorization", "Bearer "+c.secret)
		}
		resp, err := newClient(t, "").Do(r)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus(t, resp, c.want)
	}
}
