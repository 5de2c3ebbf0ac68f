package web_test

import (
	"net"
	"testing"

	"github.com/doorlog/doorlog/web"
)

// Whoever asks for the addresses of IPv4 does not get those of IPv6, which may have no firewall.
func TestAnAddressOfIPv4IsOneOfIPv4(t *testing.T) {
	st := openStore(t)
	addToken(t, st, "phone", web.Grant{Read: true})
	s := start(t, st, &web.ServeOptions{Addresses: []string{"0.0.0.0:0"}, Socket: "-", InsecureHTTP: true})
	_, port, err := net.SplitHostPort(s.tcp())
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err != nil { //nolint:noctx // on loopback
		t.Error(err)
	} else {
		conn.Close()
	}
	if conn, err := net.Dial("tcp", "[::1]:"+port); err == nil { //nolint:noctx // on loopback
		conn.Close()
		t.Errorf("the server that was to listen on 0.0.0.0 listens on %s", s.tcp())
	}
}
