package doorlog

import (
	"slices"

	"github.com/doorlog/doorlog/internal/fault"
	"golang.org/x/text/unicode/norm"
)

// Unicode has several spellings of one name: ë is one code point, or an e and two combining dots,
// as in file names on a Mac. They look the same but have different bytes. So every name in an
// event, a person, a query or an erasure is first converted to the normal form NFC. Attributes,
// which belong to the application, and paths of thumbnails are kept as they are.
//
// An earlier version that did not convert names may have stored other spellings. A list of them
// (spellings) helps to find these. They stay until the event or the person is changed.

// normalName returns a name in the form in which names are stored.
func normalName[T ~string](name T) T { return T(norm.NFC.String(string(name))) }

// NormalName returns a name in the form in which names are stored (see [Event]). Two names are
// spellings of one name if their normal forms are equal.
func NormalName(name string) string { return normalName(name) }

// normalNames is normalName for several names. It does not change the caller's slice.
func normalNames[T ~string](names []T) []T {
	for i := range names {
		if name := normalName(names[i]); name != names[i] {
			names = slices.Clone(names)
			for ; i < len(names); i++ {
				names[i] = normalName(names[i])
			}
			break
		}
	}
	return names
}

// recordingForms returns the spellings under which a recording is looked up: composed (NFC) and
// decomposed (NFD). There may be as many recordings as events, so there is no list of their
// spellings. If an old version has stored a mixture of both, the recording is not found.
func recordingForms(recording string) []string {
	forms := []string{recording}
	if apart := norm.NFD.String(recording); apart != recording {
		forms = append(forms, apart)
	}
	return forms
}

// hasOneSpelling reports whether no other text has this normal form. That holds for ASCII without
// the three characters for which another code point exists.
func hasOneSpelling(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || c == 'K' || c == ';' || c == '`' {
			return false
		}
	}
	return true
}

// validName returns an error if name cannot be the value of an index key (see index.go).
func validName(field, name string) error {
	return fault.ValidName(field, name, MaxNameLen)
}

func validOptionalName(field, name string) error {
	if name == "" {
		return nil
	}
	return validName(field, name)
}

// is reports whether value is the one asked for. nil asks for both.
func is(asked *bool, value bool) bool { return asked == nil || *asked == value }

func validNames[T ~string](field string, names []T) error {
	for _, name := range names {
		if err := validName(field, string(normalName(name))); err != nil {
			return err
		}
	}
	return nil
}

// oneOf reports whether name is one of asked, which must be normal. An empty list stands for any
// name.
func oneOf[T ~string](asked []T, name T) bool {
	return len(asked) == 0 || slices.Contains(asked, normalName(name))
}

func stringsOf[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
