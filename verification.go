package doorlog

import (
	"slices"
)

// A Verification is the account of a Verify.
type Verification struct {
	// Events, Detections and Persons are how many verify.
	Events     int `json:"events"`
	Detections int `json:"detections"`
	Persons    int `json:"persons"`

	// Findings are what is wrong, at most the first 100; Found is how many there are in
	// all.
	Findings List[Finding] `json:"findings"`
	Found    int           `json:"found"`

	// Remedy is what mends the store.
	Remedy Remedy `json:"remedy"`

	// RecordsWhole says that all events, detections and persons that were stored are
	// there and verify, so that Repair loses nothing.
	RecordsWhole bool `json:"records_whole"`

	// Thumbnails is how many thumbnails that doorlog made are named by events. Those
	// that are missing or have changed are among the Findings. Missing is how many are
	// missing. If all are, the folder may be the wrong one, or may not be mounted.
	Thumbnails int `json:"thumbnails"`
	Missing    int `json:"missing"`

	// Orphans are the files of thumbnails below [Options.ThumbnailDir] that belong to no
	// event, at most the first 100; Orphaned is how many there are in all. A crash at
	// the wrong moment leaves one, which does no harm. Folder says who owns the folder:
	// only if it is FolderOwn is it known that orphans belong to nobody else.
	Orphans  List[string] `json:"orphans"`
	Orphaned int          `json:"orphaned"`
	Folder   Folder       `json:"folder"`

	// Links are the symbolic links below [Options.ThumbnailDir] that kept thumbnails from
	// being read, at most the first 100: doorlog does not follow them ([ErrSymlink]).
	// Linked is how many thumbnails lie behind such links. They are not Findings.
	Links  List[string] `json:"links"`
	Linked int          `json:"linked"`

	// Whole is false if the file is so damaged that records, indexes and thumbnails
	// were not compared with each other.
	Whole bool `json:"whole"`
}

// Sound reports whether nothing is wrong. Orphans and Links are not wrong.
func (v *Verification) Sound() bool { return v.Found == 0 }

// Err returns nil if nothing is wrong, and else an [ErrCorrupt] with the first finding.
func (v *Verification) Err() error {
	f := findings{list: v.Findings, all: v.Found}
	return f.err()
}

func (x *examination) verification() *Verification {
	return &Verification{
		Events:     int(x.sums[eventsSum].entries) - x.damaged[eventsSum],
		Detections: x.detections,
		Persons:    int(x.sums[personsSum].entries) - x.damaged[personsSum],
		Findings:   slices.Clone(x.list), Found: x.all, Remedy: x.remedy(),

		RecordsWhole: x.whole(eventsSum) && x.whole(detectionsSum) && x.whole(personsSum),
	}
}
