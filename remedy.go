package doorlog

import (
	"fmt"
	"slices"
	"strings"
)

// A Remedy is what can mend a store.
type Remedy uint8

// The remedies. Verify says which one a store needs.
const (
	// RemedyNothing: nothing is wrong.
	RemedyNothing Remedy = iota

	// RemedyRepair: the file is damaged, and Repair mends it. If
	// [Verification.RecordsWhole] is false, records are not where they should be. Then
	// Repair mends the file only if it finds them elsewhere. If it does not, it returns
	// [ErrCorrupt], and only Salvage is left.
	RemedyRepair

	// RemedySalvage: records are damaged. Salvage saves the others.
	RemedySalvage

	// RemedyRestore: the file is sound, but thumbnails are missing or have changed.
	// They may be in a backup, in another folder ([Options.ThumbnailDir]), or nowhere.
	// ForgetMissing takes the names of missing thumbnails off their events.
	RemedyRestore
)

var remedies = [...]string{RemedyNothing: "nothing", RemedyRepair: "repair", RemedySalvage: "salvage", RemedyRestore: "restore"}

// String returns "nothing", "repair", "salvage" or "restore".
func (r Remedy) String() string {
	if int(r) < len(remedies) {
		return remedies[r]
	}
	return fmt.Sprintf("Remedy(%d)", uint8(r))
}

// ParseRemedy reads "nothing", "repair", "salvage" or "restore".
func ParseRemedy(text string) (Remedy, error) {
	i := slices.Index(remedies[:], text)
	if i < 0 {
		return 0, invalid("remedy", "%.40q is none of %s", text, strings.Join(remedies[:], ", "))
	}
	return Remedy(i), nil
}

// MarshalText returns String.
func (r Remedy) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRemedy.
func (r *Remedy) UnmarshalText(text []byte) error {
	remedy, err := ParseRemedy(string(text))
	if err == nil {
		*r = remedy
	}
	return err
}

// remedy returns what mends a store with these findings.
func (f *findings) remedy() Remedy {
	records := f.broken[InvariantKeys] + f.broken[InvariantEvents] + f.broken[InvariantDetections] + f.broken[InvariantPersons]
	switch {
	case f.all == 0:
		return RemedyNothing
	case records > 0:
		return RemedySalvage
	case f.inFile() == 0:
		return RemedyRestore
	}
	return RemedyRepair
}
