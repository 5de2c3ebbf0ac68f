package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog/web"
)

// login sends a secret to the login and returns the answer.
func login(t testing.TB, h http.Handler, secret string, change func(*sentRequest)) *http.Response {
	t.Helper()
	in := sentRequest{method: http.MethodPost, path: "/v1/login", body: `{"token":"` + secret + `"}`, contentType: "application/json"}
	if change != nil {
		change(&in)
	}
	return ask(t, h, in)
}

func TestABrowserLogsInWithACookie(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	h := web.Handler(st, nil)
	resp := login(t, h, secret, nil)
	cookies := resp.Cookies()
	wantStatus(t, resp, http.StatusNoContent)
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	stats, err := st.Stats(t.Context())
	c := cookies[0]
	if err != nil || c.Name != "doorlog_"+stats.StoreID.String()[:8] || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure ||
		c.Domain != "" || c.MaxAge <= 0 {
		t.Errorf("%+v %v", c, err)
	}
	for _, change := range []func(*sentRequest){
		func(in *sentRequest) { in.tls = true },
		func(in *sentRequest) { in.header = map[string]string{"X-Forwarded-Proto": "https"} },
	} {
		if c := login(t, h, secret, change).Cookies()[0]; !c.Secure {
			t.Errorf("%+v is not for TLS alone", c)
		}
	}
	in := with(whoAmI, func(in *sentRequest) { in.header = map[string]string{"Cookie": "other=x; " + c.Name + "=" + c.Value} })
	wantStatus(t, ask(t, h, in), http.StatusOK)
	in.header["Authorization"] = "Bearer doorlog_wrong" // which decides
	wantStatus(t, ask(t, h, in), http.StatusUnauthorized)
	delete(in.header, "Authorization")
	if err := tokensOf(st).Remove("me"); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, ask(t, h, in), http.StatusUnauthorized)
	onLoop := onLoopback(in)
	wantStatus(t, ask(t, h, onLoop), http.StatusOK) // an old cookie does not lock out whoever needs none

	out := ask(t, h, sentRequest{method: http.MethodPost, path: "/v1/logout"})
	if c := out.Cookies(); len(c) != 1 || c[0].Value != "" || c[0].MaxAge >= 0 || c[0].Name != cookies[0].Name {
		t.Errorf("%+v", c)
	}
	wantStatus(t, out, http.StatusNoContent)
}

func TestAFailedLoginGivesNoCookie(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	for body, want := range map[string]int{
		`{"token":"doorlog_wrong"}`: 401, `{"token":""}`: 400, `{}`: 400, `{"token":7}`: 400, `{"token":"a","b":1}`: 400, `[]`: 400, ``: 400, `{"token":"a"}{}`: 400,
		`{"token":"` + strings.Repeat("x", 4_000) + `"}`: 401, `{"token":"` + strings.Repeat("x", 1<<20) + `"}`: 413,
	} {
		resp := login(t, h, "", func(in *sentRequest) { in.body = body })
		if len(resp.Cookies()) > 0 {
			t.Errorf("%.50s: a cookie", body)
		}
		wantProblem(t, resp, want, "")
	}
}

// Whoever tries tokens is told to wait. Whoever has a valid one is let in all the same, also from the
// same address.
func TestTokensThatAreNotValidAreLimitedInNumber(t *testing.T) {
	for name, try := range map[string]func(testing.TB, http.Handler) *http.Response{
		"login": func(t testing.TB, h http.Handler) *http.Response { return login(t, h, "doorlog_wrong", nil) },
		"bearer": func(t testing.TB, h http.Handler) *http.Response {
			return ask(t, h, with(whoAmI, func(in *sentRequest) { in.header = bearer("doorlog_wrong") }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := openStore(t)
			secret := addToken(t, st, "me", web.Grant{Read: true})
			h := web.Handler(st, nil)
			for i := range 10 {
				resp := try(t, h)
				if wantStatus(t, resp, http.StatusUnauthorized); t.Failed() {
					t.Fatalf("attempt %d", i)
				}
			}
			resp := try(t, h)
			if wait, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
				t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
			}
			wantProblem(t, resp, http.StatusTooManyRequests, "not valid")
			wantStatus(t, login(t, h, secret, nil), http.StatusNoContent)
			wantStatus(t, ask(t, h, with(whoAmI, func(in *sentRequest) { in.header = bearer(secret) })), http.StatusOK)
			wantStatus(t, ask(t, h, with(whoAmI, func(in *sentRequest) { // another address
				in.header, in.remote = bearer("doorlog_wrong"), "192.0.2.8:1"
			})), http.StatusUnauthorized)
		})
	}
}

func TestFailuresAreCountedByNetworkAndInAll(t *testing.T) {
	refused := func(addresses []string) (n int) {
		for _, wait := range web.FailuresOf(addresses) {
			if wait < 0 || wait > time.Minute {
				t.Errorf("wait %v", wait)
			}
			if wait > 0 {
				n++
			}
		}
		return n
	}
	many := func(n int, format string) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(format, i))
		}
		return all
	}
	if n := refused(many(15, "[2001:db8:1:2::%x]:1")); n != 5 {
		t.Errorf("of one /64: %d were refused", n)
	}
	if n := refused(many(15, "[2001:db8:1:%x::1]:1")); n != 0 {
		t.Errorf("of many networks: %d were refused", n)
	}
	if n := refused(many(15, "@%d")); n != 5 { // sockets
		t.Errorf("of no address: %d were refused", n)
	}
	if n := refused(append(many(10, "192.0.2.1:%d"), many(5, "[::ffff:192.0.2.1]:%d")...)); n != 5 {
		t.Errorf("of one address in two forms: %d were refused", n)
	}
	if n := refused(many(300, "[2001:db8:1:%x::1]:1")); n < 90 || n > 100 {
		t.Errorf("in all: %d of 300 were refused", n)
	}
}

// Anybody may log in, on thousands of connections at once: so what one of them can make the server keep is little.
func TestALoginIsShort(t *testing.T) {
	st := openStore(t)
	addToken(t, st, "phone", web.Grant{Read: true})
	s := start(t, st, &web.ServeOptions{Options: web.Options{RequireToken: true}})
	body := `{"token":"` + strings.Repeat("x", 1<<20-100) + `"}`
	head := fmt.Sprintf("POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	if text := sendRaw(t, s.tcp(), head); !strings.HasPrefix(text, "HTTP/1.1 413 ") {
		t.Errorf("the server waits for a login of 1 MiB: %.100q", text)
	}
}
