package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/printable"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/internal/zone"
)

//go:embed report.css
var styles string

//go:embed report.gohtml
var markup string

// templates are the parts of the file: head, day, event, dayend and foot.
var templates = template.Must(template.New("").Parse(markup))

// policy lets the file ask for nothing, and has nothing run in it.
var policy = func() string {
	sum := sha256.Sum256([]byte(styles))
	return "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// HTML writes one file that has all in it: what was asked for, the totals, and each event with its picture. A
// picture that is missing or cannot be read is said to be so, and the report goes on. HTML returns what it has
// written, also if there is an error.
func HTML(ctx context.Context, w io.Writer, src Source, q doorlog.Query, o *Options) (Sum, error) {
	h := &htmlReport{ctx: ctx, src: src, q: q, o: o, w: bufio.NewWriterSize(w, 64<<10), l: languageOf(o.Language)}
	if err := h.head(); err != nil {
		return h.sum, err
	}
	for e, err := range src.Events(ctx, q) {
		if err == nil {
			err = h.event(&e)
		}
		if err != nil {
			return h.sum, err
		}
		o.done(&h.sum)
	}
	if err := h.foot(); err != nil {
		return h.sum, err
	}
	return h.sum, h.w.Flush()
}

// An htmlReport is one that is being written.
type htmlReport struct {
	ctx context.Context //nolint:containedctx // of this one call
	src Source
	q   doorlog.Query
	o   *Options
	w   *bufio.Writer
	l   *language
	sum Sum

	counted int // the events, before they were read

	names map[string]string // what people are called
	day   string            // of the last event
}

// A fact is a name and what there is to say.
type fact struct{ Name, Text string }

func (h *htmlReport) head() error {
	persons, err := h.src.Persons(h.ctx)
	if err != nil {
		return err
	}
	h.names = make(map[string]string, len(persons))
	for _, p := range persons {
		h.names[p.Name] = printable.Text(p.DisplayName)
	}
	facts, err := h.about()
	if err != nil {
		return err
	}
	totals, err := h.totals()
	if err != nil {
		return err
	}
	return templates.ExecuteTemplate(h.w, "head", map[string]any{
		"Language": h.l.code, "Policy": policy, "Style": template.CSS(styles), //nolint:gosec // it is a file of this package
		"Title": h.l.text("title"), "About": h.l.text("about"), "Facts": facts, "TotalsOf": h.l.text("totals"), "Totals": totals,
	})
}

// about returns what the report is of.
func (h *htmlReport) about() ([]fact, error) {
	var err error
	if h.counted, err = h.src.Count(h.ctx, h.q); err != nil {
		return nil, err
	}
	asked, err := h.asked()
	if err != nil {
		return nil, err
	}
	order := "newest"
	if h.q.OldestFirst {
		order = "oldest"
	}
	name, err := zone.Name(h.o.location())
	if err != nil {
		name = h.o.location().String()
	}
	facts := append([]fact{{h.l.text("range"), h.period()}}, asked...)
	if h.o.Picked {
		facts = []fact{{h.l.text("choice"), h.l.text("picked")}}
	}
	facts = append(facts, fact{h.l.text("count"), strconv.Itoa(h.counted)}, fact{h.l.text("order"), h.l.text(order)}, fact{h.l.text("zone"), name},
		fact{h.l.text("made"), h.l.moment(h.o.Made.In(h.o.location()))})
	if h.o.StoreID != "" {
		facts = append(facts, fact{h.l.text("store"), h.o.StoreID})
	}
	return facts, nil
}

func (h *htmlReport) period() string {
	var words []string
	if !h.q.Since.IsZero() {
		words = append(words, fmt.Sprintf(h.l.text("from"), h.l.moment(h.q.Since.In(h.o.location()))))
	}
	if !h.q.Until.IsZero() {
		words = append(words, fmt.Sprintf(h.l.text("until"), h.l.moment(h.q.Until.In(h.o.location()))))
	}
	if len(words) == 0 {
		return h.l.text("always")
	}
	return strings.Join(words, " ")
}

// asked returns the conditions of the query. They are those that a URL has, so none can be forgotten here.
func (h *htmlReport) asked() (facts []fact, err error) {
	q := h.q
	q.Since, q.Until, q.Location, q.OldestFirst, q.Limit, q.Offset = time.Time{}, time.Time{}, nil, false, 0, 0
	values, err := wire.QueryValues(q)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		texts := make([]string, len(values[name]))
		for i, value := range values[name] {
			texts[i] = h.askedFor(name, value)
		}
		facts = append(facts, fact{h.l.text(name), strings.Join(texts, ", ")})
	}
	return facts, nil
}

// askedFor returns one value of a condition in words.
func (h *htmlReport) askedFor(name, value string) string {
	switch name {
	case "door", "type", "method", "label":
		return h.l.known(name, value)
	case "camera":
		return plain(value)
	case "person":
		return h.person(value)
	case "weekday":
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < len(h.l.weekdays) {
			return h.l.weekdays[n]
		}
	}
	if text, is := map[string]string{"true": h.l.text("yes"), "false": h.l.text("no")}[value]; is && name != "attribute" && name != "recording_id" {
		return text
	}
	return printable.Text(value)
}

// totals returns how often the door did what.
func (h *htmlReport) totals() (facts []fact, err error) {
	for _, d := range []doorlog.DoorAction{doorlog.Unlocked, doorlog.Locked, doorlog.Opened, doorlog.Closed, doorlog.Jammed, doorlog.Failed} {
		if len(h.q.Doors) > 0 && !slices.Contains(h.q.Doors, d) {
			continue
		}
		q := h.q
		q.Doors = []doorlog.DoorAction{d}
		n, err := h.src.Count(h.ctx, q)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			facts = append(facts, fact{h.l.known("door", d.String()), strconv.Itoa(n)})
		}
	}
	return facts, nil
}

// An entry is an event as the template shows it.
type entry struct {
	Door, Action string // the name and the word of what the door did, or of what caused the event
	Facts        []fact
	At, Clock    string
	Picture      *picture
	NoPicture    string // why there is none
	Missing      bool
}

// A picture and the boxes in it, which are in pixels of the frame.
type picture struct {
	URL           template.URL
	Alt           string
	Width, Height int
	Boxes         []doorlog.Box
}

func (h *htmlReport) event(e *doorlog.Event) error {
	at := e.RecordedAt.In(h.o.location())
	if day := at.Format(time.DateOnly); day != h.day {
		if err := h.newDay(day, at); err != nil {
			return err
		}
	}
	in := entry{At: at.Format(time.RFC3339Nano), Clock: clock(at), Facts: h.facts(e)}
	if in.Door = e.Door.String(); e.Door == doorlog.NoAction {
		in.Action = h.l.known("type", string(e.Type))
	} else {
		in.Action = h.l.known("door", in.Door)
	}
	if err := h.addPicture(e, &in); err != nil {
		return err
	}
	return templates.ExecuteTemplate(h.w, "event", in)
}

func (h *htmlReport) newDay(day string, at time.Time) error {
	if h.day != "" {
		if err := templates.ExecuteTemplate(h.w, "dayend", nil); err != nil {
			return err
		}
	}
	h.day = day
	return templates.ExecuteTemplate(h.w, "day", fact{day, h.l.date(at)})
}

func (h *htmlReport) foot() error {
	if h.day != "" {
		if err := templates.ExecuteTemplate(h.w, "dayend", nil); err != nil {
			return err
		}
	}
	none, count, changed := "", fmt.Sprintf(h.l.text("events"), h.sum.Events), ""
	if h.sum.Events != h.counted {
		changed = h.l.text("changed")
	}
	switch h.sum.Events {
	case 0:
		none = h.l.text("none")
	case 1:
		count = h.l.text("one event")
	}
	return templates.ExecuteTemplate(h.w, "foot", map[string]string{
		"None": none, "End": fmt.Sprintf(h.l.text("end"), count), "Changed": changed, "Cut": h.l.text("cut"),
	})
}

func (h *htmlReport) person(name string) string {
	if display := h.names[name]; display != "" {
		return display
	}
	return plain(name)
}

func (h *htmlReport) who(e *doorlog.Event) string {
	if e.Person == "" {
		return h.l.text("unknown")
	}
	return h.person(e.Person)
}

// facts returns all that is known of an event.
func (h *htmlReport) facts(e *doorlog.Event) (facts []fact) {
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, fact{h.l.text(name), text})
		}
	}
	add("who", h.who(e))
	if e.Method != "" {
		add("method", h.l.known("method", string(e.Method)))
	}
	add("face", h.face(e))
	if e.Door != doorlog.NoAction || e.UnlockGranted {
		add("unlock_granted", h.l.yesNo(e.UnlockGranted))
	}
	add("camera", plain(e.Camera))
	if e.Door != doorlog.NoAction {
		add("type", h.l.known("type", string(e.Type)))
	}
	seen := make([]string, len(e.Detections))
	for i, d := range e.Detections {
		seen[i] = h.l.known("label", d.Label) + " " + h.l.percentage(d.Confidence)
	}
	add("label", strings.Join(seen, ", "))
	if !e.EndedAt.IsZero() {
		add("ended", clock(e.EndedAt.In(h.o.location())))
	}
	names := make([]string, 0, len(e.Attributes))
	for name, value := range e.Attributes {
		names = append(names, plain(name)+": "+printable.Text(value))
	}
	slices.Sort(names)
	add("attribute", strings.Join(names, "; "))
	add("recording_id", printable.Text(e.RecordingID))
	add("id", e.ID.String())
	return facts
}

// face returns how sure the recognition was.
func (h *htmlReport) face(e *doorlog.Event) string {
	var words []string
	if e.FaceConfidence != nil {
		words = append(words, fmt.Sprintf(h.l.text("similar"), h.l.percentage(*e.FaceConfidence)))
	}
	if e.FaceDistance != nil {
		words = append(words, fmt.Sprintf(h.l.text("distance"), h.l.fraction(*e.FaceDistance, 3))) //nolint:mnd // digits
	}
	return strings.Join(words, ", ")
}

// addPicture reads the picture of an event. The error is not that of the picture: one that cannot be read is said
// to be so in the report.
func (h *htmlReport) addPicture(e *doorlog.Event, in *entry) error {
	switch {
	case e.ThumbnailPath == "":
		in.NoPicture = h.l.text("no picture")
		return nil
	case h.o.NoPictures:
		in.NoPicture = h.l.text("left out")
		return nil
	}
	data, err := h.src.Thumbnail(h.ctx, e.ID)
	if h.ctx.Err() != nil {
		return h.ctx.Err()
	}
	found := http.DetectContentType(data)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, doorlog.ErrNotFound):
		in.NoPicture, in.Missing = h.l.text("missing"), true
	case err != nil || !strings.HasPrefix(found, "image/"):
		in.NoPicture, in.Missing = h.l.text("unreadable"), true
	}
	if in.Missing {
		h.sum.Missing++
		return nil
	}
	h.sum.Pictures++
	in.Picture = &picture{
		URL:   template.URL("data:" + found + ";base64," + base64.StdEncoding.EncodeToString(data)), //nolint:gosec // a picture
		Alt:   fmt.Sprintf(h.l.text("picture of"), h.who(e), plain(e.Camera), in.Clock),
		Width: e.FrameWidth, Height: e.FrameHeight, Boxes: boxes(e),
	}
	return nil
}

// boxes returns the boxes of an event as far as they lie in the frame. There are none if its size is not known.
func boxes(e *doorlog.Event) (inside []doorlog.Box) {
	width, height := float64(e.FrameWidth), float64(e.FrameHeight)
	for _, d := range e.Detections {
		if d.Box == nil || width == 0 || height == 0 {
			continue
		}
		b := doorlog.Box{X1: max(0, d.Box.X1), Y1: max(0, d.Box.Y1), X2: min(width, d.Box.X2), Y2: min(height, d.Box.Y2)}
		if b.X1 < b.X2 && b.Y1 < b.Y2 {
			inside = append(inside, b)
		}
	}
	return inside
}
