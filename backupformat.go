package doorlog

import (
	"time"
)

const (
	backupFormat = "doorlog-backup"
)

// A manifest says what a backup is of.
type manifest struct {
	Format        string    `json:"format"`
	Version       int       `json:"version"`
	StoreID       ID        `json:"store_id"`
	Schema        uint32    `json:"schema"`
	Time          time.Time `json:"time"`
	Events        int       `json:"events"`
	Persons       int       `json:"persons"`
	DatabaseBytes int64     `json:"database_bytes"`
}

// A backupEnd is the content of the last entry.
type backupEnd struct {
	CRC        string `json:"crc"`
	Thumbnails int    `json:"thumbnails"`
	Changed    int    `json:"changed"`
	Missing    int    `json:"missing"`
}

// take fills the manifest with what the snapshot's state says of itself.
func (m *manifest) take(sn *Snapshot) error {
	st, err := sn.state()
	m.StoreID, m.Schema = st.storeID, st.schema
	m.Events, m.Persons = int(st.sums[eventsSum].entries), int(st.sums[personsSum].entries)
	return err
}

func (m *manifest) info(end *backupEnd, bytes int64) *BackupInfo {
	return &BackupInfo{
		StoreID: m.StoreID, Time: m.Time, Events: m.Events, Persons: m.Persons,
		Thumbnails: end.Thumbnails, Changed: end.Changed, Missing: end.Missing, Bytes: bytes,
	}
}

// A BackupInfo is the account of a Backup or a Restore: it says what the backup holds.
type BackupInfo struct {
	// StoreID tells stores apart; a restored store keeps it. Time is the moment
	// that the backup captured.
	StoreID ID        `json:"store_id"`
	Time    time.Time `json:"time"`

	// Events and Persons are how many there are.
	Events  int `json:"events"`
	Persons int `json:"persons"`

	// Thumbnails is how many files of thumbnails the backup has. Changed is how
	// many of them were not what had been saved; they are kept as they were.
	// Missing is how many the events name that are not in the backup. Of these,
	// Linked lie behind a symbolic link, which is not followed (ErrSymlink), and
	// Unreadable could not be read, because of the disk or of permissions, say;
	// the others do not exist. Who reads a backup does not know that: both are 0 then.
	Thumbnails int `json:"thumbnails"`
	Changed    int `json:"changed"`
	Missing    int `json:"missing"`
	Linked     int `json:"linked"`
	Unreadable int `json:"unreadable"`

	// Bytes is the size of the backup.
	Bytes int64 `json:"bytes"`
}

// Complete reports whether each thumbnail that an event names is in the backup, as it
// was saved.
func (b *BackupInfo) Complete() bool { return b.Missing == 0 && b.Changed == 0 }
