package fault

import (
	"strings"
	"unicode/utf8"
)

// ValidName returns an error unless name is UTF-8 without NUL, of 1 to most bytes.
func ValidName(field, name string, most int) error {
	switch {
	case name == "":
		return Invalid(field, "is empty")
	case len(name) > most:
		return TooLarge(field, "has %d bytes, more than %d", len(name), most)
	case !utf8.ValidString(name):
		return Invalid(field, "%.40q is not UTF-8", name)
	case strings.IndexByte(name, 0) >= 0:
		return Invalid(field, "%.40q holds a NUL", name)
	}
	return nil
}
