package doorlog

import (
	"github.com/doorlog/doorlog/internal/boltfile"
)

// searchedPages is how many pages are searched for records of a store.
const searchedPages = 4096

// wasStore reports whether a file without the bucket meta has been a store: a page of it, free or
// not, holds a record that verifies. So a store that has lost its first page is not taken for
// somebody else's file.
func wasStore(w *boltfile.Walker) bool {
	buf := make([]byte, w.Meta.PageSize)
	for id := uint64(boltfile.FirstPage); id < min(w.Meta.Pages, searchedPages); id++ {
		if boltfile.ReadPage(w.From, buf, int64(id)*int64(len(buf))) != nil {
			continue // the page cannot be read
		}
		if _, p := boltfile.ParsePage(buf); p.Flags == boltfile.LeafFlag && hasRecord(&p, true) {
			return true
		}
	}
	return false
}

// hasRecord reports whether a leaf holds a record of a store. If outer is set, it also looks into
// the buckets inside of the page.
func hasRecord(p *boltfile.Page, outer bool) bool {
	for i := range min(p.Count, len(p.Data)/boltfile.ElementLen) {
		e, err := p.Element(i)
		if err != nil {
			return false
		}
		if e.Bucket {
			if _, inside, _ := boltfile.ParseBucket(e.Value); inside.Data != nil && outer && hasRecord(&inside, false) {
				return true
			}
			continue
		}
		event, _, err := splitTail(e.Value)
		if err == nil {
			_, err = eventRecord.open(e.Key, event)
		}
		if err == nil {
			return true
		}
		if _, err := stateRecord.open(e.Key, e.Value); err == nil {
			return true
		}
		for _, kind := range recordKinds {
			if _, err := kind.open(e.Key, e.Value); err == nil {
				return true
			}
		}
	}
	return false
}
