package client_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// noon is the clock of the stores.
var noon = time.Date(2026, 2, 25, 12, 0, 0, 0, time.UTC)

// shortDir returns a folder that goes with the test. Its path is so short that a socket fits into it.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A served is a store and its server, on a Unix socket beside the file and on a port of loopback.
type served struct {
	*doorlog.Store
	path, tcp string
}

// serve opens a store and serves it until the test ends. Then nothing must be wrong with the store.
func serve(t testing.TB, options *doorlog.Options) *served {
	t.Helper()
	if options == nil {
		options = &doorlog.Options{Now: func() time.Time { return noon }}
	}
	s := &served{path: filepath.Join(shortDir(t), "e.db")}
	st, err := doorlog.Open(s.path, options)
	if err != nil {
		t.Fatal(err)
	}
	s.Store = st
	t.Cleanup(func() {
		v, err := st.Verify(context.Background())
		if err == nil {
			err = v.Err()
		}
		if err := errors.Join(err, st.Close()); err != nil && !errors.Is(err, doorlog.ErrClosed) {
			t.Error(err)
		}
	})
	s.listen(t, "unix", client.Socket(s.path)[len("unix:"):])
	s.tcp = "http://" + s.listen(t, "tcp", "127.0.0.1:0").String()
	return s
}

// listen serves the store at one address.
func (s *served) listen(t testing.TB, network, address string) net.Addr {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: web.Handler(s.Store, &web.Options{Version: "test"}), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return ln.Addr()
}

// open returns a client of an address, which is closed when the test ends.
func open(t testing.TB, address string, options *client.Options) *client.Client {
	t.Helper()
	c, err := client.Open(t.Context(), address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// served2 returns a store that is served, and a client over its socket.
func storeAndClient(t testing.TB) (*served, *client.Client) {
	t.Helper()
	s := serve(t, nil)
	return s, open(t, client.Socket(s.path), nil)
}

// motion returns an event of the minute before noon that is so many seconds old.
func motion(seconds int) doorlog.Event {
	return doorlog.Event{
		Camera: "front", Type: doorlog.Motion, RecordedAt: noon.Add(-time.Duration(seconds) * time.Second),
		Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9, Box: &doorlog.Box{X1: 1, Y1: 2, X2: 30, Y2: 40}}},
	}
}

// frame returns a picture.
func frame(t testing.TB) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for i := range 320 * 240 {
		picture.Set(i%320, i/320, color.RGBA{uint8(i), uint8(i >> 8), 100, 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
