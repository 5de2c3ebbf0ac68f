//go:build race

package main

// raceDetector says that this is built with the race detector, which needs memory itself.
const raceDetector = true
