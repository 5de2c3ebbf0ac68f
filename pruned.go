package doorlog

// Removed says how much has gone, or would.
type Removed struct {
	Events     int `json:"events"`
	Detections int `json:"detections"` // of those events

	// Thumbnails are the files that went with an event or before it, and
	// ThumbnailBytes what they took.
	Thumbnails     int   `json:"thumbnails"`
	ThumbnailBytes int64 `json:"thumbnail_bytes"`

	// DatabaseBytes are the bytes of the database that come free. It is an
	// estimate: the share that the records of the events have in all pages
	// that are in use. Later writes use them again; the file does not shrink.
	DatabaseBytes int64 `json:"database_bytes"`
}

func (r *Removed) add(o Removed) {
	r.Events += o.Events
	r.Detections += o.Detections
	r.Thumbnails += o.Thumbnails
	r.ThumbnailBytes += o.ThumbnailBytes
	r.DatabaseBytes += o.DatabaseBytes
}

func (r *Removed) subtract(o Removed) {
	r.Events -= o.Events
	r.Detections -= o.Detections
	r.Thumbnails -= o.Thumbnails
	r.ThumbnailBytes -= o.ThumbnailBytes
	r.DatabaseBytes -= o.DatabaseBytes
}

// RemovedBy is what went for one reason.
type RemovedBy struct {
	// Reason is the Name of a Rule, "max age", "max events", "max bytes", "keep
	// free" or "thumbnail age".
	Reason string `json:"reason"`
	Removed
}

// A Pruned is the account of a Prune, or of what one would do.
type Pruned struct {
	// Removed is the sum of By.
	Removed

	// By has each rule of the policy, in its order, and the other reasons, also
	// those for which nothing went.
	By List[RemovedBy] `json:"by"`

	// Orphans are files of thumbnails that belonged to no event, an hour old
	// or older, and OrphanBytes what they took.
	Orphans     int   `json:"orphans"`
	OrphanBytes int64 `json:"orphan_bytes"`

	// Folder says whose the thumbnail folder is: only in one that is FolderOwn are
	// these known to be nobody's (Policy.Orphans).
	Folder Folder `json:"folder"`

	// Kept is how many are left of the events that there were in the beginning.
	Kept int `json:"kept"`

	// HeldBack says in sentences what the policy calls for and was not removed, for
	// want of proof that it may go or because that would be in vain, and why.
	HeldBack List[string] `json:"held_back"`
}
