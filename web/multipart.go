package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A form has a part "event" and, if it has a picture, a part "frame"; or a part "events", which is a list,
// and parts "frame.0", "frame.1" and so on for these events. The JSON comes first. Nothing is written to
// temporary files: the whole form is bounded by Options.MaxBody.

// postMultipart writes the events of a form.
func (c *call) postMultipart(boundary string, once bool) error {
	if boundary == "" {
		return wire.BadRequest(http.StatusBadRequest, "the Content-Type has no boundary")
	}
	u, err := readForm(multipart.NewReader(c.r.Body, boundary))
	if err != nil {
		return err
	}
	return c.write(u, once)
}

// readForm reads all parts of a form.
func readForm(form *multipart.Reader) (*upload, error) {
	var u upload
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, asRequestError(err)
		}
		if err := u.readPart(part); err != nil {
			return nil, err
		}
	}
	if u.events == nil {
		return nil, invalid("event", "is missing")
	}
	return &u, nil
}

func (u *upload) readPart(part *multipart.Part) error {
	name := part.FormName()
	switch {
	case name == "event" || name == "events":
		if u.events != nil {
			return invalid(name, "is a second part with JSON")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return asRequestError(err)
		}
		err = u.read(data, name == "events")
		if f, ok := errors.AsType[*doorlog.FieldError](err); ok && f.Field == "json" { // it is about the part
			err = inside(name, err)
		}
		return err
	case name != "frame" && !strings.HasPrefix(name, "frame."):
		return invalid(shortened(name), "is no part that is known here")
	case u.events == nil:
		return invalid(shortened(name), "comes before the part event or events")
	}
	i, err := u.frameIndex(name)
	if err != nil {
		return err
	}
	if u.frames == nil {
		u.frames = make([][]byte, len(u.events))
	}
	if u.frames[i] != nil {
		return invalid(name, "is given twice")
	}
	frame, err := readFrame(part)
	if frame == nil {
		frame = []byte{}
	}
	u.frames[i] = frame
	return err
}

// frameIndex returns the event to which a part with a frame belongs.
func (u *upload) frameIndex(name string) (int, error) {
	text, numbered := strings.CutPrefix(name, "frame.")
	if numbered != u.many {
		return 0, invalid(shortened(name), `does not fit: a part "event" has the frame "frame", and "events" have "frame.0" and so on`)
	}
	if !numbered {
		return 0, nil
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(u.events) || strconv.Itoa(i) != text {
		return 0, invalid(shortened(name), "is the frame of no event: there are %d", len(u.events))
	}
	return i, nil
}

// shortened shortens a name of any length for an error text.
func shortened(name string) string {
	const most = 64
	if len(name) > most {
		name = name[:most] + "…"
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
