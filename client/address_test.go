package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// The client looks for the socket where the server makes it, also by way of a symbolic link to the file.
func TestTheSocketIsWhereTheServerMakesIt(t *testing.T) {
	s := serve(t, nil)
	link := filepath.Join(shortDir(t), "link.db")
	if err := os.Symlink(s.path, link); err != nil {
		t.Skip("SKIP: no symbolic links: ", err)
	}
	for _, path := range []string{s.path, link} {
		if got, want := client.Socket(path), "unix:"+web.SocketPath(path); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := open(t, client.Socket(path), nil).Stats(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A server may be behind a proxy that encrypts, and below a path. Whose certificate is not known gets
// neither the token nor an event.
func TestAServerBehindAProxy(t *testing.T) {
	s := serve(t, nil)
	secret := ""
	requests := 0
	h := http.StripPrefix("/door", web.Handler(s.Store, nil))
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; r.Header.Get("Authorization") != "Bearer "+secret {
			t.Errorf("Authorization is %q", r.Header.Get("Authorization"))
		}
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		h.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	_, secret, err := open(t, client.Socket(s.path), nil).AddToken(t.Context(), "t", client.Grant{Read: true, Write: true})
	if err != nil {
		t.Fatal(err)
	}
	address := proxy.URL + "/door/"
	_, err = client.Open(t.Context(), address, &client.Options{Token: secret})
	if _, unknown := errors.AsType[*tls.CertificateVerificationError](err); !unknown || requests > 0 {
		t.Errorf("%v after %d requests", err, requests)
	}
	roots := x509.NewCertPool()
	roots.AddCert(proxy.Certificate())
	c := open(t, address, &client.Options{Token: secret, TLS: &tls.Config{RootCAs: roots}})
	e, err := c.WriteEventWithFrame(t.Context(), motion(1), frame(t))
	if err != nil {
		t.Fatal(err)
	}
	own := open(t, address, &client.Options{Token: secret, HTTPClient: proxy.Client()})
	got, err := own.Event(t.Context(), e.ID)
	same(t, "event", got, err)(s.Event(t.Context(), e.ID))
	if _, err := own.Prune(t.Context(), doorlog.Policy{}); !errors.Is(err, client.ErrForbidden) {
		t.Error(err)
	}
	if _, err := client.Open(t.Context(), client.Socket(s.path), &client.Options{HTTPClient: proxy.Client()}); !errors.Is(err, doorlog.ErrInvalid) {
		t.Error(err)
	}
}
