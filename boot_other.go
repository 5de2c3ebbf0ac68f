//go:build !linux

package doorlog

// thisBoot counts from the start of the process: this system does not tell more.
func thisBoot() boot { return thisProcess() }
