package doorlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A claim says in a thumbnail folder of which store there are pictures. Each store makes
// its own with its first picture, before that, and it is durable. A picture that no event
// names is nobody's only where the folder is the store's alone and the store has forgotten
// nothing: else it may be of another store, or of an event that was lost.
//
// A claim is an empty folder, whose name is all of it, so that it is there whole or not at
// all, and nothing but pictures are files:
//
//	.doorlog-<store>-<incarnation>-<commit>
//	.doorlog-<store>-<incarnation>-<commit>-alone
//
// commit is the number of a commit (lineage.go) that the store had come to: one that has
// come to less is an older copy. alone says that there were no pictures of others when the
// claim was made, or that all of them were the store's when it was looked.
type claim struct {
	store, incarnation ID
	commit             uint64
	alone              bool
}

const (
	claimedSole = "alone"
)

func (c *claim) name() string {
	name := fmt.Sprintf("%s%s-%s-%d", ownPrefix, c.store, c.incarnation, c.commit)
	if c.alone {
		name += "-" + claimedSole
	}
	return name
}

// parseClaim reads the name of a claim; ok is false for any other name.
func parseClaim(name string) (c claim, ok bool) {
	text, ok := strings.CutPrefix(name, ownPrefix)
	parts := strings.Split(text, "-")
	if !ok || len(parts) < 3 || len(parts) > 4 || len(parts) == 4 && parts[3] != claimedSole {
		return c, false
	}
	var errs [3]error
	c.store, errs[0] = parseULID(parts[0])
	c.incarnation, errs[1] = parseULID(parts[1])
	c.commit, errs[2] = strconv.ParseUint(parts[2], 10, 64)
	c.alone = len(parts) == 4
	return c, errors.Join(errs[:]...) == nil
}

// A FolderState says whose the pictures in a thumbnail folder are.
type FolderState string

// What a thumbnail folder can be to a store.
const (
	// FolderOwn is the store's alone: a picture that no event names is nobody's.
	FolderOwn FolderState = "own"

	// FolderAbsent is not there, or has no pictures.
	FolderAbsent FolderState = "absent"

	// FolderUnclaimed has pictures and does not say whose. If all of them are the
	// store's, a Prune makes it FolderOwn.
	FolderUnclaimed FolderState = "unclaimed"

	// FolderShared is, or was, also another store's.
	FolderShared FolderState = "shared"

	// FolderForgotten was the store's, which has lost records since: by a Salvage, a
	// quarantine, a Restore, or because an older copy of its file was put back. A
	// picture may be of an event that was lost.
	FolderForgotten FolderState = "forgotten"
)

// A Folder says whose a thumbnail folder is.
type Folder struct {
	State FolderState `json:"state"`

	// Claimed says that the store has saved thumbnails in the folder: the folder
	// is also the store's, whatever State is.
	Claimed bool `json:"claimed"`

	// Others are the other stores whose the folder also is.
	Others List[ID] `json:"others"`
}

// Why says in words why pictures in the folder that no event names are not known to be
// nobody's; empty: they are.
func (f *Folder) Why() string {
	switch f.State {
	case FolderUnclaimed:
		return "the folder does not say whose pictures it has"
	case FolderShared:
		names := make([]string, len(f.Others))
		for i, id := range f.Others {
			names[i] = id.String()
		}
		return "the folder also has pictures of the store " + strings.Join(names, " and ") +
			" (if that is gone for good, remove its claim, the empty folder " + ownPrefix + names[0] + "-…)"
	case FolderForgotten:
		return "the store has lost records since the folder was made, and they may be of events that it has forgotten"
	}
	return ""
}

// claims reads the claims of a folder: the store's own, nil if there is none, and
// the other stores that have one. A crash may have left two of the store's, of which
// the later counts.
func (t *thumbnails) claims(root *os.Root) (own *claim, others []ID, err error) {
	err = overClaims(root, func(c claim) error {
		switch {
		case c.store != t.store:
			others = append(others, c.store)
		case own == nil:
			own = &c
		case own.incarnation != c.incarnation: // somebody has copied one: neither is believed
			own.incarnation = lastID
		default:
			own.commit, own.alone = max(own.commit, c.commit), own.alone && c.alone
		}
		return nil
	})
	slices.SortFunc(others, ID.Compare)
	return own, slices.Compact(others), err
}

// overClaims calls fn with each claim in a folder.
func overClaims(root *os.Root, fn func(claim) error) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if c, ok := parseClaim(name); ok {
			if err := fn(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// folder says whose the folder is to a store that has come to a commit.
func (t *thumbnails) folder(commit uint64) (f Folder, err error) {
	f = Folder{State: FolderAbsent}
	if info, err := os.Stat(t.at); err == nil && !info.IsDir() { // where no thumbnail can be
		return f, nil
	}
	root, err := t.open(false)
	if err != nil {
		return f, fsx.IgnoreNotExist(err)
	}
	own, others, err := t.claims(root)
	if err != nil {
		return f, fsx.IgnoreNotExist(err) // it was taken away since it was opened
	}
	if len(others) > 0 {
		f.Others = others
	}
	f.Claimed = own != nil
	switch {
	case own != nil && (own.incarnation != t.incarnation || own.commit > commit):
		f.State = FolderForgotten
	case len(others) > 0:
		f.State = FolderShared
	case own != nil && own.alone:
		f.State = FolderOwn
	case own != nil:
		f.State = FolderUnclaimed
	default:
		empty, err := hasNoPictures(root)
		if err != nil || empty {
			return f, err
		}
		f.State = FolderUnclaimed
	}
	return f, nil
}

// claim makes the store's claim, if there is none of its incarnation, before its first
// picture and the first of each day, and brings it up to date. It looks each time whether
// the claim is still there: empty folders are things that people tidy up.
func (t *thumbnails) claim(root *os.Root, day string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = true
	if t.claimed == root && t.durable == day {
		if _, err := root.Lstat(t.claimedAs); err == nil {
			return nil
		}
	}
	own, others, err := t.claims(root)
	if err != nil {
		return fmt.Errorf("claim the thumbnail folder: %w", err)
	}
	now := claim{store: t.store, incarnation: t.incarnation, commit: t.settled()}
	switch {
	case own != nil && own.incarnation == t.incarnation:
		now.alone, now.commit = own.alone, max(now.commit, own.commit)
	case own == nil && len(others) == 0:
		now.alone, err = hasNoPictures(root)
	}
	if err == nil { // beside that of another incarnation, if there is one: neither is alone
		err = t.writeClaim(root, now, func(c claim) bool { return c.incarnation == t.incarnation })
	}
	if err != nil {
		return fmt.Errorf("claim the thumbnail folder: %w", err)
	}
	t.claimed, t.claimedAs = root, now.name()
	return nil
}

// own makes the folder the store's alone.
func (t *thumbnails) own() error {
	root, err := t.open(false)
	if err != nil {
		return fsx.IgnoreNotExist(err)
	}
	return t.writeClaim(root, claim{t.store, t.incarnation, t.settled(), true}, func(claim) bool { return true })
}

// advance writes down which commit the store has come to, in a claim that is its own.
func (t *thumbnails) advance() error {
	root, err := t.open(false)
	if err != nil {
		return fsx.IgnoreNotExist(err)
	}
	own, _, err := t.claims(root)
	if err != nil || own == nil || own.incarnation != t.incarnation || own.commit >= t.settled() {
		return err
	}
	return t.writeClaim(root, claim{t.store, t.incarnation, t.settled(), own.alone}, func(claim) bool { return true })
}

// hasSaved reports whether a thumbnail was saved since the claim was brought up to date.
func (t *thumbnails) hasSaved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saved
}

// writeClaim makes a claim, and when that is durable removes those of the store in whose
// place it comes.
func (t *thumbnails) writeClaim(root *os.Root, now claim, replaces func(claim) bool) error {
	if err := root.Mkdir(now.name(), fsx.FolderPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := fsx.SyncInside(root, "."); err != nil {
		return err
	}
	return overClaims(root, func(c claim) error {
		if c.store != t.store || c == now || !replaces(c) {
			return nil
		}
		return fsx.IgnoreNotExist(root.Remove(c.name()))
	})
}

// hasNoPictures reports whether a folder has no file that has the name of a thumbnail.
// What may not be read may be one, but for what a file system has found.
func hasNoPictures(root *os.Root) (empty bool, err error) {
	empty = true
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			empty = empty && name == lostAndFound
			return fs.SkipDir
		}
		if err != nil {
			return fsx.IgnoreNotExist(err)
		}
		if _, final, ok := thumbnailID(name); ok && final {
			empty = false
			return fs.SkipAll
		}
		return nil
	})
	return empty, err
}

// lostAndFound is the folder of what a check of the file system has found.
const lostAndFound = "lost+found"
