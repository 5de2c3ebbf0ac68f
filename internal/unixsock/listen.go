package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// ErrInUse says that another server answers on the socket.
var ErrInUse = errors.New("another server answers on it")

// A Listener listens on a Unix socket. Close removes the socket unless it is another one by then.
type Listener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
}

// Listen listens on a socket at path that only the owner of the process can open. From the moment
// at which it appears it has its mode: it is made in a private folder and moved. It takes the place of a
// socket on which nobody answers. It also takes the place of one on which another server answers,
// unless polite is set; then the error is [ErrInUse]. A file that is no socket is left alone.
func Listen(path string, polite bool) (*Listener, error) {
	ln, err := listen(path, polite)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, reason(err))
	}
	return ln, nil
}

func listen(path string, polite bool) (*Listener, error) {
	if err := within(path, func(string) error { return nil }); err != nil {
		return nil, err // nobody could connect to it
	}
	if err := checkPlace(path, polite); err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" { // a socket cannot be moved there; the folder says who may open it
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return open(path, path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock-*") // its mode is 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // an empty folder that is left does no harm
	return open(filepath.Join(dir, "s"), path)
}

// open listens at temp and moves the socket to path.
func open(temp, path string) (_ *Listener, err error) {
	l := &Listener{path: path}
	err = within(temp, func(short string) (err error) {
		l.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it is not where net believes
	defer func() {
		if err != nil {
			err = errors.Join(err, l.UnixListener.Close())
		}
	}()
	if l.made, err = os.Lstat(temp); err != nil || temp == path {
		return l, err
	}
	if err := os.Chmod(temp, 0o600); err != nil {
		return nil, err
	}
	return l, os.Rename(temp, path)
}

// checkPlace returns an error unless a socket may be put at path.
func checkPlace(path string, polite bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket && runtime.GOOS != "windows": // where it looks like a file
		return errors.New("something else is there, which is no socket")
	case polite && Answers(path):
		return ErrInUse
	}
	return nil
}

// Answers reports whether a server listens on the socket at path.
func Answers(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := Dial(ctx, path)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil || ctx.Err() != nil // it may have so much to do that it does not accept it
}

// Addr returns the path of the socket.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening, and removes the socket if it is still that of l.
func (l *Listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) && now.ModTime().Equal(l.made.ModTime()) {
		if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, l.UnixListener.Close())
		}
	}
	return l.UnixListener.Close()
}
