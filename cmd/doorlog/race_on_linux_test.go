//go:build race

package main

// raceDetector says that the race detector, which takes memory of its own, is in.
const raceDetector = true
