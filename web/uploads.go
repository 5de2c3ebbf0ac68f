package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

var uploadRoutes = []route{
	{http.MethodPost, "/v1/events", needsWrite, lineBody, (*call).postEvents},
}

// postEvents writes events, with or without frames, in one of several forms.
func (c *call) postEvents() error {
	media, params, err := c.mediaType(typeJSON, typeMultipart, typeLines, "image/*", typeBytes)
	if err != nil {
		return err
	}
	raw := media != typeJSON && media != typeMultipart && media != typeLines
	names := []string{"once"}
	if raw {
		names = append(names, frameFields...)
	}
	values, err := c.only(names...)
	if err != nil {
		return err
	}
	once, err := flag(values, "once")
	switch {
	case err != nil:
		return err
	case raw:
		return c.postFrame(values, once)
	case media == typeLines:
		return c.postLines(once)
	case media == typeMultipart:
		return c.postMultipart(params["boundary"], once)
	}
	data, err := c.readBody()
	if err != nil {
		return err
	}
	var u upload
	if err := u.read(data, isArray(data)); err != nil {
		return err
	}
	return c.write(&u, once)
}

// An upload is what one request wants to be written.
type upload struct {
	events []doorlog.Event
	many   bool     // it is a list, even if it has one event
	frames [][]byte // nil, or one for each event, which may be nil
}

func isArray(data []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) }

// read reads an event, or a list of them.
func (u *upload) read(data []byte, many bool) error {
	u.many = many
	if !many {
		if err := measure(data); err != nil {
			return err
		}
		u.events = make([]doorlog.Event, 1)
		if one := (notNull{&u.events[0]}); json.Valid(data) { // which is also strict about fields
			return one.UnmarshalJSON(bytes.TrimSpace(data))
		}
		return unmarshal(data, &notNull{&u.events[0]}) // which says what is wrong
	}
	var texts []json.RawMessage
	if err := unmarshal(data, &texts); err != nil {
		return err
	}
	u.events = make([]doorlog.Event, len(texts))
	for i := range texts {
		one := notNull{&u.events[i]}
		if err := one.UnmarshalJSON(texts[i]); err != nil {
			return inside(fmt.Sprintf("events[%d]", i), err)
		}
	}
	return nil
}

// notNull reads an event and refuses null, which otherwise changes nothing.
type notNull struct{ *doorlog.Event }

// UnmarshalJSON reads an event.
func (n notNull) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return invalid("json", "is not an object: null")
	}
	return n.Event.UnmarshalJSON(data)
}

// write writes the events of an upload, and answers.
func (c *call) write(u *upload, once bool) error {
	if u.many {
		stored, existed, err := c.WriteEvents(c.ctx(), u.events, u.frames, once)
		if err != nil {
			return err
		}
		return c.respondEvents(stored, append([]bool{}, existed...))
	}
	var frame []byte
	if u.frames != nil {
		frame = u.frames[0]
	}
	stored, existed, err := c.WriteEvent(c.ctx(), u.events[0], frame, once)
	if err != nil {
		return err
	}
	return c.respondWritten(&stored, existed)
}

// respondWritten answers the write of one event.
func (c *call) respondWritten(stored *doorlog.Event, existed bool) error {
	status := http.StatusCreated
	if existed {
		status = http.StatusOK
	}
	c.w.Header().Set("Location", "/v1/events/"+stored.ID.String())
	c.w.Header().Set(wire.HeaderExisted, strconv.FormatBool(existed))
	return c.respondEvent(status, stored, nil)
}

// readFrame reads a frame. One that is too large is cut off just beyond the limit: it is refused later,
// as any frame that cannot be read, and its event is stored without a picture.
func readFrame(body io.Reader) ([]byte, error) {
	frame, err := io.ReadAll(io.LimitReader(body, doorlog.MaxFrameBytes+1))
	if err == nil && len(frame) > doorlog.MaxFrameBytes {
		_, err = io.Copy(io.Discard, body)
	}
	return frame, asRequestError(err)
}

// The parameters of a raw frame are those fields of its event that have one value. They are text, but for
// the numbers.
var (
	frameFields = []string{
		"id", "camera_id", "recorded_at", "ended_at", "event_type", "recording_id", "person_name", "face_confidence", "face_distance",
		"unlock_granted", "door_action", "method", "alert_sent", "pinned", "reviewed", "created_at",
	}
	numberFields = []string{"face_confidence", "face_distance"}
	truthFields  = []string{"unlock_granted", "alert_sent", "pinned", "reviewed"}
)

// postFrame writes an event whose fields are parameters. The body is its frame.
func (c *call) postFrame(values url.Values, once bool) error {
	e, err := eventOf(values)
	if err != nil {
		return err
	}
	if err := c.mayWrite(e.Camera); err != nil { // before the frame is read
		return err
	}
	frame, err := readFrame(c.r.Body)
	if err != nil {
		return err
	}
	return c.write(&upload{events: []doorlog.Event{e}, frames: [][]byte{frame}}, once)
}

// eventOf returns the event that parameters say.
func eventOf(values url.Values) (e doorlog.Event, err error) {
	fields := make(map[string]json.RawMessage, len(values))
	for _, name := range frameFields {
		if !values.Has(name) {
			continue
		}
		text := values.Get(name)
		switch {
		case slices.Contains(numberFields, name) && isNumber(text),
			slices.Contains(truthFields, name) && slices.Contains([]string{"true", "false", "1", "0"}, text):
			fields[name] = json.RawMessage(text)
		default:
			if fields[name], err = json.Marshal(strings.ToValidUTF8(text, "\x00")); err != nil { // no name has a NUL
				return e, err
			}
		}
	}
	text, err := json.Marshal(fields)
	if err == nil {
		err = e.UnmarshalJSON(text)
	}
	return e, err
}

// isNumber reports whether text is a number in JSON.
func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil && json.Valid([]byte(text))
}
