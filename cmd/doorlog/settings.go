package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doorlog/doorlog"
)

const defaultDB = "./events.db" // without a flag and a variable

// dbPath returns the path of the database.
func (a *app) dbPath() (string, error) {
	return a.setting(a.flags.db, "DB_PATH", defaultDB)
}

// thumbnailDir returns the folder of the thumbnails.
func (a *app) thumbnailDir() (string, error) {
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
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
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
