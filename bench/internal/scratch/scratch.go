// Package scratch gives a program a folder of its own, which goes when it ends.
package scratch

import (
	"errors"
	"log"
	"os"
)

// Run calls run with an empty folder, removes that, and ends the program if
// either fails.
func Run(run func(dir string) error) {
	dir, err := os.MkdirTemp("", "embed-")
	if err == nil {
		err = errors.Join(run(dir), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal(err)
	}
}
