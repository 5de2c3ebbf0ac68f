//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A testServer is a "doorlog serve" in a process of its own.
type testServer struct {
	t      *testing.T
	db     string
	cmd    *exec.Cmd
	stderr *bufio.Reader
	said   strings.Builder // what was read of stderr so far
	at     []string        // where it listens
	client *http.Client    // through the socket
}

// serverCommand returns the command that serves db, with nothing of this process's environment that
// would say something else.
func serverCommand(t *testing.T, db string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "doorlog", append([]string{"serve", "--db", db, "--json"}, args...)...)
	cmd.Dir = filepath.Dir(db)
	cmd.Env = append(os.Environ(), "DB_PATH=", "THUMBNAILS_DIR=", "SOCKET_PATH=", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// shortDir returns a folder whose path is short enough for a socket in it.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "dl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// serveDB starts a server and waits until it listens.
func serveDB(t *testing.T, db string, args ...string) *testServer {
	t.Helper()
	return start(t, db, serverCommand(t, db, append([]string{"--listen", "127.0.0.1:0"}, args...)...))
}

// launch starts a server, which the test ends, and returns its standard output.
func launch(t *testing.T, db string, cmd *exec.Cmd) (s *testServer, stdout io.Reader) {
	t.Helper()
	s = &testServer{t: t, db: db, cmd: cmd}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stderr = bufio.NewReader(stderr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return s, stdout
}

func start(t *testing.T, db string, cmd *exec.Cmd) *testServer {
	t.Helper()
	s, stdout := launch(t, db, cmd)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("it does not listen: %s", s.rest())
	}
	var told struct {
		Listening []string `json:"listening"`
	}
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	s.at = told.Listening
	socket := db + ".sock"
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// url returns the URL of a path over TCP.
func (s *testServer) url(path string) string {
	s.t.Helper()
	for _, at := range s.at {
		if strings.HasPrefix(at, "http") {
			return at + path
		}
	}
	s.t.Fatalf("it listens on %q", s.at)
	return ""
}

// get asks for a path, through the socket, and returns the body.
func (s *testServer) get(path string) string {
	s.t.Helper()
	status, body := fetch(s.t, s.client, "http://doorlog"+path, "")
	if status != http.StatusOK {
		s.t.Fatalf("GET %s: %d: %s", path, status, body)
	}
	return body
}

// fetch asks for a URL, with a token if it is not empty.
func fetch(t *testing.T, client *http.Client, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// logs waits for a line of the log that matches.
func (s *testServer) logs(pattern string) {
	s.t.Helper()
	want := regexp.MustCompile(pattern)
	for {
		line, err := s.stderr.ReadString('\n')
		s.said.WriteString(line)
		if want.MatchString(line) {
			return
		}
		if err != nil {
			s.t.Fatalf("no line of the log is like %s: %s", pattern, s.said.String())
		}
	}
}

// rest returns all that the server has logged, when it has ended.
func (s *testServer) rest() string {
	_, _ = io.Copy(&s.said, s.stderr)
	return s.said.String()
}

func (s *testServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end, and returns the exit code; -1 if a signal ended it.
func (s *testServer) ends() int {
	s.t.Helper()
	log := s.rest()
	if err := s.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			s.t.Fatal(err)
		}
		s.t.Logf("%v: %s", err, log)
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends the server as a service manager does.
func (s *testServer) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.ends(); code != 0 {
		s.t.Fatalf("exit code %d", code)
	}
}

// newDB makes a database with some events, and returns its path.
func newDB(t *testing.T) string {
	t.Helper()
	db := filepath.Join(shortDir(t), "events.db")
	st, err := doorlog.Open(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i := range 3 {
		e := doorlog.Event{Camera: "porch", Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(i) * time.Minute), Person: "zebedee"}
		if _, err := st.WriteEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// hang begins a request that the client does not end, and returns its connection.
func (s *testServer) hang() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("unix", s.db+".sock")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	const half = "POST /v1/login HTTP/1.1\r\nHost: doorlog\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, half); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n') // the handler reads the body
	if err != nil || !strings.Contains(line, "100") {
		s.t.Fatalf("%q, %v", line, err)
	}
	return conn
}

func TestAServerAnswersUntilASignalComes(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		db := newDB(t)
		s := serveDB(t, db)
		if status, body := fetch(t, http.DefaultClient, s.url("/healthz"), ""); status != http.StatusOK || !strings.Contains(body, "ok") {
			t.Errorf("healthz: %d %s", status, body)
		}
		if body := s.get("/v1/server"); !strings.Contains(body, `"doorlog"`) {
			t.Errorf("server: %s", body)
		}
		if len(s.at) != 2 || s.at[1] != "unix:"+db+".sock" {
			t.Errorf("it listens on %q", s.at)
		}
		s.signal(sig)
		if code := s.ends(); code != 0 {
			t.Errorf("%v: exit code %d", sig, code)
		}
		if _, err := os.Stat(db + ".sock"); err == nil {
			t.Error("the socket is still there")
		}
		st, err := doorlog.Open(db, &doorlog.Options{LockTimeout: -1})
		if err != nil {
			t.Fatal(err)
		}
		st.Close()
	}
}

func TestAServerHasThePageUnlessASettingLeavesItOut(t *testing.T) {
	db := newDB(t)
	s := serveDB(t, db)
	if status, body := fetch(t, http.DefaultClient, s.url("/"), ""); status != http.StatusOK || !strings.Contains(body, `<div id="app">`) {
		t.Errorf("the page: %d %s", status, body)
	}
	if text := s.get("/metrics"); !strings.Contains(text, `doorlog_http_requests_total{route="/",method="GET",status="2xx"} 1`) {
		t.Errorf("the page is not counted as one route: %s", text)
	}
	s.stop()
	s = serveDB(t, db, "--page=false")
	if status, body := fetch(t, http.DefaultClient, s.url("/"), ""); status != http.StatusNotFound {
		t.Errorf("the page that is left out: %d %s", status, body)
	}
	s.get("/v1/server")
	s.stop()
}

func TestAServerWaitsForARequestNoLongerThanTheDrain(t *testing.T) {
	s := serveDB(t, newDB(t), "--drain", "1s")
	s.hang()
	began := time.Now()
	s.signal(syscall.SIGTERM)
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took < time.Second || took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A stream ends with the server, however long a drain would last, and is counted while it is open.
func TestAStreamEndsAtOnce(t *testing.T) {
	s := serveDB(t, newDB(t), "--drain", "1h")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://doorlog/v1/changes?after=now", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text := "\n" + s.get("/metrics"); !strings.Contains(text, "\ndoorlog_streams_open 1\n") {
		t.Error(text)
	}
	began := time.Now()
	s.signal(syscall.SIGTERM)
	_, _ = io.Copy(io.Discard, response.Body) // it ends
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTheSecondSignalDoesNotWait(t *testing.T) {
	s := serveDB(t, newDB(t), "--drain", "1h")
	s.hang()
	s.signal(syscall.SIGTERM)
	s.logs("waits for the requests")
	s.signal(syscall.SIGTERM)
	if code := s.ends(); code != -1 {
		t.Errorf("exit code %d", code)
	}
}

func TestAServerThatWasKilledLeavesNoSocketInTheWay(t *testing.T) {
	db := newDB(t)
	first := serveDB(t, db)
	first.signal(syscall.SIGKILL)
	first.ends()
	if _, err := os.Stat(db + ".sock"); err != nil {
		t.Fatal("this test needs the socket of the dead server: ", err)
	}
	second := serveDB(t, db)
	second.get("/v1/server")
	info, err := os.Stat(db + ".sock")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	second.stop()
}

func TestTwoServersCannotHaveOneFile(t *testing.T) {
	db := newDB(t)
	first := serveDB(t, db)
	second := serverCommand(t, db, "--listen", "127.0.0.1:0")
	out, err := second.CombinedOutput()
	if err == nil || second.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "locked by another process, which has it open") {
		t.Errorf("%v: %s", err, out)
	}
	first.get("/v1/server") // its socket is its own still
	first.stop()
}

func TestTwoServersThatReadHaveSocketsOfTheirOwn(t *testing.T) {
	db := newDB(t)
	first := serveDB(t, db, "--read-only")
	second := serverCommand(t, db, "--read-only", "--listen", "127.0.0.1:0")
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), db+".sock") {
		t.Errorf("%v: %s", err, out)
	}
	first.get("/v1/server")
	third := start(t, db, serverCommand(t, db, "--read-only", "--listen", "127.0.0.1:0", "--socket", "off"))
	if status, body := fetch(t, http.DefaultClient, third.url("/healthz"), ""); status != http.StatusOK {
		t.Errorf("%d: %s", status, body)
	}
	third.stop()
	first.get("/v1/server")
	first.stop()
}

func TestAServerNoticesTokensOfOtherProcesses(t *testing.T) {
	db := newDB(t)
	s := serveDB(t, db, "--require-token")
	status := func(token string) int {
		code, _ := fetch(t, http.DefaultClient, s.url("/v1/server"), token)
		return code
	}
	if got := status(""); got != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got)
	}
	out, err := exec.Command("doorlog", "token", "add", "dashboard", "--read", "--db", db).Output()
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(out))
	if got := status(token); got != http.StatusOK {
		t.Errorf("with its token: %d", got)
	}
	if err := exec.Command("doorlog", "token", "revoke", "dashboard", "--db", db).Run(); err != nil {
		t.Fatal(err)
	}
	if got := status(token); got != http.StatusUnauthorized {
		t.Errorf("with a revoked token: %d", got)
	}
	s.stop()
	if log := s.said.String(); strings.Contains(log, token) {
		t.Errorf("the log has the token: %s", log)
	}
}

// What was refused is told with what to do about it, and nothing listens.
func TestAServerRefusesToBeOpenToTheNetwork(t *testing.T) {
	db := newDB(t)
	for _, args := range [][]string{{"--listen", "0.0.0.0:0"}, {"--listen", ":0", "--insecure-http"}} {
		cmd := serverCommand(t, db, args...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "doorlog token add") {
			t.Errorf("%q: %v: %s", args, err, out)
		}
		if strings.Contains(string(out), "listening") {
			t.Errorf("%q: it listens: %s", args, out)
		}
	}
}

func TestRetentionOfAServerRuns(t *testing.T) {
	s := serveDB(t, newDB(t), "--retention-max-events", "1", "--log-format", "json", "--scrub", "off")
	s.logs(`^\{"time":.*"level":"INFO","msg":"doorlog: retention has removed".*"events":2`)
	if body := s.get("/metrics"); !strings.Contains(body, "\ndoorlog_store_events 1\n") {
		t.Error(body)
	}
	s.stop()
}

// Root makes tokens for the server of another user, who must be able to read them.
func TestTokensBelongToTheOwnerOfTheDatabase(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	db := newDB(t)
	const somebody = 12345
	if err := os.Chown(db, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if err := exec.Command("doorlog", "token", "add", name, "--read", "--db", db).Run(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(db + ".tokens")
		if err != nil {
			t.Fatal(err)
		}
		if is, ok := info.Sys().(*syscall.Stat_t); !ok || is.Uid != somebody || is.Gid != somebody || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, info.Sys())
		}
	}
}
