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

const dotenvFile = ".env"

// dotenv is the .env file of the current folder, read once.
type dotenv struct {
	values map[string]string
	done   bool
}

// The most that a .env file may have. Without these limits a small file with lines such as
// A=${B}${B}, B=${C}${C} and so on would need more memory than there is.
const (
	mostDotenv     = 64 << 10
	mostReferences = 16
	mostPath       = 4096 // no system accepts longer paths
)

// read returns the values of the file, none if there is no file.
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
		return nil, fmt.Errorf("%w; use --db and --thumbnails", err) // err names the file
	}
	if references(data) > mostReferences {
		return nil, fmt.Errorf("read %s: it refers to its own names more than %d times, as in ${NAME}; use --db and --thumbnails",
			dotenvFile, mostReferences)
	}
	d.values, err = godotenv.UnmarshalBytes(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if err != nil {
		// The error of godotenv would quote the file, which may have secrets of other programs.
		return nil, fmt.Errorf("read %s: its lines are not all NAME=value; correct it, or use --db and --thumbnails", dotenvFile)
	}
	d.done = true
	return d.values, nil
}

// reference matches what godotenv may replace by a value of the file.
var reference = regexp.MustCompile(`\$\(?\{?([A-Z0-9_]+)`)

// references counts the places in a .env file that may refer to one of its values.
func references(data []byte) (n int) {
	defined := make(map[string]bool) // a cache, because isDefined is slow
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

// isDefined reports whether a .env file may define a name. Between the name and the sign
// there may be anything that godotenv reads as a space.
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
