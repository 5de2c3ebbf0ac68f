package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// mostConfig is how many bytes a file of settings may have.
const mostConfig = 1 << 20

// readConfigFile reads a file of settings, in TOML, and finds all that is wrong with its form.
func readConfigFile(name string) (said map[string]saying, wrong configErrors, err error) {
	data, err := readSmallFile(name, mostConfig)
	if err != nil {
		return nil, nil, err
	}
	said, wrong = parseConfig(name, data)
	return said, wrong, nil
}

// parseConfig is readConfigFile for the text of the file. name is what errors call it.
//
// It reads the syntax tree, which has the place of each key, and so goes on after an error. Only what is
// no TOML at all ends it.
func parseConfig(name string, data []byte) (said map[string]saying, wrong configErrors) {
	f := configFile{name: name, said: map[string]saying{}, tables: map[string]bool{}}
	f.parser.Reset(data)
	table, known := "", true
	for f.parser.NextExpression() {
		switch node := f.parser.Expression(); node.Kind { //nolint:exhaustive // the others are parts of these
		case unstable.Table, unstable.ArrayTable:
			table, known = f.table(node)
		case unstable.KeyValue:
			if known {
				f.entry(table, node)
			}
		}
	}
	if err := f.parser.Error(); err != nil {
		at := place{Name: name}
		if bad, ok := errors.AsType[*unstable.ParserError](err); ok {
			at = f.place(f.parser.Range(bad.Highlight))
		}
		f.wrong = append(f.wrong, &configError{at, "", err.Error()})
	}
	return f.said, f.wrong
}

// A configFile is a file of settings while it is read.
type configFile struct {
	name   string
	parser unstable.Parser
	tables map[string]bool // those that have begun
	said   map[string]saying
	wrong  configErrors
}

// table begins a table. It returns the prefix of the keys in it, and whether settings are in it.
func (f *configFile) table(node *unstable.Node) (prefix string, known bool) {
	key, at := f.key("", node)
	switch {
	case !isSettingsTable(key):
		f.blame(at, key, f.strange(key))
		return "", false
	case node.Kind == unstable.ArrayTable:
		f.blame(at, key, needsTable(key))
		return "", false
	case f.tables[key]:
		f.blame(at, key, isTwice)
	}
	f.tables[key] = true
	return key + ".", true
}

// entry reads KEY = VALUE in the table with this prefix.
func (f *configFile) entry(prefix string, node *unstable.Node) {
	key, at := f.key(prefix, node)
	value := node.Value()
	s := settingOf(key)
	if s == nil && isSettingsTable(key) && value.Kind == unstable.InlineTable {
		for inner := value.Children(); inner.Next(); {
			f.entry(key+".", inner.Node())
		}
		return
	}
	_, twice := f.said[key]
	switch {
	case s == nil && isSettingsTable(key):
		f.blame(at, key, needsTable(key))
	case s == nil:
		f.blame(at, key, f.strange(key))
	case twice:
		f.blame(at, key, isTwice)
	default:
		texts, ok := s.form.texts(value)
		if !ok {
			f.blame(at, key, s.form.expected())
			return
		}
		f.said[key] = saying{texts, fromFile, at}
	}
}

// strange says why a key, which is no table of settings, cannot be where it is.
func (*configFile) strange(key string) string {
	if s := settingOf(key); s != nil {
		return s.form.expected()
	}
	return "is no setting: \"doorlog config example\" prints all of them"
}

func needsTable(key string) string {
	return "is a table: write [" + key + "] on a line of its own, once"
}

const isTwice = "is there twice"

func (f *configFile) blame(at place, key, problem string) {
	f.wrong = append(f.wrong, &configError{at, key, problem})
}

// key returns a key with the prefix of its table, and the place of its last part.
func (f *configFile) key(prefix string, node *unstable.Node) (key string, at place) {
	for parts := node.Key(); parts.Next(); {
		part := parts.Node()
		key = prefix + quoted(string(part.Data))
		at = f.place(part.Raw)
		prefix = key + "."
	}
	return key, at
}

func (f *configFile) place(of unstable.Range) place {
	at := f.parser.Shape(of).Start
	return place{f.name, at.Line, at.Column}
}

// quoted returns a part of a key so that it cannot be taken for several.
func quoted(part string) string {
	if strings.ContainsAny(part, ".\"\\ \n") || part == "" {
		return strconv.Quote(part)
	}
	return part
}

// A form is what the value of a setting is in the file.
type form int

const (
	textForm form = iota
	boolForm
	numberForm
	sizeForm // a text, or a number of bytes
	listForm // of texts
)

// texts returns a value as a flag would have it. It is not ok if the value has another form.
func (f form) texts(value *unstable.Node) (texts []string, ok bool) {
	text := string(value.Data)
	switch value.Kind { //nolint:exhaustive // no setting has one of the others
	case unstable.String:
		return []string{text}, f == textForm || f == sizeForm
	case unstable.Bool:
		return []string{text}, f == boolForm
	case unstable.Integer:
		n, err := strconv.ParseInt(text, 0, 64) // 0: with 1_000 and 0xff
		return []string{strconv.FormatInt(n, 10)}, err == nil && (f == numberForm || f == sizeForm)
	case unstable.Float:
		return []string{strings.ReplaceAll(text, "_", "")}, f == numberForm
	case unstable.Array:
		for items := value.Children(); items.Next(); {
			if items.Node().Kind != unstable.String {
				return nil, false
			}
			texts = append(texts, string(items.Node().Data))
		}
		return texts, f == listForm
	}
	return nil, false
}

func (f form) expected() string {
	return "must be " + [...]string{
		textForm: `a text in quotes, such as "30d"`, boolForm: "true or false, without quotes", numberForm: "a number, without quotes",
		sizeForm: `a size such as "500MB" or a number of bytes`, listForm: `a list of texts, such as ["a", "b"]`,
	}[f]
}
