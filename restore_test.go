package doorlog_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/doorlog/doorlog"
)

// smallBackup returns a backup with everything in it, and the files that it
// restores, by their names.
func smallBackup(t testing.TB) (backup []byte, files map[string]string) {
	t.Helper()
	s := newStore(t)
	s.write(t, fullEvent())
	for i := range 3 {
		s.writeFramed(t, motion("porch", 10+i), i)
	}
	s.putFile(t, "porch/shared.jpg", "of two events")
	s.write(t, named("porch/shared.jpg", 3), named("porch/shared.jpg", 90))
	s.write(t, named("porch/late.jpg", 4), named("porch/nowhere.jpg", 5))
	s.putFile(t, "porch/late.jpg", "came after its event")
	if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	backup, info := s.backup(t)
	if info.Missing != 1 || info.Thumbnails != 5 {
		t.Fatalf("%+v", info)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil); err != nil {
		t.Fatal(err)
	}
	return backup, filesOf(t, dir)
}

// wantSmallStore fails unless a folder has the store of smallBackup. Each Restore begins
// an incarnation, so that no two files are the same to the byte.
func wantSmallStore(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	if err := isSmallStore(dir); err != nil {
		t.Error(err)
	}
	thumbs := make(map[string]string)
	for name, data := range files {
		if name != "events.db" {
			thumbs[strings.TrimPrefix(name, "thumbnails/")] = data
		}
	}
	wantFiles(t, filepath.Join(dir, "thumbnails"), thumbs)
}

// isSmallStore says whether a folder has the store of smallBackup.
func isSmallStore(dir string) error {
	v, err := doorlog.Verify(context.Background(), filepath.Join(dir, "events.db"), nil)
	if err == nil && (!v.Sound() || v.Events != 8 || v.Persons != 1 || v.Thumbnails != 5 || v.Folder.State != doorlog.FolderOwn) {
		err = fmt.Errorf("restored was %+v", v)
	}
	return err
}

// refuses fails unless Restore refuses a stream, for this reason and text, and
// leaves nothing.
func refuses(t *testing.T, r io.Reader, is error, text string) {
	t.Helper()
	parent := t.TempDir()
	_, err := doorlog.Restore(t.Context(), filepath.Join(parent, "restored"), r, nil)
	wantError(t, err, is, text)
	wantOnly(t, parent)
}

func TestRestoreRefusesACutOffBackup(t *testing.T) {
	backup, _ := smallBackup(t)
	manifest, err := tar.NewReader(bytes.NewReader(backup)).Next()
	if err != nil {
		t.Fatal(err)
	}
	step := extent(1024, 512, 64)
	for n := 0; n < len(backup); n += step {
		for _, at := range []int{n, n + step/2 + 1, len(backup) - 1} {
			at = min(at, len(backup)-1)
			is := doorlog.ErrCorrupt
			if at < 512+int(manifest.Size) { // not all of the manifest
				is = doorlog.ErrNotBackup
			}
			refuses(t, bytes.NewReader(backup[:at]), is, "doorlog: restore to ")
		}
	}
}

// No byte of a backup can be another one.
func TestRestoreRefusesAChangedBackup(t *testing.T) {
	backup, _ := smallBackup(t)
	rng := rand.New(rand.NewPCG(1, 1))
	var places []int
	for range extent(150, 400, 20_000) {
		places = append(places, rng.IntN(len(backup)))
	}
	for at := len(backup) - 2560; at < len(backup); at += extent(13, 6, 1) { // the end, and what is before it
		places = append(places, at)
	}
	for at := 0; at < 1536; at += extent(13, 6, 1) { // the manifest
		places = append(places, at)
	}
	end := bytes.LastIndex(backup, []byte("ustar")) - 257 // the header of the last entry, and in it the checksum
	for at := end + 148; at < end+156; at++ {
		places = append(places, at, at, at, at)
	}
	for _, at := range places {
		bad := bytes.Clone(backup)
		bad[at] ^= 1 << rng.IntN(8)
		parent := t.TempDir()
		_, err := doorlog.Restore(t.Context(), filepath.Join(parent, "restored"), bytes.NewReader(bad), nil)
		known := errors.Is(err, doorlog.ErrCorrupt) || at < 1024 && (errors.Is(err, doorlog.ErrNotBackup) ||
			errors.Is(err, doorlog.ErrNewerSchema) || errors.Is(err, doorlog.ErrOlderSchema) || errors.Is(err, doorlog.ErrFull))
		if !known {
			t.Errorf("byte %d: %v", at, err)
		}
		wantOnly(t, parent)
	}
}

func TestRestoreRefusesWhatFollows(t *testing.T) {
	backup, _ := smallBackup(t)
	for _, more := range []string{"\x00", "x", strings.Repeat("\x00", 512)} {
		refuses(t, bytes.NewReader(append(bytes.Clone(backup), more...)), doorlog.ErrCorrupt, "something comes after its end")
	}
	refuses(t, bytes.NewReader(append(bytes.Clone(backup), backup...)), doorlog.ErrCorrupt, "")
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	s := newStore(t)
	refuses(t, strings.NewReader(""), doorlog.ErrNotBackup, "not a doorlog backup")
	refuses(t, bytes.NewReader(readFile(t, s.path)), doorlog.ErrNotBackup, "")
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "events.db"})), doorlog.ErrNotBackup, `it begins with "events.db"`)
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "manifest.json", content: "{}"})), doorlog.ErrNotBackup, "of something else")
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "manifest.json", content: `{"format":"doorlog-backup","version":2}`})),
		doorlog.ErrNewerSchema, "version 2 of a backup")
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "manifest.json", content: `{"format":"doorlog-backup","version":1,"schema":99}`})),
		doorlog.ErrNewerSchema, "schema 99")
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "manifest.json", content: `{"format":"doorlog-backup","version":1,"schema":3,"database_bytes":-1}`})),
		doorlog.ErrCorrupt, "a database of -1 bytes")
	refuses(t, bytes.NewReader(tarOf(t, entry{name: "manifest.json", content: `{"format":"doorlog-backup","version":1,"schema":3,"database_bytes":1000000000000000000}`})),
		doorlog.ErrFull, "it needs 1000000000000000000 bytes free")
	broken := errors.New("the line is dead")
	refuses(t, iotest.ErrReader(broken), broken, "")
	backup, _ := smallBackup(t)
	refuses(t, io.MultiReader(bytes.NewReader(backup[:len(backup)/2]), iotest.ErrReader(broken)), broken, "")
}

// A stream whose checksums are right, but that was not made by Backup, gets
// nothing out of its place.
func TestRestoreRefusesWhatSomebodyMade(t *testing.T) {
	backup, _ := smallBackup(t)
	entries := entriesOf(t, backup)
	last := len(entries) - 1 // end.json
	thumb := 2
	for name, change := range map[string]func([]entry) []entry{
		"path traversal":    func(e []entry) []entry { e[thumb].name = "thumbnails/../../outside.jpg"; return e },
		"absolute name":     func(e []entry) []entry { e[thumb].name = "/tmp/outside.jpg"; return e },
		"another thumbnail": func(e []entry) []entry { e[thumb].name = "thumbnails/other.jpg"; return e },
		"other content":     func(e []entry) []entry { e[thumb+1].content = strings.ToUpper(e[thumb+1].content); return e },
		"other length":      func(e []entry) []entry { e[thumb+1].content += "."; return e },
		"a link": func(e []entry) []entry {
			e[thumb].kind, e[thumb].link, e[thumb].content = '2', "/etc/passwd", ""
			return e
		},
		"a folder":              func(e []entry) []entry { e[thumb].kind, e[thumb].content = '5', ""; return e },
		"an entry too many":     func(e []entry) []entry { return append(e[:last:last], entry{name: "more"}, e[last]) },
		"an entry too few":      func(e []entry) []entry { return append(e[:thumb:thumb], e[thumb+1:]...) },
		"a thumbnail twice":     func(e []entry) []entry { return append(e[:thumb+1:thumb+1], e[thumb:]...) },
		"another order":         func(e []entry) []entry { e[thumb], e[thumb+1] = e[thumb+1], e[thumb]; return e },
		"no database":           func(e []entry) []entry { return append(e[:1:1], e[2:]...) },
		"a database of nothing": func(e []entry) []entry { e[1].content = strings.Repeat("\x00", len(e[1].content)); return e },
		"content of what is missing": func(e []entry) []entry {
			for i := range e {
				if strings.HasPrefix(e[i].name, "missing/") {
					e[i].content = "here it is"
				}
			}
			return e
		},
		"another number of events": func(e []entry) []entry {
			e[0].content = strings.Replace(e[0].content, `"events":8`, `"events":7`, 1)
			return e
		},
		"of another store": func(e []entry) []entry {
			e[0].content = strings.Replace(e[0].content, `"store_id":"01`, `"store_id":"02`, 1)
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			changed := change(append([]entry{}, entries...))
			if fmt.Sprint(changed) == fmt.Sprint(entries) {
				t.Fatal("nothing was changed")
			}
			refuses(t, bytes.NewReader(sealed(t, changed)), doorlog.ErrCorrupt, "corrupt: the backup: ")
		})
	}
	if as := sealed(t, entries); !bytes.Equal(as, backup) { // else the cases above prove nothing
		t.Error("the backup, taken apart and made again, is another one")
	}
}

func TestRestoreOverwritesNothing(t *testing.T) {
	backup, files := smallBackup(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "restored")
	to := func(dir string) error {
		_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil)
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, to(dir), fs.ErrExist, `is not empty: it has "mine"`)
	wantError(t, to(mine), fs.ErrExist, "is no folder")
	wantOnly(t, parent, "restored")
	wantOnly(t, dir, "mine")
	if err := os.Remove(mine); err != nil {
		t.Fatal(err)
	}
	if err := to(dir); err != nil { // an empty folder is as good as none
		t.Fatal(err)
	}
	wantSmallStore(t, dir, files)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	wantError(t, to(dir), fs.ErrExist, "is not empty")
	wantError(t, to(filepath.Join(parent, "nowhere", "restored")), fs.ErrNotExist, "")
	wantOnly(t, parent, "restored")
	here := filepath.Join(parent, "here")
	if err := os.Mkdir(here, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(here)
	wantError(t, to("."), doorlog.ErrInvalid, "is the current folder")
}

// What appears at the place while it is being restored stays.
func TestRestoreOverwritesNothingThatAppears(t *testing.T) {
	backup, _ := smallBackup(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "restored")
	_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), &doorlog.RestoreOptions{Progress: func(p doorlog.Progress) {
		if p.Doing == "restoring" && p.Done == p.Total {
			if err := os.MkdirAll(filepath.Join(dir, "mine"), 0o700); err != nil {
				t.Error(err)
			}
		}
	}})

	if err == nil {
		t.Error("it was overwritten")
	}
	wantOnly(t, parent, "restored")
	wantOnly(t, dir, "mine")
}

func TestRestoreRemovesWhatAKilledOneLeft(t *testing.T) {
	backup, files := smallBackup(t)
	parent := t.TempDir()
	left := filepath.Join(parent, ".restored.restoring")
	for _, dir := range []string{left, filepath.Join(left, "thumbnails")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{filepath.Join(left, "events.db"), filepath.Join(left, "thumbnails", "x.jpg")} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(parent, "restored")
	if _, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, parent, "restored")
	wantSmallStore(t, dir, files)
}

func TestTwoRestoresToOnePlaceDoNotDisturbEachOther(t *testing.T) {
	backup, files := smallBackup(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "restored")
	first := true
	_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), &doorlog.RestoreOptions{Progress: func(doorlog.Progress) {
		if first {
			_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(backup), nil)
			wantError(t, err, doorlog.ErrLocked, "doorlog: restore to ")
		}
		first = false
	}})

	if err != nil || first {
		t.Error(err)
	}
	wantOnly(t, parent, "restored")
	wantSmallStore(t, dir, files)
}

func TestRestoreEndsWithItsContext(t *testing.T) {
	backup, _ := smallBackup(t)
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := doorlog.Restore(ctx, filepath.Join(parent, "restored"), bytes.NewReader(backup), &doorlog.RestoreOptions{
		Progress: func(doorlog.Progress) { cancel() },
	})

	wantError(t, err, context.Canceled, "doorlog: restore to ")
	wantOnly(t, parent)
}

// Whatever it is given, Restore makes a sound store, or nothing.
func FuzzRestore(f *testing.F) {
	backup, _ := smallBackup(f)
	f.Add(0, []byte(nil), 0)
	f.Add(0, []byte("manifest.json"), 0)
	f.Add(600, []byte("}"), 0)
	f.Add(1024, []byte("events.db"), 0)
	f.Add(len(backup)-2048, []byte("end.json"), 0)
	f.Add(len(backup), []byte{0}, 0)
	f.Add(0, backup[:2048], len(backup))
	f.Fuzz(func(t *testing.T, at int, data []byte, cut int) {
		stream := bytes.Clone(backup)
		if at < 0 || at > len(stream) || cut < 0 || cut > len(stream) || len(data) > 1<<20 {
			t.Skip()
		}
		stream = append(stream[:at], append(data, stream[min(len(stream), at+max(len(data), cut)):]...)...)
		parent := t.TempDir()
		dir := filepath.Join(parent, "restored")
		_, err := doorlog.Restore(t.Context(), dir, bytes.NewReader(stream), nil)
		if same := bytes.Equal(stream, backup); same != (err == nil) {
			t.Errorf("the backup is as it was: %v; %v", same, err)
		}
		if err != nil {
			wantOnly(t, parent)
			return
		}
		v, err := doorlog.Verify(t.Context(), filepath.Join(dir, "events.db"), nil)
		if err != nil || !v.Sound() {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// restoreScript is the workload that restores the backup of restoreFrom to the
// folder restoreTo.
const restoreScript = "restore"

func restoreFrom(dir string) string { return dir + ".backup" }
func restoreTo(dir string) string   { return filepath.Join(dir, "restored") }

func runRestore(dir string) int {
	runtime.LockOSThread() // see runWorkload
	f, err := os.Open(restoreFrom(dir))
	if err == nil {
		err = say(saidOpened)
	}
	if err == nil {
		_, err = doorlog.Restore(context.Background(), restoreTo(dir), f, nil)
	}
	if err == nil {
		err = say(saidEnd)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "restore:", err)
		for name, errno := range injected {
			if errors.Is(err, errno) && errors.Is(err, doorlog.ErrFull) == (name == "ENOSPC") {
				_ = say(saidFailed, name) // the test misses it
			}
		}
		return 1
	}
	return 0
}
