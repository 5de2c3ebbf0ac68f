package doorlog

import (
	"time"
)

const backupFormat = "doorlog-backup"

// A manifest is the content of the first entry: it says which store, and which moment, the
// backup holds.
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

// take fills the manifest from a snapshot.
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

// A BackupInfo says what a backup holds. It is the account of [Store.Backup] and [Restore].
type BackupInfo struct {
	// StoreID identifies the store; a restored store keeps it. Time is the moment
	// that the backup captured.
	StoreID ID        `json:"store_id"`
	Time    time.Time `json:"time"`

	// Events and Persons are the numbers of events and persons.
	Events  int `json:"events"`
	Persons int `json:"persons"`

	// Thumbnails is the number of thumbnail files in the backup. Changed is how many
	// of them differ from what had been saved; the backup has them as they were found.
	// Missing is how many files that events name are not in the backup. Of these, Linked
	// lie behind a symbolic link, which is not followed (ErrSymlink). Unreadable could
	// not be read, for example because of the disk or of permissions. The others do not
	// exist. A backup does not record Linked and Unreadable: Restore and ReadBackupInfo
	// return 0 for them.
	Thumbnails int `json:"thumbnails"`
	Changed    int `json:"changed"`
	Missing    int `json:"missing"`
	Linked     int `json:"linked"`
	Unreadable int `json:"unreadable"`

	// Bytes is the size of the backup in bytes.
	Bytes int64 `json:"bytes"`
}

// Complete reports whether the backup has every thumbnail that an event names, as it was
// saved.
func (b *BackupInfo) Complete() bool { return b.Missing == 0 && b.Changed == 0 }
