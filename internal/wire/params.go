package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/zone"
)

// ParseParams reads the part of a URL after the question mark. Unlike [url.URL.Query] it refuses what
// it cannot read.
func ParseParams(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, BadRequest(http.StatusBadRequest, "the query is not well formed: "+err.Error())
	}
	return values, nil
}

// CheckParams returns [doorlog.ErrInvalid] for a parameter that is none of names, or is given twice.
func CheckParams(values url.Values, names ...string) error {
	r := &reader{values: values}
	return r.end(names)
}

// A reader reads parameters. It keeps the first error, and which parameters were read.
type reader struct {
	values url.Values
	known  []string
	err    error
}

func (r *reader) refuse(name, format string, args ...any) {
	if r.err == nil {
		r.err = &doorlog.FieldError{Field: name, Problem: fmt.Sprintf(format, args...)}
	}
}

// many returns the values of a parameter that can have several.
func (r *reader) many(name string) []string {
	r.known = append(r.known, name)
	return r.values[name]
}

// one returns the value of a parameter that has one.
func (r *reader) one(name string) (text string, given bool) {
	values := r.many(name)
	if len(values) > 1 {
		r.refuse(name, "is given %d times", len(values))
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// end returns the first error. also lists parameters that are known, too.
func (r *reader) end(also []string) error {
	for _, name := range also {
		r.one(name)
	}
	var unknown []string
	for name := range r.values {
		if !slices.Contains(r.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		r.refuse(slices.Min(unknown), "is no parameter of this address")
	}
	return r.err
}

func names[T ~string](r *reader, name string) (values []T) {
	for _, text := range r.many(name) {
		values = append(values, T(text))
	}
	return values
}

// name returns the name that a parameter selects. An empty one would select everything.
func (r *reader) name(name string) string {
	text, given := r.one(name)
	if given && text == "" {
		r.refuse(name, "is empty")
	}
	return text
}

func (r *reader) truth(name string) *bool {
	switch text, given := r.one(name); {
	case text == "true":
		return new(true)
	case text == "false":
		return new(false)
	case given:
		r.refuse(name, "%.40q is not true or false", text)
	}
	return nil
}

func (r *reader) number(name string) int {
	text, given := r.one(name)
	if !given {
		return 0
	}
	return r.integer(name, text)
}

func (r *reader) integer(name, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		r.refuse(name, "%.40q is no whole number", text)
	}
	return n
}

func (r *reader) fraction(name string) float64 {
	text, given := r.one(name)
	if !given {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		r.refuse(name, "%.40q is no number", text)
	}
	return f
}

func (r *reader) time(name string) time.Time {
	text, given := r.one(name)
	if !given {
		return time.Time{}
	}
	t, err := doorlog.ParseTime(text, nil)
	if err != nil {
		r.refuse(name, "%s", reason(err))
	}
	return t
}

func (r *reader) zone(name string) *time.Location {
	text, given := r.one(name)
	if !given {
		return nil
	}
	loc, err := zone.Parse(text)
	if err != nil {
		r.refuse(name, "%.60q is no time zone such as Europe/Berlin or CET-1CEST,M3.5.0,M10.5.0/3", text)
	}
	return loc
}

func (r *reader) doors(name string) (doors []doorlog.DoorAction) {
	for _, text := range r.many(name) {
		d, err := doorlog.ParseDoorAction(text)
		if err != nil {
			r.refuse(name, "%s", reason(err))
		}
		doors = append(doors, d)
	}
	return doors
}

// hours reads 22-6.
func (r *reader) hours(name string) *doorlog.Hours {
	text, given := r.one(name)
	if !given {
		return nil
	}
	dash := strings.Index(strings.TrimPrefix(text, "-"), "-")
	if dash < 0 {
		r.refuse(name, "%.40q is not two hours such as 22-6", text)
		return nil
	}
	dash += len(text) - len(strings.TrimPrefix(text, "-"))
	return &doorlog.Hours{From: r.integer(name, text[:dash]), Until: r.integer(name, text[dash+1:])}
}

func (r *reader) weekdays(name string) (days []time.Weekday) {
	for _, text := range r.many(name) {
		days = append(days, time.Weekday(r.integer(name, text)))
	}
	return days
}

// attributes reads what [writer.attributes] writes.
func (r *reader) attributes(name string) (asked map[string][]string) {
	for _, text := range r.many(name) {
		escaped, value, hasValue := strings.Cut(text, "=")
		attribute := unescapeName.Replace(escaped)
		if !strings.EqualFold(escapeName.Replace(attribute), escaped) {
			r.refuse(name, "%.60q: in a name %% and = are written %%25 and %%3D", escaped)
		}
		if asked == nil {
			asked = make(map[string][]string)
		}
		values := asked[attribute]
		if hasValue {
			values = append(values, value)
		}
		asked[attribute] = values
	}
	return asked
}

var unescapeName = strings.NewReplacer("%25", "%", "%3D", "=", "%3d", "=")

// reason returns what is wrong with the one field that err is about.
func reason(err error) string { return ProblemOf(err).Reason }
