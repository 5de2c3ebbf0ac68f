package wire

// APIVersion is the number in /v1. A client speaks with no server of another one.
const APIVersion = 1

// HeaderExisted is the header that says whether an event was there before: true or false.
const HeaderExisted = "Doorlog-Existed"

// The trailers of a backup. One of them says how it has ended.
const (
	TrailerBackupInfo = "Doorlog-Backup-Info" // a BackupInfo as JSON: the backup is complete
	TrailerProblem    = "Doorlog-Problem"     // a problem as JSON: it is not
)

// The most that one request can ask for.
const (
	MaxPage  = 1000   // events
	MaxKnown = 10_000 // IDs
)
