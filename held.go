package doorlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

func (t *thumbnails) heldFolder() string { return ownPrefix + t.store.String() + heldExt }

func (t *thumbnails) isHeld(name string) bool { return strings.HasPrefix(name, t.heldFolder()+"/") }

// hold keeps files that are removed from now on, for a backup, until release.
func (t *thumbnails) hold() {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	if t.held.backups++; t.held.backups == 1 {
		t.held.since, t.held.of = time.Now().UnixNano(), make(map[string][]string)
	}
}

// release ends a hold. The last release removes the held files.
func (t *thumbnails) release() (err error) {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	if t.held.backups--; t.held.backups > 0 || len(t.held.of) == 0 {
		return nil
	}
	root, err := t.open(false)
	if err != nil {
		return err
	}
	for _, names := range t.held.of {
		for _, name := range names {
			err = errors.Join(err, fsx.IgnoreNotExist(root.Remove(name)))
		}
	}
	t.held.of = nil
	if err == nil {
		_ = root.Remove(t.heldFolder()) // fails if an earlier process has left files in it
	}
	return err
}

// dropHeld removes held files that an interrupted backup has left. No backup may be running.
func (t *thumbnails) dropHeld() error {
	if _, err := os.Lstat(filepath.Join(t.at, t.heldFolder())); err != nil {
		return fsx.IgnoreNotExist(err)
	}
	root, err := t.open(false)
	if err == nil {
		err = root.RemoveAll(t.heldFolder())
	}
	return err
}

// holds reports whether files are held for a backup.
func (t *thumbnails) holds() bool {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	return t.held.backups > 0
}

// sweepHeld removes a held file that an interrupted backup has left, unless a backup is
// running. If dry, it only reports whether it would.
func (t *thumbnails) sweepHeld(name string, dry bool) (swept bool, err error) {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	if t.held.backups > 0 || dry {
		return t.held.backups == 0, nil
	}
	root, err := t.open(false)
	if err == nil {
		err = fsx.IgnoreNotExist(root.Remove(name))
	}
	return err == nil, err
}

// setAside moves a file that is about to be removed to the held files, if a backup is running.
// It reports whether it has. If not, the file is removed, and the backup lacks it.
func (t *thumbnails) setAside(root *os.Root, name string) bool {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	if t.held.backups == 0 || t.isHeld(name) {
		return false
	}
	if err := root.Mkdir(t.heldFolder(), fsx.FolderPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	to := fmt.Sprintf("%s/%d-%d", t.heldFolder(), t.held.since, t.held.moved)
	if err := root.Rename(name, to); err != nil {
		return false
	}
	t.held.moved++
	t.held.of[name] = append(t.held.of[name], to)
	return true
}

// places returns the paths where the file of a path may be: its own, and those of held files.
func (t *thumbnails) places(name string) []string {
	t.held.mu.Lock()
	defer t.held.mu.Unlock()
	return append([]string{name}, t.held.of[name]...)
}
