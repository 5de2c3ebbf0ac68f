package unixsock_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/internal/unixsock"
)

// folder returns a folder with a short name.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "us")
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

func listen(t *testing.T, path string, polite bool) *unixsock.Listener {
	t.Helper()
	ln, err := unixsock.Listen(path, polite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// wantTalk fails unless what connects to path reaches ln.
func wantTalk(t *testing.T, path string, ln net.Listener) {
	t.Helper()
	conn, err := unixsock.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if other.LocalAddr().Network() != "unix" {
		t.Errorf("%v", other.LocalAddr())
	}
	_ = other.Close()
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestASocketIsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(folder(t), "s.sock")
	ln := listen(t, path, true)
	info, err := os.Lstat(path)
	if err != nil || runtime.GOOS != "windows" && (info.Mode().Perm() != 0o600 || info.Mode().Type() != fs.ModeSocket) {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if all := names(t, filepath.Dir(path)); len(all) != 1 {
		t.Errorf("the folder has %v", all)
	}
	if ln.Addr().String() != path {
		t.Errorf("%v", ln.Addr())
	}
	wantTalk(t, path, ln)
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if all := names(t, filepath.Dir(path)); len(all) != 0 {
		t.Errorf("the folder still has %v", all)
	}
	if _, err := unixsock.Dial(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

// stale leaves a socket on which nobody answers.
func stale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestASocketOfAServerThatWasKilledIsReplaced(t *testing.T) {
	for _, polite := range []bool{false, true} {
		path := filepath.Join(folder(t), "s.sock")
		stale(t, path)
		if unixsock.Answers(path) {
			t.Fatal("somebody answers")
		}
		wantTalk(t, path, listen(t, path, polite))
	}
}

func TestASocketOnWhichAnotherServerAnswersIsNotTakenByThePolite(t *testing.T) {
	path := filepath.Join(folder(t), "s.sock")
	first := listen(t, path, true)
	if _, err := unixsock.Listen(path, true); !errors.Is(err, unixsock.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%v", err)
	}
	if conn, err := first.Accept(); err == nil { // that of the question whether somebody is there
		_ = conn.Close()
	}
	wantTalk(t, path, first)
	second := listen(t, path, false)
	wantTalk(t, path, second)
	// The first one does not take the second one's away.
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	wantTalk(t, path, second)
}

func TestAFileThatIsNoSocketIsLeftAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: a socket looks like a file here")
	}
	path := filepath.Join(folder(t), "s.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, polite := range []bool{false, true} {
		if _, err := unixsock.Listen(path, polite); err == nil || !strings.Contains(err.Error(), "no socket") {
			t.Errorf("%v", err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("%q %v", text, err)
	}
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := unixsock.Listen(link, false); err == nil {
		t.Error("a link was replaced")
	}
	if _, err := unixsock.Listen(filepath.Join(folder(t), "no", "s.sock"), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAPathMayBeLong(t *testing.T) {
	dir := filepath.Join(folder(t), strings.Repeat("long", 20), strings.Repeat("long", 20))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "events.db.sock")
	ln, err := unixsock.Listen(path, true)
	if runtime.GOOS != "linux" {
		if err == nil || !strings.Contains(err.Error(), "103 bytes") {
			t.Errorf("%v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if ln.Addr().String() != path {
		t.Errorf("%v", ln.Addr())
	}
	wantTalk(t, path, ln)
	if _, err := unixsock.Listen(path, true); !errors.Is(err, unixsock.ErrInUse) {
		t.Errorf("%v", err)
	}
	if err := ln.Close(); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("%v: the folder has %v", err, names(t, dir))
	}
	if _, err := unixsock.Dial(t.Context(), path); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "/proc/") {
		t.Errorf("%v", err)
	}
	_, err = unixsock.Listen(filepath.Join(dir, strings.Repeat("x", 100)), true)
	if err == nil || !strings.Contains(err.Error(), "100") {
		t.Errorf("%v", err)
	}
}
