package web

import (
	"path"
	"testing"
)

// How many bytes of script, style and markup are sent, compressed: for the first view, and for all views.
const (
	maxFirst = 60_000
	maxPage  = 92_000
)

func TestThePageIsSmall(t *testing.T) {
	first, all := 0, 0
	for at, a := range pageAssets() {
		kind := path.Ext(at)
		if at != "/" && kind != ".js" && kind != ".css" {
			continue
		}
		size := len(a.text)
		if a.zipped != nil {
			size = len(a.zipped)
		}
		all += size
		if path.Base(at) != path.Base(laterScript) {
			first += size
		}
	}
	t.Logf("%d bytes for the first view, %d for all", first, all)
	if first > maxFirst || all > maxPage {
		t.Errorf("the page has %d bytes of script, style and markup for its first view, compressed, and %d for all; it may have %d and %d", first, all, maxFirst, maxPage)
	}
}
