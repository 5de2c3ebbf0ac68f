package doorlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// A claim is a small file in a thumbnail folder that says of which store there are
// pictures. Each store makes its own with its first picture, before that, and it is
// durable. A picture that no event names is nobody's only where the folder is the
// store's alone and the store has forgotten nothing: else it may be of another store,
// or of an event that was lost.
//
//	.doorlog-01KJ9W….json   {"store": "01KJ9W…", "incarnation": "01KJ9W…", "commit": 1234, "alone": true}
//
// commit is the number of a commit (lineage.go) that the store had come to: one that
// has come to less is an older copy. alone says that there were no pictures of others
// when the claim was made, or that all of them were the store's when it was looked.
type claim struct {
	Store       ID     `json:"store"`
	Incarnation ID     `json:"incarnation"`
	Commit      uint64 `json:"commit"`
	Alone       bool   `json:"alone"`
}

const (
	ownPrefix = ".doorlog-" // of what the store itself keeps in the thumbnail folder
	claimExt  = ".json"
)

func claimName(store ID) string { return ownPrefix + store.String() + claimExt }

// isOwnName reports whether a path is that of something that a store keeps for itself.
func isOwnName(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return len(first) >= len(ownPrefix) && strings.EqualFold(first[:len(ownPrefix)], ownPrefix)
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

	// Others are the other stores whose the folder also is.
	Others []ID `json:"others"`
}

// why says in words why pictures that no event names are not removed; empty: they are.
func (f *Folder) why() string {
	switch f.State {
	case FolderUnclaimed:
		return "the folder does not say whose pictures it has"
	case FolderShared:
		names := make([]string, len(f.Others))
		for i, id := range f.Others {
			names[i] = id.String()
		}
		return "the folder also has pictures of the store " + strings.Join(names, " and ")
	case FolderForgotten:
		return "the store has lost records since the folder was made, and they may be of events that it has forgotten"
	}
	return ""
}

// claims reads the claims of a folder: the store's own, nil if there is none, and
// the other stores that have one.
func (t *thumbnails) claims(root *os.Root) (own *claim, others []ID, err error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		text, ok := strings.CutPrefix(name, ownPrefix)
		text, of := strings.CutSuffix(text, claimExt)
		id, perr := ulid.ParseStrict(text)
		switch {
		case !ok || !of || perr != nil:
		case id != t.store:
			others = append(others, id)
		default:
			if own, err = readClaim(root, name); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	slices.SortFunc(others, ID.Compare)
	return own, others, nil
}

// readClaim reads a claim. One that says nothing is that of another incarnation.
func readClaim(root *os.Root, name string) (*claim, error) {
	text, err := root.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c := new(claim)
	if json.Unmarshal(text, c) != nil {
		c = &claim{Incarnation: lastID}
	}
	return c, nil
}

// folder says whose the folder is to a store that has come to a commit.
func (t *thumbnails) folder(commit uint64) (f Folder, err error) {
	f = Folder{State: FolderAbsent, Others: []ID{}}
	root, err := t.open(false)
	if err != nil {
		return f, ignoreNotExist(err)
	}
	own, others, err := t.claims(root)
	if err != nil {
		return f, err
	}
	if len(others) > 0 {
		f.Others = others
	}
	switch {
	case own != nil && (own.Incarnation != t.incarnation || own.Commit > commit):
		f.State = FolderForgotten
	case len(others) > 0:
		f.State = FolderShared
	case own != nil && own.Alone:
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

// claim makes the store's claim, if there is none, before its first picture.
func (t *thumbnails) claim(root *os.Root) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = true
	if t.claimed == root {
		return nil
	}
	own, others, err := t.claims(root)
	if err == nil && own == nil {
		alone := false
		if len(others) == 0 {
			alone, err = hasNoPictures(root)
		}
		if err == nil {
			err = t.writeClaim(root, 0, alone)
		}
	}
	if err != nil {
		return fmt.Errorf("claim the thumbnail folder: %w", err)
	}
	t.claimed = root
	return nil
}

// own makes the folder the store's alone, which has come to a commit.
func (t *thumbnails) own(commit uint64) error {
	root, err := t.open(false)
	if err != nil {
		return ignoreNotExist(err)
	}
	return t.writeClaim(root, commit, true)
}

// advance writes down which commit the store has come to, in a claim that is its own.
func (t *thumbnails) advance(commit uint64) error {
	root, err := t.open(false)
	if err != nil {
		return ignoreNotExist(err)
	}
	own, err := readClaim(root, claimName(t.store))
	if err != nil {
		return ignoreNotExist(err)
	}
	if own.Incarnation != t.incarnation || own.Commit >= commit {
		return nil
	}
	return t.writeClaim(root, commit, own.Alone)
}

// hasSaved reports whether a thumbnail was saved since the claim was brought up to date.
func (t *thumbnails) hasSaved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saved
}

func (t *thumbnails) writeClaim(root *os.Root, commit uint64, alone bool) error {
	text, err := json.Marshal(claim{t.store, t.incarnation, commit, alone})
	if err != nil {
		return err
	}
	return writeFile(root, claimName(t.store), append(text, '\n'))
}

// hasNoPictures reports whether a folder has no file that has the name of a thumbnail.
func hasNoPictures(root *os.Root) (empty bool, err error) {
	empty = true
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreNotExist(err)
		}
		if _, final, ok := thumbnailID(name); ok && final {
			empty = false
			return fs.SkipAll
		}
		return nil
	})
	return empty, err
}
