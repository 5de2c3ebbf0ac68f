package doorlog

import (
	"encoding/json"
	"fmt"
)

// A Finding is something that is wrong with a store.
type Finding struct {
	// Invariant is the invariant that does not hold.
	Invariant Invariant `json:"invariant"`

	// Problem says what is wrong and where, for people to read.
	Problem string `json:"problem"`
}

// String returns the invariant and the problem, such as "I4: event 01…: checksum does not match".
func (f Finding) String() string { return f.Invariant.String() + ": " + f.Problem }

// MarshalJSON writes invariant (the number), name (of the invariant) and problem.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Invariant Invariant `json:"invariant"`
		Name      string    `json:"name"`
		Problem   string    `json:"problem"`
	}{f.Invariant, f.Invariant.Name(), f.Problem})
}

// maxFindings is how many findings are kept. A damaged file can have millions.
const maxFindings = 100

type findings struct {
	list   []Finding
	all    int
	broken [invariantCount]int // number of findings for each invariant
}

// inFile returns the number of findings that are not about thumbnails.
func (f *findings) inFile() int { return f.all - f.broken[InvariantThumbnails] }

// firstInFile returns the first finding that is not about a thumbnail, if it was kept.
func (f *findings) firstInFile() any {
	for _, f := range f.list {
		if f.Invariant != InvariantThumbnails {
			return f
		}
	}
	return fmt.Sprintf("%d findings", f.inFile())
}

func (f *findings) report(invariant Invariant, format string, args ...any) {
	f.broken[invariant]++
	if f.all++; len(f.list) < maxFindings {
		f.list = append(f.list, Finding{invariant, fmt.Sprintf(format, args...)})
	}
}

// err returns ErrCorrupt with the first finding, or nil if there is none.
func (f *findings) err() error {
	switch f.all {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: %s", ErrCorrupt, f.list[0])
	}
	return fmt.Errorf("%w: %s (and %d more findings)", ErrCorrupt, f.list[0], f.all-1)
}
