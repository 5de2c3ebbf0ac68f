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

// A claim says that a thumbnail folder has pictures of a store. Each store makes its claim,
// durably, before it saves its first picture. A picture that no event names may be deleted
// only if the folder belongs to this store alone and the store has lost no events. Otherwise
// the picture may belong to another store or to a lost event.
//
// A claim is an empty folder inside the thumbnail folder; all its content is its name. So it
// exists whole or not at all, and every file is a picture:
//
//	.doorlog-<store>-<incarnation>-<commit>
//	.doorlog-<store>-<incarnation>-<commit>-alone
//
// commit is the number of a commit (see lineage) that the store had reached. A store that
// has not reached it is an older copy of the file. alone says that no other store had
// pictures there when the claim was made, or that a later check has found only pictures of
// this store.
type claim struct {
	store, incarnation ID
	commit             uint64
	alone              bool
}

const claimedSole = "alone"

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

// A FolderState says to which stores the pictures in a thumbnail folder belong.
type FolderState string

// The states of a thumbnail folder, as one store sees it.
const (
	// FolderOwn: the folder belongs to this store alone. A picture that no event names
	// belongs to nobody.
	FolderOwn FolderState = "own"

	// FolderAbsent: the folder does not exist or has no pictures.
	FolderAbsent FolderState = "absent"

	// FolderUnclaimed: the folder has pictures, but no store has claimed it. If all
	// pictures are of this store, Store.Prune makes it FolderOwn.
	FolderUnclaimed FolderState = "unclaimed"

	// FolderShared: another store also has, or had, pictures in the folder.
	FolderShared FolderState = "shared"

	// FolderForgotten: the folder belongs to this store, but the store may have lost
	// records since: by a Salvage, a quarantine or a Restore, or because an older copy
	// of its file was put back. A picture may belong to a lost event.
	FolderForgotten FolderState = "forgotten"
)

// A Folder says to which stores a thumbnail folder belongs.
type Folder struct {
	State FolderState `json:"state"`

	// Claimed reports whether this store has saved thumbnails in the folder. Then the
	// folder belongs to it, perhaps among others, whatever State is.
	Claimed bool `json:"claimed"`

	// Others are the other stores that have claimed the folder.
	Others List[ID] `json:"others"`
}

// Why returns the reason, for people to read, why pictures that no event names must be kept.
// It is empty if they need not be.
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

// claims reads the claims of a folder. own is this store's claim, nil if there is none;
// others are the other stores with a claim. A crash may have left two claims of this store:
// then the one with the higher commit counts.
func (t *thumbnails) claims(root *os.Root) (own *claim, others []ID, err error) {
	err = overClaims(root, func(c claim) error {
		switch {
		case c.store != t.store:
			others = append(others, c.store)
		case own == nil:
			own = &c
		case own.incarnation != c.incarnation: // one is a copy that somebody made; neither can be trusted
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

// folder returns the state of the folder for a store that has reached a commit.
func (t *thumbnails) folder(commit uint64) (f Folder, err error) {
	f = Folder{State: FolderAbsent}
	if info, err := os.Stat(t.at); err == nil && !info.IsDir() { // a file, so it has no thumbnails
		return f, nil
	}
	root, err := t.open(false)
	if err != nil {
		return f, fsx.IgnoreNotExist(err)
	}
	own, others, err := t.claims(root)
	if err != nil {
		return f, fsx.IgnoreNotExist(err) // somebody has removed it since it was opened
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

// claim makes the store's claim unless its incarnation has one, and brings it up to date. It
// is called before the store's first picture and before the first one of each day. Each time
// it checks that the claim still exists, because people tidy up empty folders.
func (t *thumbnails) claim(root *os.Root, day string) error {
	if t.isClaimed(root, day) {
		return nil
	}
	// Before the lock: settled may wait for a writer, who may wait for a View, in which
	// somebody may wait for the lock.
	commit := t.settled()
	t.mu.Lock()
	defer t.mu.Unlock()
	own, others, err := t.claims(root)
	if err != nil {
		return fmt.Errorf("claim the thumbnail folder: %w", err)
	}
	now := claim{store: t.store, incarnation: t.incarnation, commit: commit}
	switch {
	case own != nil && own.incarnation == t.incarnation:
		now.alone, now.commit = own.alone, max(now.commit, own.commit)
	case own == nil && len(others) == 0:
		now.alone, err = hasNoPictures(root)
	}
	if err == nil { // a claim of another incarnation stays beside it; then neither is alone
		err = t.writeClaim(root, now, func(c claim) bool { return c.incarnation == t.incarnation })
	}
	if err != nil {
		return fmt.Errorf("claim the thumbnail folder: %w", err)
	}
	t.claimed, t.claimedAs = root, now.name()
	return nil
}

// isClaimed reports whether there is nothing to do for claim, and notes that something is
// about to be saved.
func (t *thumbnails) isClaimed(root *os.Root, day string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = true
	if t.claimed != root || t.durable != day {
		return false
	}
	_, err := root.Lstat(t.claimedAs)
	return err == nil
}

// own records that the folder belongs to this store alone.
func (t *thumbnails) own() error {
	root, err := t.open(false)
	if err != nil {
		return fsx.IgnoreNotExist(err)
	}
	return t.writeClaim(root, claim{t.store, t.incarnation, t.settled(), true}, func(claim) bool { return true })
}

// advance records in the claim of this incarnation which commit the store has reached.
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

// hasSaved reports whether a thumbnail was saved since the claim was last brought up to date.
func (t *thumbnails) hasSaved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saved
}

// writeClaim makes a claim. When the claim is durable, writeClaim removes the claims of this
// store that it replaces.
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

// hasNoPictures reports whether no file in a folder has the name of a thumbnail. A subfolder
// that cannot be read counts as one that may have pictures, except lostAndFound.
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

// lostAndFound is the folder where a check of the file system puts lost files.
const lostAndFound = "lost+found"
