package doorlog

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding/json accepts and changes some input silently. Of a field that is given twice
// it takes the last value. Half of a surrogate pair becomes U+FFFD. It ignores the
// letter case of names. In a map, null becomes the empty text. So the text is scanned
// for these first.

// unmarshalStrict reads one JSON object into j. It refuses input that encoding/json
// would change, and fields that shape does not have.
func unmarshalStrict(data []byte, j any, shape *jsonShape) error {
	if !utf8.Valid(data) {
		return invalid("json", "is not UTF-8")
	}
	s := jsonScanner{data: data}
	if err := s.value(shape); err != nil {
		return err
	}
	err := json.Unmarshal(data, j)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*FieldError](err); ok {
		return err
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if t.Field == "" {
			return invalid("json", "is not an object: %s", t.Value)
		}
		field := t.Field
		if embedded, rest, found := strings.Cut(field, "."); found && strings.HasPrefix(embedded, "plain") { // queryJSON, scopeJSON
			field = rest
		}
		return invalid(field, "is of the wrong kind, or out of range: %s", t.Value)
	}
	return invalid("json", "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// A jsonShape says what a value may be. nil: anything.
type jsonShape struct {
	fields   map[string]*jsonShape // the names that an object may have; nil: any
	elements *jsonShape            // of a list
	values   *jsonShape            // of an object that may have any names
	text     bool                  // it must be text
	later    bool                  // its own unmarshaller scans it later
}

// shapeOf returns the shape of a struct with JSON names, and of the structs inside it.
func shapeOf(v any) *jsonShape { return shapeOfType(reflect.TypeOf(v)) }

func shapeOfType(t reflect.Type) *jsonShape {
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOfType(t.Elem())
	case reflect.Slice:
		if elements := shapeOfType(t.Elem()); elements != nil {
			return &jsonShape{elements: elements}
		}
		return nil
	case reflect.Map:
		return &jsonShape{values: shapeInMap(t.Elem())}
	case reflect.Struct:
	default:
		return nil
	}
	fields := make(map[string]*jsonShape)
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name != "" && name != "-":
			fields[name] = shapeOfType(field.Type)
		case field.Anonymous:
			if inner := shapeOfType(field.Type); inner != nil {
				maps.Copy(fields, inner.fields)
			}
		}
	}
	if len(fields) == 0 { // a type with a JSON form of its own, such as time.Time
		return nil
	}
	return &jsonShape{fields: fields}
}

// shapeInMap returns the shape of a value of a map: text, or a list of texts.
func shapeInMap(t reflect.Type) *jsonShape {
	switch t.Kind() {
	case reflect.String:
		return &jsonShape{text: true}
	case reflect.Slice:
		return &jsonShape{elements: shapeInMap(t.Elem())}
	default:
		return shapeOfType(t)
	}
}

// unmarshalOver reads one JSON object strictly into v, a struct. Fields that are not
// given, or are null, keep their values. If there is an error all of v stays as it was.
func unmarshalOver[T any](data []byte, v *T, shape *jsonShape) error {
	if string(data) == "null" {
		return nil
	}
	now := *v
	// encoding/json would write into the slices, maps and pointers of v, over what they hold.
	fields, before := reflect.ValueOf(&now).Elem(), reflect.ValueOf(v).Elem()
	shared := func(i int) bool {
		kind := fields.Field(i).Kind()
		return kind == reflect.Slice || kind == reflect.Pointer || kind == reflect.Map
	}
	for i := range fields.NumField() {
		if shared(i) {
			fields.Field(i).SetZero()
		}
	}
	if err := unmarshalStrict(data, &now, shape); err != nil {
		return err
	}
	for i := range fields.NumField() {
		if shared(i) && fields.Field(i).IsNil() {
			fields.Field(i).Set(before.Field(i))
		}
	}
	*v = now
	return nil
}

// A jsonScanner scans JSON. It stops without an error where the text is malformed:
// encoding/json reports that afterwards.
type jsonScanner struct {
	data  []byte
	at    int
	depth int
}

const maxJSONDepth = 1000

func (s *jsonScanner) value(shape *jsonShape) error {
	c := s.peek()
	switch {
	case shape != nil && shape.later:
		s.skip()
		return nil
	case shape != nil && shape.text && c != '"' && c != 0:
		return invalid("json", "is not text")
	case c == '"':
		_, err := s.text()
		return err
	case c != '{' && c != '[':
		s.skip()
		return nil
	}
	if s.depth++; s.depth > maxJSONDepth {
		return invalid("json", "is nested too deeply")
	}
	defer func() { s.depth-- }()
	if c == '[' {
		return s.array(shape)
	}
	return s.object(shape)
}

func (s *jsonScanner) array(shape *jsonShape) error {
	var of *jsonShape
	if shape != nil {
		of = shape.elements
	}
	for i := 0; s.at < len(s.data); i++ {
		s.at++ // the bracket or comma
		if s.peek() == ']' {
			break
		}
		if err := s.value(of); err != nil {
			return inside(strconv.Itoa(i), err)
		}
		if s.peek() != ',' {
			break
		}
	}
	s.at++
	return nil
}

func (s *jsonScanner) object(shape *jsonShape) error {
	seen := make(map[string]bool)
	for s.at < len(s.data) {
		s.at++ // the brace or comma
		if s.peek() != '"' {
			break
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if seen[name] {
			return invalid(shortName(name), "is given twice")
		}
		seen[name] = true
		var of *jsonShape
		if shape != nil && shape.fields != nil {
			known := false
			if of, known = shape.fields[name]; !known {
				return invalid(shortName(name), "is not a field that is known here")
			}
		}
		s.peek()
		s.at++ // the colon
		if shape != nil && shape.values != nil {
			of = shape.values
		}
		if err := s.value(of); err != nil {
			return inside(shortName(name), err)
		}
		if s.peek() != ',' {
			break
		}
	}
	s.at++
	return nil
}

// shortName shortens a name of any length for an error text.
func shortName(name string) string {
	const most = 64
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}

// peek skips space and returns the next byte, or 0 at the end.
func (s *jsonScanner) peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// text skips a string and returns its value.
func (s *jsonScanner) text() (string, error) {
	begin, escaped := s.at, false
	for s.at++; s.at < len(s.data) && s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] != '\\' {
			continue
		}
		escaped = true
		if s.at++; s.at >= len(s.data) || s.data[s.at] != 'u' {
			continue
		}
		r := hexRune(s.data, s.at+1)
		if !utf16.IsSurrogate(r) {
			continue
		}
		const escape = len(`uXXXX\u`)
		if utf16.DecodeRune(r, lowHalf(s.data, s.at+escape-2)) == utf8.RuneError {
			return "", invalid("json", `has \u%04x, which is half of a character`, r)
		}
		s.at += escape
	}
	if s.at++; s.at > len(s.data) {
		return "", nil
	}
	raw := s.data[begin:s.at]
	if !escaped {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", nil //nolint:nilerr // encoding/json reports it when the value is read
	}
	return text, nil
}

// lowHalf returns the rune of the \u escape at a position, or 0 if there is none.
func lowHalf(data []byte, at int) rune {
	if at+1 < len(data) && data[at] == '\\' && data[at+1] == 'u' {
		return hexRune(data, at+2)
	}
	return 0
}

// hexRune reads four hexadecimal digits, or returns 0 if they are not there.
func hexRune(data []byte, at int) rune {
	if at+4 > len(data) {
		return 0
	}
	v, err := strconv.ParseUint(string(data[at:at+4]), 16, 32)
	if err != nil {
		return 0
	}
	return rune(v)
}

// skip skips a value without looking at it.
func (s *jsonScanner) skip() {
	for depth := 0; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case '"':
			for s.at++; s.at < len(s.data) && s.data[s.at] != '"'; s.at++ {
				if s.data[s.at] == '\\' {
					s.at++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return
			}
		case ',':
			if depth == 0 {
				return
			}
		}
	}
}
