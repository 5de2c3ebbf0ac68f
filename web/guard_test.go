package web_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/web"
)

var whoAmI = sentRequest{method: http.MethodGet, path: "/v1/server"}

func with(in sentRequest, change func(*sentRequest)) sentRequest {
	change(&in)
	return in
}

func TestWhoNeedsNoToken(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	for name, in := range map[string]struct {
		sentRequest
		want int
	}{
		"the socket":                    {sentRequest{local: "unix", remote: "@"}, 200},
		"the socket, any Host":          {sentRequest{local: "unix", remote: "@", host: "doorlog.example"}, 200},
		"loopback":                      {sentRequest{local: "127.0.0.1", remote: "127.0.0.1:1"}, 200},
		"loopback of IPv6":              {sentRequest{local: "::1", remote: "[::1]:1"}, 200},
		"loopback of both":              {sentRequest{local: "::ffff:127.0.0.1", remote: "[::ffff:127.0.0.1]:1"}, 200},
		"another machine":               {sentRequest{local: "192.0.2.1", remote: "192.0.2.7:1"}, 401},
		"from loopback to elsewhere":    {sentRequest{local: "192.0.2.1", remote: "127.0.0.1:1"}, 401},
		"from elsewhere to loopback":    {sentRequest{local: "127.0.0.1", remote: "192.0.2.7:1"}, 401},
		"a peer that is not an address": {sentRequest{local: "127.0.0.1", remote: "localhost"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			in := in
			in.method, in.path = whoAmI.method, whoAmI.path
			wantStatus(t, ask(t, h, in.sentRequest), in.want)
		})
	}
}

func TestAHandlerWithoutAnAddressNeedsTokens(t *testing.T) {
	// As behind a server that does not say where a request came in.
	h := web.Handler(openStore(t), nil)
	in := onLoopback(whoAmI)
	in.local = "none"
	wantProblem(t, ask(t, h, in), http.StatusUnauthorized, "token")
}

// Whoever can open a page from elsewhere in a browser on this machine cannot get around the Host header by
// giving the page's name the address of this machine.
func TestARequestOnLoopbackMustNameThisMachine(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Admin: true})
	h := web.Handler(st, &web.Options{Hosts: []string{"Door.lan", "cam.lan:7780"}})
	good := []string{
		"localhost", "LOCALHOST:80", "localhost.", "door.localhost:7780", "127.0.0.1", "127.0.0.1:7780", "127.8.9.10:1", "[::1]", "[::1]:7780",
		"[::ffff:127.0.0.1]", "door.lan", "door.lan:80", "DOOR.LAN.", "cam.lan",
	}
	bad := []string{
		"evil.example", "evil.example:7780", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "192.0.2.1", "0.0.0.0", "[::]",
		"door.lan.evil.example", "xdoor.lan", "127.1", "2130706433", "0x7f.1", "[::1", "[::1]x", "::1", "[localhost]", "[127.0.0.1]", "[::1%25lo]", "localhost:http",
		"localhost:99999", "localhost:1:2", "evil.example:127.0.0.1", "user@localhost", ".localhost.evil.example", "", ":7780", "local host", "localhost:-1",
	}
	addresses := []string{"/v1/server", "/healthz", "/readyz", "/v1/openapi.yaml", "/nothing", "/v1/login"}
	try := func(host, path string, header map[string]string) int {
		in := onLoopback(sentRequest{method: http.MethodGet, path: path, header: header})
		return askAs(t, h, in, host)
	}
	for _, host := range good {
		if got := try(host, "/v1/server", nil); got != http.StatusOK {
			t.Errorf("Host %q: %d", host, got)
		}
	}
	for _, host := range bad {
		for _, path := range addresses {
			for _, header := range []map[string]string{nil, bearer(secret)} {
				if got := try(host, path, header); got != http.StatusMisdirectedRequest {
					t.Errorf("Host %q of %s: %d", host, path, got)
				}
			}
		}
	}
}

func TestWhatCameThroughAProxyNeedsAToken(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	h := web.Handler(st, nil)
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Whatever", "X-Real-IP", "Via"} {
		for _, in := range []sentRequest{onLoopback(whoAmI), with(whoAmI, func(in *sentRequest) { in.local, in.remote = "unix", "@" })} {
			in.host = "door.example" // the proxy passes it on
			in.header = map[string]string{header: "192.0.2.9"}
			wantProblem(t, ask(t, h, in), http.StatusUnauthorized, "a token is needed")
			in.header["Authorization"] = "Bearer " + secret
			wantStatus(t, ask(t, h, in), http.StatusOK)
		}
	}
}

func TestRequireTokenHoldsForLoopbackButNotForTheSocket(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	h := web.Handler(st, &web.Options{RequireToken: true})
	resp := ask(t, h, onLoopback(whoAmI))
	if got := resp.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate %q", got)
	}
	wantProblem(t, resp, http.StatusUnauthorized, "a token is needed")
	wantStatus(t, ask(t, h, with(onLoopback(whoAmI), func(in *sentRequest) { in.header = bearer(secret) })), http.StatusOK)
	wantStatus(t, ask(t, h, with(whoAmI, func(in *sentRequest) { in.local = "unix" })), http.StatusOK)
}

// A token that is sent decides, wherever the request comes from.
func TestATokenOnTheSocketIsNotIgnored(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "reader", web.Grant{Read: true})
	h := web.Handler(st, nil)
	for _, from := range []sentRequest{onLoopback(whoAmI), with(whoAmI, func(in *sentRequest) { in.local = "unix" })} {
		from.header = bearer(secret)
		if text := textOf(t, ask(t, h, from)); !strings.Contains(text, `"grant":{"read":true,"write":false,"admin":false}`) {
			t.Errorf("%s", text)
		}
		from.header = bearer("doorlog_wrong")
		wantProblem(t, ask(t, h, from), http.StatusUnauthorized, "not valid")
		from.header = bearer("")
		wantProblem(t, ask(t, h, from), http.StatusUnauthorized, "a token is needed")
		from.header = map[string]string{"Authorization": "Basic " + secret} // something else, for somebody else
		wantStatus(t, ask(t, h, from), http.StatusOK)
	}
}

// A page of another site cannot make a browser of this machine, or one that is logged in, do anything here.
func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Admin: true})
	h := web.Handler(st, nil)
	post := sentRequest{method: http.MethodPost, path: "/v1/tokens", body: `{"name":"evil","admin":true}`, contentType: "application/json"}
	cases := map[string]struct {
		header        map[string]string
		write, read   int
		writeByBearer int
	}{
		"no browser":                   {nil, 201, 200, 201},
		"its own page":                 {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:7780"}, 201, 200, 201},
		"typed in":                     {map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 201, 200, 201},
		"another site":                 {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "https://evil.example"}, 403, 403, 403},
		"another site without Origin":  {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, 403, 201},
		"another port":                 {map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "http://127.0.0.1:8080"}, 403, 403, 403},
		"an old browser, another site": {map[string]string{"Origin": "https://evil.example"}, 403, 200, 403},
		"a page without an origin":     {map[string]string{"Origin": "null"}, 403, 200, 403},
		"a link from another site": {
			map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403, 200, 201,
		},
		"a frame of another site": {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403, 403, 201},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			check := func(in sentRequest, want int) {
				t.Helper()
				if want == http.StatusForbidden {
					wantProblem(t, ask(t, h, in), want, "cross-origin")
				} else {
					wantStatus(t, ask(t, h, in), want)
				}
				_ = tokensOf(st).Remove("evil") // if it was made
			}
			in := onLoopback(post)
			in.header = c.header
			check(in, c.write)
			in.method, in.body = http.MethodGet, ""
			check(in, c.read)
			in = post
			in.header = map[string]string{"Authorization": "Bearer " + secret}
			maps.Copy(in.header, c.header)
			check(in, c.writeByBearer)
		})
	}
}

func TestTheSocketHasNoOtherSites(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	in := sentRequest{method: http.MethodPost, path: "/v1/logout", local: "unix", header: map[string]string{"Origin": "https://evil.example"}}
	wantStatus(t, ask(t, h, in), http.StatusNoContent)
}
