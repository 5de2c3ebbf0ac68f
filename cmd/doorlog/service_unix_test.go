//go:build unix

package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog/web"
)

// A manager is the socket at which a service manager listens.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T) (m manager, variable string) {
	path := filepath.Join(shortDir(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return manager{t, conn}, "NOTIFY_SOCKET=" + path
}

// hears waits for a state that has this line.
func (m manager) hears(line string) (state string) {
	m.t.Helper()
	buffer := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buffer)
		if err != nil {
			m.t.Fatalf("%s was not told: %v", line, err)
		}
		for got := range strings.Lines(string(buffer[:n])) {
			if strings.TrimSpace(got) == line {
				return string(buffer[:n])
			}
		}
	}
}

func TestTheServiceManagerIsTold(t *testing.T) {
	m, variable := newManager(t)
	db := newDB(t)
	cmd := serverCommand(t, db, "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, variable, "WATCHDOG_USEC=100000")
	s := start(t, db, cmd)
	m.hears("READY=1")
	m.hears("WATCHDOG=1")
	m.hears("WATCHDOG=1")
	s.signal(syscall.SIGHUP)
	if state := m.hears("RELOADING=1"); !strings.Contains(state, "MONOTONIC_USEC=") {
		t.Errorf("without the time: %q", state)
	}
	m.hears("READY=1")
	s.signal(syscall.SIGTERM)
	m.hears("STOPPING=1")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A signal that comes while the database is still being opened, or while the server ends, must not make
// the manager believe that the server is ready.
func TestAHangUpDoesNotMakeAServerReady(t *testing.T) {
	m, variable := newManager(t)
	name, path, _ := strings.Cut(variable, "=")
	t.Setenv(name, path)
	s := service{log: slog.New(slog.DiscardHandler), tokens: web.OpenTokens(filepath.Join(t.TempDir(), "tokens"))}
	silent := func(when string) {
		t.Helper()
		s.reload()
		s.tell("MARK=1")
		buffer := make([]byte, 4096)
		if n, err := m.conn.Read(buffer); err != nil || string(buffer[:n]) != "MARK=1" {
			t.Errorf("%s: %q, %v", when, buffer[:n], err)
		}
	}
	silent("while it starts")
	s.stopping()
	m.hears("STOPPING=1")
	silent("while it ends")
}

// passed starts a server with listeners as systemd passes them.
func passed(t *testing.T, db string, files ...*os.File) *exec.Cmd {
	cmd := serverCommand(t, db)
	program, err := exec.LookPath("doorlog")
	if err != nil {
		t.Fatal(err)
	}
	script := `LISTEN_PID=$$ LISTEN_FDS=` + string(rune('0'+len(files))) + ` exec "$@"`
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh", program}, cmd.Args[1:]...)
	cmd.ExtraFiles = files
	return cmd
}

func TestAServerTakesTheSocketsOfTheServiceManager(t *testing.T) {
	db := newDB(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	path := filepath.Join(shortDir(t), "s")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	s := start(t, db, passed(t, db, fileOf(t, tcp), fileOf(t, unix)))
	if status, body := fetch(t, http.DefaultClient, "http://"+tcp.Addr().String()+"/healthz", ""); status != http.StatusOK {
		t.Errorf("%d: %s", status, body)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	if status, body := fetch(t, client, "http://doorlog/v1/server", ""); status != http.StatusOK || !strings.Contains(body, `"admin":true`) {
		t.Errorf("%d: %s", status, body)
	}
	client.CloseIdleConnections()
	s.get("/v1/server") // commands find the socket beside the database as well
	if len(s.at) != 3 {
		t.Errorf("it listens on %q", s.at)
	}
	s.stop()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket of the service manager is gone: %v", err)
	}
}

func TestASocketForEverybodyIsRefused(t *testing.T) {
	db := newDB(t)
	path := filepath.Join(shortDir(t), "s")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := passed(t, db, fileOf(t, unix)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "SocketMode=0660") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAPassedFileThatIsNoSocketIsRefused(t *testing.T) {
	db := newDB(t)
	f, err := os.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := passed(t, db, f).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "descriptor 3") {
		t.Errorf("%v: %s", err, out)
	}
}

func fileOf(t *testing.T, l net.Listener) *os.File {
	t.Helper()
	filer, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		t.Fatalf("%T has no file", l)
	}
	f, err := filer.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestACertificateIsReadAgainAndABrokenOneIsNot(t *testing.T) {
	db, dir := newDB(t), t.TempDir()
	file, key := makeCertificate(t, dir, "first")
	c := certificate{file: file, key: key}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		t.Helper()
		now, err := c.config().GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return now.Leaf.Subject.CommonName
	}
	s := serveDB(t, db, "--tls-certificate", file, "--tls-key", key)
	makeCertificate(t, dir, "second")
	if err := c.load(); err != nil || name() != "second" {
		t.Errorf("%s, %v", name(), err)
	}
	s.signal(syscall.SIGHUP)
	s.logs("level=INFO msg=.*read again; other settings need a restart")
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.load(); err == nil || name() != "second" {
		t.Errorf("%s, %v", name(), err)
	}
	s.signal(syscall.SIGHUP)
	s.logs("level=ERROR msg=.*the old one stays.*cert.pem")
	if err := os.WriteFile(db+".tokens", []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	s.logs("level=ERROR msg=.*tokens cannot be read")
	s.get("/v1/server")
	s.stop()
}
