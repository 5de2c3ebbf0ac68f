package doorlog

import (
	"github.com/doorlog/doorlog/internal/frame"
)

const (
	// MaxNameLen is in bytes: of a camera, type, label, person, recording ID or thumbnail path.
	MaxNameLen = 255
)

const (
	// MaxFrameBytes is the size of the largest frame that is accepted as a file: 32 MiB.
	MaxFrameBytes = frame.MaxBytes
)
