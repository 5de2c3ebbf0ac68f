package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"unicode"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

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
