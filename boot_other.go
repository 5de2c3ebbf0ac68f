//go:build !linux

package doorlog

// thisBoot knows of this process alone.
func thisBoot() boot { return thisProcess() }
