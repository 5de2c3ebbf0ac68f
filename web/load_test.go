package web_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A rawClient sends requests that are ready as bytes over one connection, and reads answers that have a
// Content-Length. It costs little beside the server, which shares the machine with it.
type rawClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialRaw(network, address string) (*rawClient, error) {
	conn, err := net.Dial(network, address) //nolint:noctx // on this machine
	if err != nil {
		return nil, err
	}
	return &rawClient{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

var lengthHeader = []byte("Content-Length: ")

// The begin of an answer.
var (
	answeredOK      = []byte("HTTP/1.1 200 ")
	answeredCreated = []byte("HTTP/1.1 201 ")
)

// do sends a request, and reads the answer, which must begin with answered.
func (c *rawClient) do(request, answered []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		if first && !bytes.HasPrefix(line, answered) {
			return fmt.Errorf("%q; want %s", line, answered)
		}
		if rest, ok := bytes.CutPrefix(line, lengthHeader); ok {
			if length, err = strconv.Atoi(string(rest)); err != nil {
				return err
			}
		}
		if len(line) == 0 {
			break
		}
	}
	if length < 0 {
		return io.ErrUnexpectedEOF
	}
	_, err := c.in.Discard(length)
	return err
}

// rawRequest returns the bytes of a request. A body is JSON.
func rawRequest(method, path string, body []byte) []byte {
	text := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	if method != http.MethodGet {
		text = fmt.Appendf(text, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(text, "\r\n"...), body...)
}

// A load is such clients in a process of their own, so that the server's goroutines and memory are alone in
// its own. Each line on its standard input is how long they send requests for; it answers with how many were
// answered.
type load struct {
	in  io.WriteCloser
	out *bufio.Reader
}

const loadVariable = "DOORLOG_TEST_LOAD" // "network address GET-or-POST clients"

func isLoad() bool { return os.Getenv(loadVariable) != "" }

func runLoad() int {
	if err := loadMain(os.Getenv(loadVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func loadMain(what string) error {
	var network, address, method string
	var n int
	if _, err := fmt.Sscan(what, &network, &address, &method, &n); err != nil {
		return err
	}
	clients := make([]*rawClient, n)
	for i := range clients {
		var err error
		if clients[i], err = dialRaw(network, address); err != nil {
			return err
		}
	}
	list := rawRequest(http.MethodGet, "/v1/events?limit=20", nil)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		d, err := time.ParseDuration(in.Text())
		if err != nil {
			return err
		}
		var count atomic.Int64
		errs := make([]error, n)
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() {
				for began := time.Now(); errs[i] == nil && time.Since(began) < d; count.Add(1) {
					if method == http.MethodGet {
						errs[i] = c.do(list, answeredOK)
					} else {
						errs[i] = c.do(rawRequest(http.MethodPost, "/v1/events", eventJSON(i, time.Now())), answeredCreated)
					}
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		fmt.Println(count.Load())
	}
	return nil
}

// eventJSON returns a small event.
func eventJSON(camera int, at time.Time) []byte {
	return fmt.Appendf(nil, `{"camera_id":"camera-%d","event_type":"motion","recorded_at":%q}`, camera, at.Format(time.RFC3339Nano))
}

// startLoad starts clients of a server of this test.
func startLoad(t testing.TB, at net.Addr, method string, clients int) *load {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d", loadVariable, at.Network(), at, method, clients)), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // ended by that, or by the end of the test
	})
	return &load{in, bufio.NewReader(out)}
}

// run lets the clients send requests for a while, and returns how many were answered in which time.
func (l *load) run(t testing.TB, d time.Duration) (n int, took time.Duration) {
	t.Helper()
	began := time.Now()
	fmt.Fprintln(l.in, d)
	if _, err := fmt.Fscanln(l.out, &n); err != nil {
		t.Fatal(err)
	}
	return n, time.Since(began)
}
