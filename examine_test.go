package doorlog_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

// What bolt would read without a complaint, and come to grief by when it writes:
// it is found before, and mended without loss.
func TestDamageThatOnlyWritingWouldMeetIsFoundBefore(t *testing.T) {
	sp := newSpecimen(t, 5, 1500, jpegFrame(t, 64, 48))
	defer doorlog.SetTrust(false, true, false)() // the sums of the pages would find it sooner
	defer doorlog.SetWholeBelow(1 << 40)()
	for name, test := range map[string]struct {
		do   func(t *testing.T, m *fileImage)
		want string
	}{
		"the key of a branch is not that of its page": {changeBranchKey, "where no search would find it"},
		"a page reaches into a free one":              {reachIntoFreePage, "is in use and free"},
		"the page inside of a bucket has a number":    {numberInlinePage, "inside of a bucket"},
		"the freelist reaches into a tree":            {lengthenFreelist, "freelist page"},
		"the meta pages are exchanged":                {exchangeMetas, "is of another place"},
		"a leaf in the middle is empty":               {addEmptyLeaf, "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			m := fileImage{bytes.Clone(sp.file), nil, nil, rand.New(rand.NewPCG(1, 1))}
			test.do(t, &m)
			path := sp.lay(t, filepath.Join(t.TempDir(), "case"), m.data)
			if _, err := doorlog.Open(path, damageOptions()); !errors.Is(err, doorlog.ErrCorrupt) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("open: %v, want %q", err, test.want)
			}
			if _, err := doorlog.Repair(t.Context(), path, damageOptions()); err != nil {
				t.Fatal(err)
			}
			st, err := doorlog.Open(path, damageOptions())
			if err != nil {
				t.Fatal(err)
			}
			if d := ask(t, st).differs(sp.answers); d != "" {
				t.Errorf("repaired, it differs in %s", d)
			}
			if err := errors.Join(st.Check(t.Context()), st.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Where the newest state is lost, that before the last write is not: after a
// Close it differs in nothing but that.
func TestSalvageFallsBackOnTheStateBefore(t *testing.T) {
	sp := newSpecimen(t, 6, 300, nil)
	m := fileImage{data: bytes.Clone(sp.file)}
	clear(m.page(native.Uint64(m.meta(m.newest())[16:])))
	path := sp.lay(t, filepath.Join(t.TempDir(), "case"), m.data)
	fresh := path + ".fresh"
	result, err := doorlog.Salvage(t.Context(), path, fresh, nil)
	if err != nil {
		t.Fatal(err)
	}
	st, err := doorlog.Open(fresh, damageOptions())
	if err != nil {
		t.Fatal(err)
	}
	if d := ask(t, st).differs(sp.answers); d != "" {
		t.Errorf("it differs in %s; %+v", d, result)
	}
	if result.Unsure == 0 || result.Counted {
		t.Errorf("%+v", result)
	}
	if err := errors.Join(st.Check(t.Context()), st.Close()); err != nil {
		t.Error(err)
	}
}

// changeBranchKey makes the key under which a branch has its second page a
// smaller one, which leads to the same page.
func changeBranchKey(t *testing.T, m *fileImage) {
	t.Helper()
	page := m.page(m.usedWith(isBranch))
	at := headerLen + elementLen
	at += int(native.Uint32(page[at:])) + int(native.Uint32(page[at+4:])) - 1
	if page[at]--; page[at] == 0xff {
		t.Fatal("the key ends with 0")
	}
}

// reachIntoFreePage has a page of a tree be longer than it is by one that is free.
func reachIntoFreePage(t *testing.T, m *fileImage) {
	t.Helper()
	used := m.used()
	for i, id := range used {
		next := m.pages()
		if i+1 < len(used) {
			next = used[i+1]
		}
		if m.flags(id) == isLeaf && native.Uint64(m.page(id)) == id && native.Uint32(m.page(id)[12:]) == 0 && id+1 < next {
			native.PutUint32(m.page(id)[12:], 1)
			return
		}
	}
	t.Fatal("no page stands before a free one")
}

// numberInlinePage has the page that is part of a bucket's value say that it is
// page 2. Bolt frees that page when it writes the bucket.
func numberInlinePage(t *testing.T, m *fileImage) {
	t.Helper()
	root := m.page(native.Uint64(m.meta(m.newest())[16:]))
	for i := range int(native.Uint16(root[10:])) {
		if _, value := leafValue(root, i); native.Uint64(value) == 0 {
			value[16] = 2
			return
		}
	}
	t.Fatal("no bucket is inside of the root page")
}

// lengthenFreelist has the freelist take in the pages behind it, some of which
// are of trees, that are sound.
func lengthenFreelist(_ *testing.T, m *fileImage) {
	native.PutUint32(m.page(native.Uint64(m.meta(m.newest())[32:]))[12:], 8)
}

func exchangeMetas(_ *testing.T, m *fileImage) {
	a, b := bytes.Clone(m.page(0)), bytes.Clone(m.page(1))
	copy(m.page(0), b)
	copy(m.page(1), a)
}

// addEmptyLeaf has a branch point to one more page, a leaf without entries.
// Bolt's cursor stops there on its way back.
func addEmptyLeaf(t *testing.T, m *fileImage) {
	t.Helper()
	freelist := m.page(native.Uint64(m.meta(m.newest())[32:]))
	count := native.Uint16(freelist[10:])
	free := native.Uint64(freelist[headerLen+8*int(count-1):]) // the last
	native.PutUint16(freelist[10:], count-1)
	leaf := m.page(free)
	clear(leaf)
	native.PutUint64(leaf, free)
	native.PutUint16(leaf[8:], isLeaf)

	// The branch is written anew, with a key between those of its first and second page.
	page := m.page(m.usedWith(isBranch))
	n := m.count(native.Uint64(page))
	type child struct {
		key []byte
		id  uint64
	}
	var children []child
	for i := range n {
		at := headerLen + i*elementLen
		from := at + int(native.Uint32(page[at:]))
		key := bytes.Clone(page[from:][:native.Uint32(page[at+4:])])
		if i == 1 {
			before := append(bytes.Clone(key), 0xff)
			before[len(key)-1]--
			children = append(children, child{before, free})
		}
		children = append(children, child{key, native.Uint64(page[at+8:])})
	}
	clear(page[headerLen:])
	native.PutUint16(page[10:], uint16(len(children)))
	end := headerLen + len(children)*elementLen
	for i, c := range children {
		at := headerLen + i*elementLen
		native.PutUint32(page[at:], uint32(end-at))
		native.PutUint32(page[at+4:], uint32(len(c.key)))
		native.PutUint64(page[at+8:], c.id)
		end += copy(page[end:], c.key)
	}
}
