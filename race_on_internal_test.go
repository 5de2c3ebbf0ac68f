//go:build race

package doorlog

const raceDetector = true
