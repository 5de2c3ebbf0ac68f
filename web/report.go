package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/report"
	"github.com/doorlog/doorlog/internal/wire"
)

var reportRoutes = []route{
	{http.MethodGet, "/v1/report", needsRead, noBody, (*call).report},
}

// report streams events as a file for people who do not have the store. An error after its beginning cuts the
// connection off, so that a browser does not take a part for the whole.
func (c *call) report() error {
	values, err := c.anyValues()
	if err != nil {
		return err
	}
	ids := values["id"]
	values.Del("id")
	q, err := wire.ParseQuery(values, "format", "lang", "bom", "pictures")
	if err != nil {
		return err
	}
	s, err := c.newReport(values, q)
	if err != nil {
		return err
	}
	var src report.Source = c.access
	if s.options.Picked = len(ids) > 0; s.options.Picked {
		if src, err = c.pick(ids, q); err != nil {
			return err
		}
	}
	if c.r.Method == http.MethodHead {
		if _, err := src.Count(c.ctx(), q); err != nil { // what GET would refuse
			return err
		}
		s.begin()
		return nil
	}
	write := report.HTML
	if s.format == report.FormatCSV {
		write = report.CSV
	}
	if _, err = write(c.r.Context(), s, src, q, &s.options); err == nil {
		s.begin() // of an empty answer
	}
	return err
}

// A reportStream writes a report to the client. A client that takes nothing for a while has gone.
type reportStream struct {
	c       *call
	format  string
	name    string // of the file
	options report.Options
}

// newReport reads the parameters that only reports have.
func (c *call) newReport(values url.Values, q doorlog.Query) (*reportStream, error) {
	s := &reportStream{c: c, format: report.FormatHTML}
	if values.Has("format") {
		s.format = values.Get("format")
	}
	lang := "en"
	if values.Has("lang") {
		lang = values.Get("lang")
	}
	mark, err := unless(values, "bom")
	if err != nil {
		return nil, err
	}
	pictures, err := unless(values, "pictures")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"limit", "offset"} {
		if values.Has(name) {
			return nil, invalid(name, "is no parameter of this address")
		}
	}
	switch {
	case s.format != report.FormatCSV && s.format != report.FormatHTML:
		return nil, invalid("format", "%.40q is not csv or html", s.format)
	case !slices.Contains(report.Languages(), lang):
		return nil, invalid("lang", "%.40q is none of %s", lang, strings.Join(report.Languages(), ", "))
	}
	loc := q.Location
	if loc == nil {
		loc = time.UTC
	}
	id, err := c.server.id(c.ctx())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	s.name = report.FileName(q, s.format, loc, now)
	s.options = report.Options{
		Location: loc, Mark: mark, Language: lang, Made: now, StoreID: id.String(), NoPictures: !pictures,
	}
	return s, nil
}

// unless returns a parameter that is true or false; true if it is not given.
func unless(values url.Values, name string) (bool, error) {
	if !values.Has(name) {
		return true, nil
	}
	return flag(values, name)
}

// maxPicked is how many events a report may have that are picked by their IDs.
const maxPicked = 500

// A picked source has the events that were asked for by their IDs. Those that are gone are left out.
type picked struct {
	*access
	events []doorlog.Event // in the order of the report
}

// pick reads events by their IDs. q may say their order, and no conditions.
func (c *call) pick(ids []string, q doorlog.Query) (*picked, error) {
	oldestFirst := q.OldestFirst
	q.Location, q.OldestFirst = nil, false
	switch {
	case len(ids) > maxPicked:
		return nil, invalid("id", "is given %d times, more than %d", len(ids), maxPicked)
	case !reflect.DeepEqual(q, doorlog.Query{}):
		return nil, invalid("id", "excludes parameters that select events")
	}
	p := &picked{access: c.access}
	for _, text := range ids {
		id, err := doorlog.ParseID(text)
		if err != nil {
			return nil, inside("id", err)
		}
		e, err := c.Event(c.ctx(), id)
		if err != nil && !errors.Is(err, doorlog.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			p.events = append(p.events, e)
		}
	}
	slices.SortFunc(p.events, func(a, b doorlog.Event) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	p.events = slices.CompactFunc(p.events, func(a, b doorlog.Event) bool { return a.ID == b.ID })
	if oldestFirst {
		slices.Reverse(p.events)
	}
	return p, nil
}

// Events returns the events, whatever the query.
func (p *picked) Events(context.Context, doorlog.Query) iter.Seq2[doorlog.Event, error] {
	return func(yield func(doorlog.Event, error) bool) {
		for _, e := range p.events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Count counts the events with an action of the query, or all if it has none.
func (p *picked) Count(_ context.Context, q doorlog.Query) (n int, _ error) {
	for i := range p.events {
		if len(q.Doors) == 0 || slices.Contains(q.Doors, p.events[i].Door) {
			n++
		}
	}
	return n, nil
}

// Write writes a piece of the report.
func (s *reportStream) Write(p []byte) (int, error) {
	s.begin()
	return s.c.w.Write(p)
}

func (s *reportStream) begin() {
	if s.c.w.status != 0 {
		return
	}
	h := s.c.w.Header()
	h.Set("Content-Type", map[string]string{report.FormatCSV: "text/csv; charset=utf-8", report.FormatHTML: "text/html; charset=utf-8"}[s.format])
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", s.name))
	s.c.w.WriteHeader(http.StatusOK)
}
