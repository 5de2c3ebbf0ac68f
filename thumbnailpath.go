package doorlog

import (
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/doorlog/doorlog/internal/fsx"
	"github.com/oklog/ulid/v2"
)

const ownPrefix = ".doorlog-" // begins the names of what stores keep for themselves in the thumbnail folder

// isOwnName reports whether a path is that of something that a store keeps for itself.
func isOwnName(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return len(first) >= len(ownPrefix) && strings.EqualFold(first[:len(ownPrefix)], ownPrefix)
}

// heldExt ends the name of a folder below the thumbnail folder; each store has one. A
// file that is removed while a backup runs is moved there, because the backup may be of
// a state in which an event names it. The files are removed when the last backup ends.
// After a crash no event names what is left there, and the next Open removes it.
const heldExt = ".held"

// thumbnailPath returns the path of an event's thumbnail below the thumbnail folder, by
// the UTC date of its RecordedAt: 2026/02/25/01KJ9W….jpg.
func thumbnailPath(id ID) string {
	year, month, day := id.Time().Date()
	b := make([]byte, 0, len("10889/12/31/")+ulid.EncodedSize+len(thumbnailExt))
	b = appendPadded(b, year, 4)
	b = append(b, '/')
	b = appendPadded(b, int(month), 2)
	b = append(b, '/')
	b = appendPadded(b, day, 2)
	b = append(b, '/')
	text := b[len(b) : len(b)+ulid.EncodedSize]
	_ = ulid.ULID(id).MarshalTextTo(text) // it fails only if text is too short
	return string(append(b[:len(b)+len(text)], thumbnailExt...))
}

const thumbnailExt = ".jpg"

func appendPadded(b []byte, n, width int) []byte {
	for limit := 10; width > 1; width, limit = width-1, limit*10 {
		if n < limit {
			b = append(b, "0000"[:width-1]...)
			break
		}
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// validThumbnailPath refuses a path that leaves the thumbnail folder, or that is the
// file of an event other than id.
func validThumbnailPath(name string, id ID) error {
	const field = "thumbnail_path"
	if err := validOptionalName(field, name); err != nil || name == "" {
		return err
	}
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, `\`) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return invalid(field, "%q is not a path inside the thumbnail folder", name)
	}
	if isOwnName(name) {
		return invalid(field, "%q is in the store's own folder", name)
	}
	other, err := parseULID(strings.TrimSuffix(strings.ToLower(path.Base(name)), thumbnailExt))
	if err == nil && other != id && strings.EqualFold(name, thumbnailPath(other)) { // some file systems ignore case
		return invalid(field, "%q is the thumbnail of another event", name)
	}
	return nil
}

// thumbnailID returns the ID of the event whose thumbnail has this path. final is false
// if the path is that of an unfinished thumbnail.
func thumbnailID(name string) (id ID, final, ok bool) {
	base := path.Base(name)
	unfinished := strings.TrimSuffix(strings.TrimPrefix(base, "."), fsx.TempExt)
	final = base == strings.TrimPrefix(base, ".")
	if !final {
		base = unfinished
	}
	id, err := parseULID(strings.TrimSuffix(base, thumbnailExt))
	return id, final, err == nil && path.Join(path.Dir(name), base) == thumbnailPath(id)
}
