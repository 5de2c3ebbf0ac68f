package web

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// getThumbnail sends the thumbnail of an event. The file is never named by the client.
func (c *call) getThumbnail() error {
	id, err := c.plainID()
	if err != nil {
		return err
	}
	data, err := c.Thumbnail(c.ctx(), id)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", pictureType(data))
	h.Set("ETag", tagOf(data))
	h.Set("Cache-Control", "private, immutable, max-age=31536000")
	http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(data))
	return nil
}

// pictureType returns the media type of a picture. A producer may have put any file there, which must
// not become a page or a script.
func pictureType(data []byte) string {
	found := http.DetectContentType(data)
	if strings.HasPrefix(found, "image/") {
		return found
	}
	return typeBytes
}

// putThumbnail makes the thumbnail of an event that has none.
func (c *call) putThumbnail() error {
	id, err := c.plainID()
	if err != nil {
		return err
	}
	if _, _, err := c.mediaType("image/*", typeBytes); err != nil {
		return err
	}
	frame, err := readFrame(c.r.Body)
	if err != nil {
		return err
	}
	// The file has the name of the event. A second picture must not replace it before the event has the first one.
	turn := &c.server.pictures[int(id[len(id)-1])%len(c.server.pictures)]
	turn.Lock()
	defer turn.Unlock()
	e, err := c.PutThumbnail(c.ctx(), id, frame)
	if err != nil {
		return err
	}
	return c.respondEvent(http.StatusOK, &e, nil)
}
