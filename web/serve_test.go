package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

func TestServeAnswersOnTheSocketAndOnLoopback(t *testing.T) {
	s := start(t, openStore(t), nil)
	if len(s.addresses) != 2 || s.addresses[0].Network() != "tcp" || s.addresses[1].String() != s.socket() {
		t.Errorf("%v", s.addresses)
	}
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/v1/server"), 200)
	wantStatus(t, get(t, newClient(t, ""), s.url("/v1/server")), 200)
}

// serveFails returns the error of a server that must not start.
func serveFails(t testing.TB, st *doorlog.Store, options *web.ServeOptions) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	options.Ready = func(addresses []net.Addr) { t.Errorf("it listens on %v", addresses); cancel() }
	err := web.Serve(ctx, st, options)
	if err == nil {
		t.Error("there is no error")
		return errors.New("none")
	}
	return err
}

func wantText(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v; want one that holds %q", err, text)
	}
}

// The network gets nothing without a token, and no token goes over it unencrypted, unless that is asked for.
func TestAnAddressOfTheNetworkNeedsTokensAndTLS(t *testing.T) {
	st := openStore(t)
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		wantText(t, serveFails(t, st, &web.ServeOptions{Addresses: []string{address}, Socket: "-", InsecureHTTP: true}), "need tokens")
	}
	addToken(t, st, "me", web.Grant{Read: true})
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		wantText(t, serveFails(t, st, &web.ServeOptions{Addresses: []string{address}, Socket: "-"}), "needs TLS")
	}
	ln := listenTCP(t, "0.0.0.0:0")
	wantText(t, serveFails(t, st, &web.ServeOptions{Listeners: []net.Listener{ln}}), "needs TLS")
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
	wantText(t, serveFails(t, st, &web.ServeOptions{Addresses: []string{""}, Socket: "-"}), "nothing to listen on")
	wantText(t, serveFails(t, st, &web.ServeOptions{Addresses: []string{"127.0.0.1:0", ""}, Socket: "-", TLS: &tls.Config{MinVersion: tls.VersionTLS12}}), "is empty")
	wantText(t, serveFails(t, st, &web.ServeOptions{Addresses: []string{"127.0.0.1:no-such-port"}}), "no-such-port")
	wantText(t, serveFails(t, st, &web.ServeOptions{Options: web.Options{Hosts: []string{"http://door.lan"}}}), "no name of a host")
	if err := tokensOf(st).Remove("me"); err != nil {
		t.Fatal(err)
	}
}

func listenTCP(t testing.TB, address string) net.Listener {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// An address of the network is asked for on loopback here, where it is reached; the server does not listen there.
func TestTheNetworkIsServedWithTLSAndTokens(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	certificate, roots := selfSigned(t)
	s := start(t, st, &web.ServeOptions{
		Addresses: []string{"0.0.0.0:0"}, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		Options: web.Options{RequireToken: true},
	})
	_, port, err := net.SplitHostPort(s.tcp())
	if err != nil {
		t.Fatal(err)
	}
	for _, http2 := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: http2}
		defer transport.CloseIdleConnections()
		c := &http.Client{Transport: transport}
		for _, header := range []string{"", "Bearer " + secret} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:"+port+"/v1/server", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", header)
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err, s.log)
			}
			want := 200
			if header == "" {
				want = 401
			}
			if resp.ProtoMajor == 2 != http2 {
				t.Errorf("%s; HTTP/2 wanted: %t", resp.Proto, http2)
			}
			wantStatus(t, resp, want)
		}
	}
	resp, err := newClient(t, "").Get("http://127.0.0.1:" + port + "/v1/server") //nolint:noctx // it ends by itself
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, resp, 400) // HTTP to a port of HTTPS
}

// selfSigned returns a certificate for 127.0.0.1.
func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// A service manager passes what it has opened. Then nothing else is opened.
func TestListenersThatArePassed(t *testing.T) {
	ln := listenTCP(t, "127.0.0.1:0")
	s := start(t, openStore(t), &web.ServeOptions{Listeners: []net.Listener{ln}})
	if len(s.addresses) != 1 || s.tcp() != ln.Addr().String() {
		t.Errorf("%v", s.addresses)
	}
	wantStatus(t, get(t, newClient(t, ""), s.url("/v1/server")), 200)
}

// waiting is a handler that says when it has begun, and goes on until it may end.
type waiting struct {
	begun chan struct{}
	end   chan struct{}
}

func newWaiting() *waiting { return &waiting{make(chan struct{}, 10), make(chan struct{})} }

func (h *waiting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.begun <- struct{}{}
	select {
	case <-h.end:
		_, _ = w.Write([]byte("complete"))
	case <-r.Context().Done():
	}
}

// fetch sends a GET request and returns what came of it.
func fetch(t testing.TB, url string) <-chan string {
	t.Helper()
	c := newClient(t, "")
	got := make(chan string, 1)
	go func() {
		resp, err := c.Get(url) //nolint:noctx // it ends by itself
		if err != nil {
			got <- err.Error()
			return
		}
		var text bytes.Buffer
		_, err = io.Copy(&text, resp.Body)
		_ = resp.Body.Close()
		got <- text.String() + errText(err)
	}()
	return got
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A request that has begun when the server is asked to stop gets its answer. New connections are refused.
func TestRequestsEndBeforeTheServerDoes(t *testing.T) {
	h := newWaiting()
	s := start(t, openStore(t), &web.ServeOptions{Extra: map[string]http.Handler{"/wait": h}})
	got := fetch(t, s.url("/wait"))
	<-h.begun
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for { // until nobody listens
		conn, err := net.Dial("tcp", s.tcp()) //nolint:noctx // on loopback
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-stopped:
		t.Errorf("the server did not wait: %v", err)
	default:
	}
	close(h.end)
	if text := <-got; text != "complete" {
		t.Errorf("the answer is %q", text)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestARequestThatDoesNotEndIsCut(t *testing.T) {
	h := newWaiting()
	s := start(t, openStore(t), &web.ServeOptions{Extra: map[string]http.Handler{"/wait": h}, Drain: 50 * time.Millisecond})
	got := fetch(t, s.url("/wait"))
	<-h.begun
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if text := <-got; !strings.Contains(text, "EOF") {
		t.Errorf("the answer is %q", text)
	}
}

// A server that has stopped can be started again at once, on the same store and in the same process.
// Two stores whose servers are given one path for their sockets: who asks for the first store must not get the second.
func TestAServerDoesNotTakeTheSocketOfAnotherStore(t *testing.T) {
	first, second := openStore(t), openStore(t)
	shared := &web.ServeOptions{Socket: shortFolder(t) + "/doorlog.sock", Addresses: []string{""}}
	s := start(t, first, shared)
	wantText(t, serveFails(t, second, shared), "another server answers on it")
	stats, err := first.Stats(t.Context())
	if text := textOf(t, get(t, newClient(t, shared.Socket), "http://doorlog/v1/server")); err != nil || !strings.Contains(text, stats.StoreID.String()) {
		t.Errorf("%s %v", text, err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	start(t, second, shared) // now it is free
}

func TestAServerCanBeStartedAgain(t *testing.T) {
	st := openStore(t)
	for range 3 {
		s := start(t, st, nil)
		wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/healthz"), 200)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	s := start(t, st, &web.ServeOptions{Options: web.Options{RequireToken: true}})
	c := newClient(t, "")
	for _, path := range []string{"/v1/server", "/v1/tokens", "/v1/server?token=" + secret, "/" + secret, "/v1/events/" + secret} {
		for _, header := range []string{"Bearer " + secret, "Bearer x" + secret, secret, "Basic " + secret} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url(path), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", header)
			r.Header.Set("Cookie", "doorlog="+secret)
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if text := textOf(t, resp); strings.Contains(text, secret) && !strings.Contains(path, secret) {
				t.Errorf("%s", text)
			}
		}
	}
	resp, err := c.Post(s.url("/v1/login"), "application/json", strings.NewReader(`{"token":"x`+secret+`"}`)) //nolint:noctx // it ends by itself
	if err != nil {
		t.Fatal(err)
	}
	_ = textOf(t, resp)
	// A handler that fails with a token in its hand, and requests that net/http complains about.
	sendRaw(t, s.tcp(), "GET /v1/server HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+secret+"\r\n bad\r\n\r\n")
	sendRaw(t, s.tcp(), "GET / HTTP/9.9\r\nHost: x\r\nAuthorization: Bearer "+secret+"\r\n\r\n")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if text := s.log.String(); strings.Contains(text, secret[8:]) {
		t.Errorf("the log has %s", text)
	}
}

// sendRaw sends a text over a connection of its own and returns all that comes back until it is closed.
func sendRaw(t testing.TB, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address) //nolint:noctx // on loopback
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, text) // the server may have closed it before
	_ = conn.(*net.TCPConn).CloseWrite()
	var answer bytes.Buffer
	if _, err := io.Copy(&answer, conn); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it was not closed: %v", err)
	}
	return answer.String()
}
