package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/joho/godotenv"

	"github.com/doorlog/doorlog"
)

const (
	defaultDB  = "./events.db" // if nothing says otherwise
	dotenvFile = ".env"
)

// lockPatience is how long a command waits for another to finish: cameras whose
// scripts write at the same moment take turns.
const lockPatience = 5 * time.Second

// access says what a command does with the store.
type access int

const (
	reads           access = iota // the database must exist; several commands may read at once
	readsPictures                 // and its thumbnails
	changes                       // the database must exist
	changesPictures               // and its thumbnails
	creates                       // the database is made if it does not exist
	frames                        // and thumbnails are
)

// withStore opens the store for use, and closes it.
func (a *app) withStore(mode access, use func(*doorlog.Store) error) (err error) {
	find := a.dbPath
	if mode < creates {
		find = a.existingDB
	}
	path, err := find()
	if err != nil {
		return err
	}
	thumbnails := ""
	if mode == readsPictures || mode == changesPictures || mode == frames {
		if thumbnails, err = a.thumbnailDir(); err != nil {
			return err
		}
	}
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: mode <= readsPictures})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	return use(st)
}

// open is doorlog.Open with what is the same for every command.
func (a *app) open(path string, opts *doorlog.Options) (*doorlog.Store, error) {
	st, err := doorlog.Open(path, a.options(opts))
	return st, explainLock(err)
}

// options sets what is the same for every command.
func (a *app) options(opts *doorlog.Options) *doorlog.Options {
	opts.LockTimeout, opts.Logger, opts.Now = a.patience, a.logger(), a.now
	return opts
}

func explainLock(err error) error {
	if errors.Is(err, doorlog.ErrLocked) {
		return fmt.Errorf("%w, which has it open: wait for it to end", err)
	}
	return err
}

// logger returns a logger for people: on standard error, without the time.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	}))
}

func (a *app) dbPath() (string, error) {
	return a.setting(a.flags.db, "DB_PATH", defaultDB)
}

// existingDB is dbPath for a command that makes no database.
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

func (a *app) thumbnailDir() (string, error) {
	path, err := a.dbPath()
	if err != nil {
		return "", err
	}
	return a.setting(a.flags.thumbnails, "THUMBNAILS_DIR", doorlog.DefaultThumbnailDir(path))
}

// pair returns the database, which must exist, and its folder of thumbnails.
func (a *app) pair() (path, thumbnails string, err error) {
	if path, err = a.existingDB(); err != nil {
		return "", "", err
	}
	thumbnails, err = a.thumbnailDir()
	return path, thumbnails, err
}

// setting returns the first that is not empty of a flag, the environment, the
// .env file and the default. The file is read only if it is asked.
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

// dotenv is the .env file of the current folder, read once.
type dotenv struct {
	values map[string]string
	done   bool
}

// A .env file has some lines. One that is made of itself again and again, as A=${B}${B},
// B=${C}${C} and so on, is longer than memory when it has been read.
const (
	mostDotenv     = 64 << 10
	mostReferences = 16
	mostPath       = 4096 // more than any system takes for a path
)

func (d *dotenv) read() (map[string]string, error) {
	if d.done {
		return d.values, nil
	}
	data, err := readSmallFile(dotenvFile, mostDotenv)
	if errors.Is(err, fs.ErrNotExist) {
		d.done = true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; use --db and --thumbnails", err) // which names the file
	}
	if references(data) > mostReferences {
		return nil, fmt.Errorf("read %s: it refers to its own names more than %d times, as in ${NAME}; use --db and --thumbnails",
			dotenvFile, mostReferences)
	}
	d.values, err = godotenv.UnmarshalBytes(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if err != nil {
		// godotenv's error quotes the file, and other programs keep their secrets there.
		return nil, fmt.Errorf("read %s: it does not consist of lines NAME=value; mend it, or use --db and --thumbnails", dotenvFile)
	}
	d.done = true
	return d.values, nil
}

// reference is what godotenv replaces by a value of the file, or may.
var reference = regexp.MustCompile(`\$\(?\{?([A-Z0-9_]+)`)

// references counts the places of a .env file that may stand for another of its values.
func references(data []byte) (n int) {
	defined := make(map[string]bool) // which takes long to find out
	for _, found := range reference.FindAllSubmatch(data, -1) {
		name := string(found[1])
		is, known := defined[name]
		if !known {
			is = isDefined(data, found[1])
			defined[name] = is
		}
		if is {
			n++
		}
		if n > mostReferences {
			break
		}
	}
	return n
}

// isDefined reports whether a .env file may give a name a value. Between the name and
// the sign may be whatever godotenv takes for a space.
func isDefined(data, name []byte) bool {
	for {
		_, after, found := bytes.Cut(data, name)
		if !found {
			return false
		}
		sign := bytes.TrimLeftFunc(after, func(r rune) bool { return unicode.IsSpace(r) || r == utf8.RuneError })
		if len(sign) > 0 && (sign[0] == '=' || sign[0] == ':') {
			return true
		}
		data = after
	}
}
