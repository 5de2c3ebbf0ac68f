// Package unixsock listens on Unix sockets that only their owner can open, and connects to them. On
// Linux the path of a socket may be longer than the system's limit of about 100 bytes.
package unixsock

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/doorlog/doorlog/internal/fsx"
)

// maxPath is how long an address of a Unix socket may be on every system: 104 bytes with a NUL on
// BSD and macOS, 108 on Linux.
const maxPath = 103

// Path returns the path of the socket of the store in the file at store: beside it. If store is a symbolic
// link, it is beside the file that the link leads to.
func Path(store string) string { return fsx.Beside(store, ".sock") }

// Dial connects to the socket at path.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var conn net.Conn
	err := within(path, func(short string) (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, "unix", short)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", path, reason(err))
	}
	return conn, nil
}

// within calls fn with an address of the socket at path that is not too long. It is valid only
// during the call.
func within(path string, fn func(short string) error) error {
	if len(path) <= maxPath {
		return fn(path)
	}
	if !hasFolderLinks {
		return fmt.Errorf("the path of a Unix socket may have %d bytes on this system, and this has %d", maxPath, len(path))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if len(short) > maxPath {
		return fmt.Errorf("the name of a Unix socket may have %d bytes, and this has %d", maxPath-len("/proc/self/fd/99999/"), len(filepath.Base(path)))
	}
	return fn(short)
}

// reason returns err without the address that the system was given, which may be one that was made
// up by within.
func reason(err error) error {
	if op, ok := err.(*net.OpError); ok { //nolint:errorlint // net does not wrap it
		return op.Err
	}
	return err
}
