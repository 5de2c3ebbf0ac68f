package doorlog

import (
	"github.com/doorlog/doorlog/internal/frame"
)

const (
	MaxNameLen = 255 // bytes of a camera, type, label, person, recording id, thumbnail path
)

const (
	MaxFrameBytes = frame.MaxBytes // bytes of the file: 32 MiB
)
