package doorlog_test

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
)

// A pageFault is what a disk has made of a state of a file: some of its pages hold
// something else.
type pageFault struct {
	state   *fileState
	kind    string
	what    string
	pages   []uint64
	content func() [][]byte // of each of the pages
}

func (f *pageFault) String() string { return fmt.Sprintf("%s; %s; %s", f.state, f.kind, f.what) }

// beheads reports whether the meta page of the last transaction is hit. After an
// unclean stop nobody can tell that from a commit that was cut short.
func (f *pageFault) beheads() bool { return slices.Contains(f.pages, newestMeta(f.state)) }

// image returns the file with the fault.
func (f *pageFault) image() []byte {
	b := f.state.bytes()
	for i, p := range f.content() {
		copy(b[f.pages[i]*pageLen:], p)
	}
	return b
}

// The kinds of faults.
const (
	lostPage     = "lost write of a page"
	lostBefore   = "lost write, of the last ten commits"
	lostPair     = "lost writes of two pages"
	lostPairs    = "lost writes of two pages, of ten commits"
	lostAll      = "lost writes of all but the metas"
	tornPage     = "torn write of a page"
	otherKind    = "page of another kind"
	otherKindID  = "page of another kind, with the id"
	lastCommits  = 10
	sectorLen    = 512
	pairsOfState = 60  // at most
	manyNodes    = 500 // in whose places of a state other pages are put
)

// faults returns every fault of the states of a history, kind by kind and state
// by state in turn, so that the first of them are of all.
func (h *history) faults(rng *rand.Rand, states []*fileState) []*pageFault {
	groups := make(map[string][]*pageFault)
	for _, s := range states {
		g := &faultMaker{history: h, state: s, rng: rng, seen: make(map[seenPage]bool)}
		g.lost()
		g.pairs()
		g.torn()
		g.others()
		for _, f := range g.made {
			key := f.kind + s.String()
			groups[key] = append(groups[key], f)
		}
	}
	type ranked struct {
		*pageFault
		rank int
		tie  uint64
	}
	var all []ranked
	for _, key := range sortedKeys(groups) {
		group := groups[key]
		rng.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
		for i, f := range group {
			all = append(all, ranked{f, i, rng.Uint64()})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.tie, b.tie))
	})
	faults := make([]*pageFault, len(all))
	for i, r := range all {
		faults[i] = r.pageFault
	}
	return faults
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// A faultMaker makes the faults of a state.
type faultMaker struct {
	*history
	state *fileState
	rng   *rand.Rand
	made  []*pageFault
	seen  map[seenPage]bool
	older []oldPage // what the pages held before each of the last commits
}

// An oldPage is what a page held before a commit.
type oldPage struct {
	id      uint64
	content []byte
	ago     int // commits; 0: the last one
}

// add adds a fault of one page, unless the page is like that, or there is the same one.
// The content is made again for each case: there are many.
func (g *faultMaker) add(kind, what string, id uint64, content func() []byte) {
	c := content()
	if id >= uint64(len(g.state.pages)) || sameBytes(g.state.page(id), c) {
		return
	}
	key := seenPage{id, maphash.Bytes(hashSeed, c)}
	if g.seen[key] {
		return
	}
	g.seen[key] = true
	g.made = append(g.made, &pageFault{g.state, kind, fmt.Sprintf("page %d: %s", id, what), []uint64{id}, func() [][]byte {
		return [][]byte{content()}
	}})
}

type seenPage struct{ id, hash uint64 }

var hashSeed = maphash.MakeSeed()

// as returns the content that is there already.
func as(content []byte) func() []byte { return func() []byte { return content } }

// lost puts back each page that the last commits wrote, and all but the metas.
func (g *faultMaker) lost() {
	var last, ten []oldPage
	at := g.state
	for ago := 0; ago < lastCommits && at != nil; ago++ {
		before := g.before(at)
		for _, id := range g.written(at) {
			old := oldPage{id, zeroPage, ago}
			if before != nil {
				old.content = before.page(id)
			}
			if id >= uint64(len(g.state.pages)) || sameBytes(old.content, g.state.page(id)) {
				continue
			}
			kind := lostPage
			if ago > 0 {
				kind = lostBefore
			} else {
				last = append(last, old)
			}
			ten = append(ten, old)
			g.add(kind, fmt.Sprintf("as before the commit %d ago", ago), id, as(old.content))
		}
		at = before
	}
	g.older = ten
	isMeta := func(o oldPage) bool { return o.id < 2 }
	g.several(lostAll, "the last commit", slices.DeleteFunc(slices.Clone(last), isMeta))
	for ago := 2; ago <= lastCommits; ago += 4 {
		g.several(lostAll, fmt.Sprintf("the last %d commits", ago), g.upTo(ago))
	}
}

// upTo returns what the pages held that the last commits wrote, before the first of
// these, without the metas.
func (g *faultMaker) upTo(commits int) (pages []oldPage) {
	first := make(map[uint64]oldPage)
	for _, o := range g.older {
		if o.ago < commits && o.id >= 2 {
			first[o.id] = o // the later ones in the list are older
		}
	}
	for _, o := range first {
		pages = append(pages, o)
	}
	slices.SortFunc(pages, func(a, b oldPage) int { return cmp.Compare(a.id, b.id) })
	return pages
}

// several adds a fault of several pages.
func (g *faultMaker) several(kind, what string, olds []oldPage) {
	if len(olds) < 2 {
		return
	}
	f := &pageFault{state: g.state, kind: kind}
	var contents [][]byte
	for _, o := range olds {
		f.pages = append(f.pages, o.id)
		contents = append(contents, o.content)
	}
	f.what = fmt.Sprintf("pages %v: %s", f.pages, what)
	f.content = func() [][]byte { return contents }
	g.made = append(g.made, f)
}

// pairs puts back two pages.
func (g *faultMaker) pairs() {
	for _, kind := range []string{lostPair, lostPairs} {
		var pairs [][]oldPage
		for i, a := range g.older {
			for _, b := range g.older[i+1:] {
				if a.id < 2 && b.id < 2 {
					continue // it is the store of some time ago, which nobody can tell from the same file then
				}
				if both := a.ago+b.ago == 0; a.id != b.id && both == (kind == lostPair) {
					pairs = append(pairs, []oldPage{a, b})
				}
			}
		}
		g.rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		for _, p := range pairs[:min(len(pairs), pairsOfState)] {
			g.several(kind, fmt.Sprintf("as before the commits %d and %d ago", p[0].ago, p[1].ago), p)
		}
	}
}

// torn leaves sectors of each page that the last commit wrote as they were.
func (g *faultMaker) torn() {
	for _, o := range g.older {
		if o.ago > 0 {
			break
		}
		is := g.state.page(o.id)
		mixed := func(what string, from, until int) {
			g.add(tornPage, what, o.id, func() []byte {
				p := bytes.Clone(is)
				copy(p[from:until], o.content[from:until])
				return p
			})
		}
		for at := 0; at < pageLen; at += sectorLen {
			mixed(fmt.Sprint("sector ", at/sectorLen, " lost"), at, at+sectorLen)
			mixed(fmt.Sprint("the first ", at/sectorLen, " sectors lost"), 0, at)
			mixed(fmt.Sprint("the sectors from ", at/sectorLen, " lost"), at, pageLen)
		}
	}
}

// others puts a page of each other kind in the place of every page.
func (g *faultMaker) others() {
	tree := treeOf(g.state)
	freelist := g.freelist(tree)
	var oldRoot []byte
	oldRoots := make(map[string][]byte)
	if before := g.before(g.state); before != nil {
		old := treeOf(before)
		oldRoot = before.page(old.root)
		for name, id := range old.roots {
			oldRoots[name] = before.page(id)
		}
	}
	nodes := tree.nodes
	if len(nodes) > manyNodes {
		nodes = slices.Clone(nodes)
		g.rng.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		nodes = nodes[:manyNodes]
	}
	for _, node := range nodes {
		with := func(what string, donor []byte) {
			if donor == nil {
				return
			}
			g.add(otherKind, what, node.id, as(donor))
			g.add(otherKindID, what, node.id, func() []byte { return withID(donor, node.id) })
		}
		with("its parent", node.parent)
		with("a freelist", freelist)
		with("another branch", g.pick(tree, func(n *treeNode) bool {
			return n.kind == isBranch && n.id != node.id && !sameBytes(n.page, node.parent)
		}))
		with("a leaf of another tree", g.pick(tree, func(n *treeNode) bool { return n.kind == isLeaf && n.tree != node.tree }))
		with("a leaf of the same tree", g.pick(tree, func(n *treeNode) bool { return n.kind == isLeaf && n.tree == node.tree && n.id != node.id }))
		with("the root", g.state.page(tree.root))
		with("the root of its tree", g.state.page(tree.roots[node.tree]))
		with("an old root", oldRoot)
		with("an old root of its tree", oldRoots[node.tree])
		g.add(otherKind, "zeros", node.id, as(zeroPage))
		another := tree.nodes[g.rng.IntN(len(tree.nodes))].id
		g.add(otherKind, "itself with another id", node.id, func() []byte { return withID(node.page, another) })
	}
}

func withID(page []byte, id uint64) []byte {
	page = bytes.Clone(page)
	native.PutUint64(page, id)
	return page
}

func (g *faultMaker) pick(tree *pageTree, of func(*treeNode) bool) []byte {
	var found []*treeNode
	for _, n := range tree.nodes {
		if of(n) {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[g.rng.IntN(len(found))].page
}

// freelist returns a freelist, if need be one of before.
func (g *faultMaker) freelist(tree *pageTree) []byte {
	if tree.freelist < uint64(len(g.state.pages)) {
		return g.state.page(tree.freelist)
	}
	for at := g.state.number; at >= 0; at-- {
		for _, p := range g.images[at].pages {
			if native.Uint16(p[8:]) == isFreelist && native.Uint16(p[10:]) > 0 {
				return p
			}
		}
	}
	return nil
}

const (
	isMeta     = 0x04
	isFreelist = 0x10
)

// A pageTree is what a sound file has in use.
type pageTree struct {
	nodes          []*treeNode
	root, freelist uint64
	roots          map[string]uint64 // of the buckets
}

// A treeNode is a page in use, or a further page of one that needs several (kind 0).
type treeNode struct {
	id     uint64
	page   []byte
	kind   uint16
	tree   string // the name of the bucket
	parent []byte
}

func treeOf(s *fileState) *pageTree {
	t := &pageTree{roots: make(map[string]uint64)}
	meta := s.page(newestMeta(s))[headerLen:]
	t.root, t.freelist = native.Uint64(meta[16:]), native.Uint64(meta[32:])
	for id := range uint64(2) {
		t.nodes = append(t.nodes, &treeNode{id: id, page: s.page(id), kind: isMeta, tree: "meta page"})
	}
	t.walk(s, t.root, "", nil)
	if t.freelist < uint64(len(s.pages)) {
		t.add(s, t.freelist, "freelist", s.page(newestMeta(s)))
	}
	return t
}

// newestMeta returns the page of the meta of the last transaction.
func newestMeta(s *fileState) uint64 {
	return (&fileImage{data: append(bytes.Clone(s.page(0)), s.page(1)...)}).newest()
}

// add takes in a page with those that belong to it, and returns all of it.
func (t *pageTree) add(s *fileState, id uint64, tree string, parent []byte) []byte {
	page := s.page(id)
	more := uint64(native.Uint32(page[12:]))
	whole := bytes.Clone(page)
	t.nodes = append(t.nodes, &treeNode{id, page, native.Uint16(page[8:]), tree, parent})
	for i := id + 1; i <= id+more; i++ {
		whole = append(whole, s.page(i)...)
		t.nodes = append(t.nodes, &treeNode{i, s.page(i), 0, tree, page})
	}
	return whole
}

func (t *pageTree) walk(s *fileState, id uint64, tree string, parent []byte) {
	page := t.add(s, id, tree, parent)
	for i := range int(native.Uint16(page[10:])) {
		if native.Uint16(page[8:]) == isBranch {
			t.walk(s, native.Uint64(element(page, i)[8:]), tree, s.page(id))
			continue
		}
		if native.Uint32(element(page, i))&1 == 0 {
			continue
		}
		name, value := leafValue(page, i)
		if root := native.Uint64(value); root != 0 {
			t.roots[string(name)] = root
			t.walk(s, root, string(name), s.page(id))
		} else {
			t.roots[string(name)] = id
		}
	}
}
