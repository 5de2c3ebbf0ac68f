package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// The media types of bodies.
const (
	typeJSON      = "application/json"
	typePatch     = "application/merge-patch+json"
	typeLines     = "application/x-ndjson"
	typeMultipart = "multipart/form-data"
	typeBytes     = "application/octet-stream"
)

// mediaType returns the media type of the body, which must be one of taken. "image/*" takes all of
// images. A form of another page cannot send JSON, which is why a body without a type is not taken.
func (c *call) mediaType(taken ...string) (media string, params map[string]string, err error) {
	given := c.r.Header.Get("Content-Type")
	media, params, err = mime.ParseMediaType(given)
	isTaken := func(t string) bool { return t == media || t == "image/*" && strings.HasPrefix(media, "image/") }
	if err != nil || !slices.ContainsFunc(taken, isTaken) {
		return "", nil, wire.BadRequest(http.StatusUnsupportedMediaType,
			fmt.Sprintf("the Content-Type is %.60q, and must be %s", given, strings.Join(taken, " or ")))
	}
	return media, params, nil
}

// decode reads the body, one JSON document, into v, which leads to a struct. A field that v does not
// have, or that is given twice, is refused, and so are parameters in the address.
func (c *call) decode(v any) error {
	if err := c.nothing(); err != nil {
		return err
	}
	if _, _, err := c.mediaType(typeJSON); err != nil {
		return err
	}
	data, err := c.readBody()
	if err != nil {
		return err
	}
	return unmarshal(data, v)
}

// readBody reads the whole body.
func (c *call) readBody() ([]byte, error) {
	if n := c.r.ContentLength; n > 0 && n <= likelyBytes {
		return readSized(c.r.Body, int(n))
	}
	data, err := io.ReadAll(c.r.Body)
	return data, asRequestError(err)
}

// likelyBytes is how much memory a body gets before it is there.
const likelyBytes = 64 << 10

// readSized reads a body of so many bytes. net/http gives the end together with the last of them.
func readSized(body io.Reader, n int) ([]byte, error) {
	data := make([]byte, n)
	got := 0
	for got < n {
		m, err := body.Read(data[got:])
		if got += m; err == io.EOF {
			return data[:got], nil
		} else if err != nil {
			return data[:got], asRequestError(err)
		}
	}
	_, err := body.Read(make([]byte, 1)) // there is nothing but the end
	if err == io.EOF {
		err = nil
	}
	return data, asRequestError(err)
}

// asRequestError turns an error of reading the body into what the caller is to hear.
func asRequestError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*wire.Problem](err); ok || errors.Is(err, doorlog.ErrInvalid) || errors.Is(err, wire.ErrTooMany) {
		return err
	}
	return wire.BadRequest(http.StatusBadRequest, "read the body: "+err.Error())
}

func invalid(field, format string, args ...any) error {
	return &doorlog.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// inside puts a place before the name of the field in err.
func inside(place string, err error) error {
	f, ok := errors.AsType[*doorlog.FieldError](err)
	if !ok {
		return err
	}
	field := place
	switch {
	case f.Field == "json": // which stands for the place itself
	case strings.HasPrefix(f.Field, "["):
		field += f.Field
	default:
		field += "." + f.Field
	}
	return &doorlog.FieldError{Field: field, Problem: f.Problem, TooLarge: f.TooLarge}
}

// unmarshal reads one JSON document into v strictly. Syntax errors name the line.
func unmarshal(data []byte, v any) error {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return invalid("json", "is empty")
	case !utf8.Valid(data):
		return invalid("json", "is not UTF-8")
	}
	if err := measure(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, v)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber() // a number of any size is one token
		return checkFields(d, reflect.TypeOf(v))
	}
	if _, ok := errors.AsType[*doorlog.FieldError](err); ok {
		return err
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return invalid("json", "line %d: %s", 1+bytes.Count(data[:min(int(s.Offset), len(data))], []byte("\n")), err)
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		return invalid(t.Field, "is of the wrong kind, or out of range: %s", t.Value)
	}
	return invalid("json", "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// checkFields reads one value, which is well-formed, and returns an error for a field of an object that
// is given twice, or that t does not have. Types that unmarshal themselves have done that.
func checkFields(d *json.Decoder, t reflect.Type) error {
	for t != nil && t.Kind() == reflect.Pointer && !unmarshalsItself(t) {
		t = t.Elem()
	}
	if t != nil && unmarshalsItself(t) {
		var raw json.RawMessage
		return d.Decode(&raw)
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('['):
		if t != nil && t.Kind() == reflect.Slice {
			t = t.Elem()
		} else {
			t = nil
		}
		for i := 0; err == nil && d.More(); i++ {
			if err = checkFields(d, t); err != nil {
				err = inside(fmt.Sprintf("[%d]", i), err)
			}
		}
	case json.Delim('{'):
		err = checkObject(d, t)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	_, err = d.Token() // what closes it
	return err
}

func checkObject(d *json.Decoder, t reflect.Type) error {
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		field, known := fieldOf(t, name)
		switch {
		case seen[name]:
			return invalid(shortened(name), "is given twice")
		case !known:
			return invalid(shortened(name), "is not a field that is known here")
		}
		seen[name] = true
		if err := checkFields(d, field); err != nil {
			return inside(shortened(name), err)
		}
	}
	return nil
}

// fieldOf returns the type of the field of t with this name in JSON. Other types than structs have any
// field.
func fieldOf(t reflect.Type, name string) (of reflect.Type, known bool) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, true
	}
	for field := range t.Fields() {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name && name != "" {
			return field.Type, true
		}
		if field.Anonymous {
			if of, known := fieldOf(field.Type, name); known {
				return of, true
			}
		}
	}
	return nil, false
}

var unmarshalers = [...]reflect.Type{reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}

func unmarshalsItself(t reflect.Type) bool {
	for _, u := range unmarshalers {
		if t.Implements(u) || reflect.PointerTo(t).Implements(u) {
			return true
		}
	}
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}
