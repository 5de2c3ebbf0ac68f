package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

const defaultDB = "./events.db" // without a flag and a variable

// dbPath returns the path of the database.
func (a *app) dbPath() (string, error) {
	return a.setting(a.flags.db, "DB_PATH", defaultDB)
}

// thumbnailDir returns the folder of the thumbnails. Of a server it is the one that the server uses:
// --thumbnails must not name another one.
func (a *app) thumbnailDir() (string, error) {
	own, err := a.ownThumbnailDir()
	switch {
	case a.servedDir == "" || err == nil && isSameFolder(own, a.servedDir):
		return own, err
	case a.flags.thumbnails != "":
		return "", misuse("--thumbnails %s: the server that has the database open uses %s: leave the flag out", own, a.servedDir)
	}
	return a.servedDir, nil
}

// isSameFolder reports whether two paths lead to one folder, which need not exist.
func isSameFolder(a, b string) bool {
	if isSameFile(statOf(a), statOf(b)) {
		return true
	}
	absolute, err := filepath.Abs(a)
	return err == nil && absolute == filepath.Clean(b)
}

// ownThumbnailDir is thumbnailDir for a command that opens the file.
func (a *app) ownThumbnailDir() (string, error) {
	path, err := a.dbPath()
	if err != nil {
		return "", err
	}
	return a.setting(a.flags.thumbnails, "THUMBNAILS_DIR", doorlog.DefaultThumbnailDir(path))
}

// existingDB is dbPath for commands that make no database.
func (a *app) existingDB() (string, error) {
	path, err := a.dbPath()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && a.flags.socket == "" {
		return "", fmt.Errorf("there is no database %s: say where it is with --db or DB_PATH, "+
			"or make one with write, import, persons add, persons sync or demo", path)
	}
	return path, nil
}

// pair returns the database, which must exist, and the folder of its thumbnails.
func (a *app) pair() (path, thumbnails string, err error) {
	if path, err = a.existingDB(); err != nil {
		return "", "", err
	}
	thumbnails, err = a.thumbnailDir()
	return path, thumbnails, err
}

// besideFile is --socket without a path.
const besideFile = "DB.sock"

// noSocket is the value of SOCKET_PATH that means that there is none.
const noSocket = "off"

// socketPath returns the path of the socket of a server that has the database open.
func (a *app) socketPath(db string) (string, error) {
	flag := a.flags.socket
	if flag == besideFile {
		flag = ""
	}
	path, err := a.setting(flag, "SOCKET_PATH", web.SocketPath(db))
	if err != nil && a.flags.socket == "" {
		return web.SocketPath(db), nil // a command that needs nothing else of a broken .env goes on
	}
	return path, err
}

// setting returns the first that is not empty of a flag, a variable of the environment, the
// same variable in the .env file, and the default. The file is read only if needed.
func (a *app) setting(flag, variable, fallback string) (string, error) {
	if value := cmp.Or(flag, os.Getenv(variable)); value != "" {
		return value, nil
	}
	values, err := a.env.read()
	if n := len(values[variable]); n > mostPath {
		return "", fmt.Errorf("read %s: %s is %d bytes long; use --db and --thumbnails", dotenvFile, variable, n)
	}
	return cmp.Or(values[variable], fallback), err
}
