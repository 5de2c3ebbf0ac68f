package web_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"sync"
	"testing"

	"github.com/doorlog/doorlog"
)

// Of several pictures that are sent for one event at the same time, the event has the one whose request was answered with 200.
func TestOfManyThumbnailsOneWins(t *testing.T) {
	s := newSite(t)
	frame := func(edge int) string {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, edge, edge)), nil); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	frames := []string{frame(40), frame(56), frame(72), frame(88)}
	for i := range 12 {
		at := "/v1/events/" + s.write(t, motion("door", 1+i)).ID.String()
		var won doorlog.Event
		var wg sync.WaitGroup
		for _, text := range frames {
			wg.Go(func() {
				if a := s.ask(t, "PUT", at+"/thumbnail", text, "Content-Type", "image/jpeg"); a.status == http.StatusOK {
					a.wants(t, http.StatusOK, &won)
				} else {
					a.wants(t, http.StatusConflict, nil)
				}
			})
		}
		wg.Wait()
		picture, err := jpeg.DecodeConfig(bytes.NewReader([]byte(s.ask(t, "GET", at+"/thumbnail", "").wants(t, http.StatusOK, nil).body)))
		if err != nil || won.FrameWidth == 0 || picture.Width != won.FrameWidth {
			t.Errorf("the event has a frame %d wide, and its thumbnail is %d wide: %v", won.FrameWidth, picture.Width, err)
		}
	}
}
