package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/doorlog/doorlog/internal/fsx"
)

// quarantine moves a damaged file aside, to a name with ".damaged-" and the time, and
// puts a new file in its place with what can be salvaged. Until that is complete, the
// damaged file stays where it was.
func quarantine(path string, cause error, opt *settings) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	how := opt.opening()
	f, err := fsx.OpenToReplace(path, &how)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	aside := path + ".damaged-" + opt.Now().UTC().Format("20060102T150405.000000000Z")
	put := func(temp, path string) (err error) {
		if err := f.Like(temp); err != nil {
			return err
		}
		if err := f.SetAside(path, aside); err != nil {
			return fmt.Errorf("set it aside: %w", err)
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(aside))
			}
		}()
		if err := fsx.SyncFolder(filepath.Dir(path)); err != nil {
			return err
		}
		return f.Replace(temp, path)
	}
	errSound := errors.New("it is sound")
	result, _, err := copyRecords(context.Background(), f.File, path, put, opt, func(s *Salvaged) error {
		if s.Found == 0 { // another process has replaced the damaged file meanwhile
			return errSound
		}
		return nil
	})
	if errors.Is(err, errSound) {
		return nil
	}
	if err != nil {
		return err
	}
	opt.Logger.Error("doorlog: a damaged file was set aside, and the records that verify were saved from it", "file", path, "aside", aside,
		"error", cause, "events", result.Events, "lost_events", result.LostEvents, "stripped", result.Stripped,
		"unsure", result.Unsure, "lost_persons", result.LostPersons)
	return nil
}
