package doorlog

import (
	"slices"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// spellings maps each normal form to the other spellings of it that are stored. There
// is one map for each index, and a last one for persons.
type spellings [indexCount + 1]map[string][]string

const personSpellings = indexCount

// forms returns all spellings of a name, the normal one first.
func (s *spellings) forms(index int, name string) []string {
	return append([]string{name}, s[index][name]...)
}

func (s *spellings) add(index int, name []byte) {
	if norm.NFC.IsNormal(name) {
		return
	}
	if s[index] == nil {
		s[index] = make(map[string][]string)
	}
	normal := string(norm.NFC.Bytes(name))
	if !slices.Contains(s[index][normal], string(name)) {
		s[index][normal] = append(s[index][normal], string(name))
	}
}

// A spellingList is made when it is first needed. It stays right while the store is
// open, because new names are stored in normal form only.
type spellingList struct {
	mu   sync.Mutex
	list *spellings
}
