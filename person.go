package doorlog

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Person is somebody whom the cameras know by name.
type Person struct {
	// Name is the name that events have in [Event.Person]. It is unique, 1 to MaxNameLen
	// bytes, and returned in the normal form in which names are stored (see [Event]).
	Name string

	// DisplayName is for people to read.
	DisplayName string

	// AutoUnlock says whether the door opens for the person.
	AutoUnlock bool

	// CreatedAt is when the person was first added, in UTC.
	CreatedAt time.Time

	// Key identifies the person in changes (see [Change]), which name nobody. The store
	// draws it at random when the person is added. It stays the same when the person is
	// renamed.
	Key ID
}

// PersonInput is what [Store.PutPerson] stores. Fields that are not given keep their
// values.
type PersonInput struct {
	// Name identifies the person: UTF-8 without NUL, 1 to MaxNameLen bytes.
	Name string `json:"name"`

	// DisplayName is at most MaxNameLen bytes; empty means not given. The default for a
	// new person is made from the name: "Mary Ann" for mary_ann.
	DisplayName string `json:"display_name,omitempty"`

	// AutoUnlock: nil means not given. The default for a new person is true.
	AutoUnlock *bool `json:"auto_unlock,omitempty"`

	// CreatedAt: zero means not given. The default for a new person is now.
	CreatedAt time.Time `json:"created_at,omitzero"`
}

func (in *PersonInput) validate(latest time.Time) error {
	if err := validName("name", in.Name); err != nil {
		return err
	}
	if err := validOptionalName("display_name", in.DisplayName); err != nil {
		return err
	}
	if in.CreatedAt.IsZero() {
		return nil
	}
	return validTime("created_at", in.CreatedAt, latest)
}

func (in *PersonInput) applyTo(p *Person) {
	if in.DisplayName != "" {
		p.DisplayName = in.DisplayName
	}
	if in.AutoUnlock != nil {
		p.AutoUnlock = *in.AutoUnlock
	}
	if !in.CreatedAt.IsZero() {
		p.CreatedAt = in.CreatedAt.Round(0).UTC()
	}
}

// displayName makes "Mary Ann" from mary_ann.
func displayName(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || unicode.IsSpace(r) })
	for i, word := range words {
		first, size := utf8.DecodeRuneInString(word)
		words[i] = string(unicode.ToTitle(first)) + word[size:]
	}
	if display := strings.Join(words, " "); display != "" && len(display) <= MaxNameLen {
		return display
	}
	return name
}
