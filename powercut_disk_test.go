//go:build linux

package doorlog_test

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A disk is the model of one on which a power cut can come at any time. It is as
// unkind as POSIX allows:
//
//	            write, ftruncate, fallocate, link, rename, unlink, mkdir
//	process ──────────────────────────────────────────────────▶ pending changes
//	                                                                 │
//	             fsync, fdatasync of that file or that folder        │ each may reach the disk by itself,
//	             takes what was pending of it when it began          │ in any order, in part, or never
//	                                                                 ▼
//	                                                            what is kept
//
// A change is one page of a file, the length of a file, or one name in a folder
// (a rename is two). A page can be torn at each 512 bytes. The name of a file can
// last while its content does not.
//
// A sync that fails does what it does on Linux: the pages that were pending are
// taken for clean. They are stuck: no later sync has to do with them, and they
// may or may not be on the disk, until the page is written again and synced.
// Lengths and names stay pending. What a process has not synced outlives the
// process: only the power cut takes it away.
type disk struct {
	path    string // of the folder that is modelled
	root    *node
	kept    map[*node]content
	pending []*change
	files   map[string]*openFile // by the number that the process has for it
	said    *promises
	moments []*moment
	since   int // the line of the trace before which no moments are kept
}

// A node is a file or a folder.
type node struct {
	folder bool
	names  map[string]*node // what the process sees in a folder
}

// content is what is kept of a file or a folder. It is never changed, but replaced.
type content struct {
	size  int64
	pages []*page // nil: zeros
	names map[string]*node
}

// A page is never changed.
type page struct {
	data []byte
	sum  uint64
}

const diskPage, sector = 4096, 512

var (
	pageSeed = maphash.MakeSeed()
	zeros    = make([]byte, diskPage)
)

func newPage(data []byte) *page { return &page{data, maphash.Bytes(pageSeed, data)} }

// A change is pending.
type change struct {
	of    *node
	made  int // the line of the trace with which it was made
	stuck bool
	kind  changeKind

	offset int64 // of the data in the file, or the new size
	data   []byte
	whole  *page // if data is all of a page

	name string
	to   *node // nil: the name goes
}

type changeKind int

const (
	changePage changeKind = iota
	changeSize
	changeGrowth // a length, unless the file is longer
	changeName
)

func (c *change) page() int64 { return c.offset / diskPage }

// A fate is what a power cut made of a change.
type fate struct {
	sectors uint8 // which of the page's sectors were written; of another change: not 0
	length  bool  // the file has become as long as with it, but the data is not there
	cut     uint8 // if not 0: only so many times 16 bytes of the first sector were written
}

var (
	kept    = fate{sectors: 0xff}
	dropped = fate{}
)

// with returns the content after a change.
func (k content) with(c *change, f fate) content {
	switch {
	case f == dropped:
		return k
	case c.kind == changeName:
		k.names = maps.Clone(k.names)
		if c.to == nil {
			delete(k.names, c.name)
		} else {
			k.names[c.name] = c.to
		}
		return k
	case c.kind == changeSize:
		return k.resized(c.offset)
	case c.kind == changeGrowth:
		return k.resized(max(k.size, c.offset))
	}
	k = k.resized(max(k.size, c.offset+int64(len(c.data))))
	if f.length {
		return k
	}
	old := zeros
	if p := k.pages[c.page()]; p != nil {
		old = p.data
	}
	k.pages[c.page()] = c.over(old, f)
	return k
}

// over returns a page after a change of it.
func (c *change) over(old []byte, f fate) *page {
	if f == kept && c.whole != nil {
		return c.whole
	}
	data := bytes.Clone(old)
	at := int(c.offset % diskPage)
	if f.cut > 0 {
		copy(data[at:], c.data[:min(16*int(f.cut), len(c.data))])
		return newPage(data)
	}
	for i, b := range c.data {
		if f.sectors>>((at+i)/sector)&1 == 1 {
			data[at+i] = b
		}
	}
	return newPage(data)
}

// resized returns the content with pages of its own, to be written over.
func (k content) resized(size int64) content {
	pages := make([]*page, (size+diskPage-1)/diskPage)
	copy(pages, k.pages)
	if last := size % diskPage; size < k.size && last > 0 && pages[len(pages)-1] != nil {
		data := bytes.Clone(pages[len(pages)-1].data)
		clear(data[last:])
		pages[len(pages)-1] = newPage(data)
	}
	return content{size: size, pages: pages}
}

// newDisk returns the model of a folder that is there, empty, and durable.
func newDisk(path string, s *script) *disk {
	d := &disk{path: path, kept: make(map[*node]content), said: newPromises(s)}
	d.root = d.newNode(true)
	return d
}

func (d *disk) newNode(folder bool) *node {
	n := &node{folder: folder}
	k := content{}
	if folder {
		n.names, k.names = make(map[string]*node), make(map[string]*node)
	}
	d.kept[n] = k
	return n
}

// write makes pending changes of data, one a page.
func (d *disk) write(n *node, at int64, data []byte, line int) {
	for len(data) > 0 {
		here := min(int64(len(data)), diskPage-at%diskPage)
		c := &change{of: n, made: line, kind: changePage, offset: at, data: data[:here]}
		if here == diskPage {
			c.whole = newPage(c.data)
		}
		d.pending = append(d.pending, c)
		at, data = at+here, data[here:]
	}
}

func (d *disk) resize(n *node, size int64, line int) {
	d.pending = append(d.pending, &change{of: n, made: line, kind: changeSize, offset: size})
}

// grow is fallocate: the blocks that the file gets are zeros.
func (d *disk) grow(n *node, size int64, line int) {
	d.pending = append(d.pending, &change{of: n, made: line, kind: changeGrowth, offset: size})
}

func (d *disk) setName(folder *node, name string, to *node, line int) {
	if to == nil {
		delete(folder.names, name)
	} else {
		folder.names[name] = to
	}
	d.pending = append(d.pending, &change{of: folder, made: line, kind: changeName, name: name, to: to})
}

// sync makes durable what of a node was pending at a line of the trace.
func (d *disk) sync(n *node, line int) {
	synced := func(c *change) bool { return c.of == n && !c.stuck && c.made < line }
	var still []*change
	for i, c := range d.pending {
		// The cache has a page that is stuck as it was written, so whoever writes
		// any of it again, and syncs that, has all of it written. Or cuts it off.
		freed := c.of == n && c.stuck && slices.ContainsFunc(d.pending[i+1:], func(later *change) bool {
			again := later.kind == changePage && later.page() == c.page() || later.kind == changeSize && later.offset <= c.offset
			return again && synced(later)
		})
		if synced(c) || freed {
			d.kept[n] = d.kept[n].with(c, kept)
		} else {
			still = append(still, c)
		}
	}
	d.pending = still
}

// failSync is a sync that fails.
func (d *disk) failSync(n *node, line int) {
	for _, c := range d.pending {
		if c.of == n && c.made < line && c.kind == changePage {
			c.stuck = true
		}
	}
}

// A moment is one at which a power cut may come.
type moment struct {
	before  string // the call before which it is
	line    int    // of the trace
	root    *node
	kept    map[*node]content
	pending []*change
	said    *promises
}

func (d *disk) moment(before string, line int) *moment {
	return &moment{before, line, d.root, maps.Clone(d.kept), slices.Clone(d.pending), d.said.clone()}
}

// A diskImage is what is on the disk after a power cut.
type diskImage struct {
	folders []string
	files   map[string]content
	sum     uint64 // of all that is in it
}

// image returns what is left if each pending change has a fate.
func (m *moment) image(fates []fate) *diskImage {
	left := maps.Clone(m.kept)
	for i, c := range m.pending {
		left[c.of] = left[c.of].with(c, fates[i])
	}
	img := &diskImage{files: make(map[string]content)}
	var hash maphash.Hash
	hash.SetSeed(pageSeed)
	img.add(&hash, left, m.root, "")
	img.sum = hash.Sum64()
	return img
}

func (img *diskImage) add(hash *maphash.Hash, left map[*node]content, n *node, path string) {
	k := left[n]
	fmt.Fprintln(hash, path, n.folder, k.size)
	if !n.folder {
		img.files[path] = k
		for i, p := range k.pages {
			if p != nil {
				maphash.WriteComparable(hash, i)
				maphash.WriteComparable(hash, p.sum)
			}
		}
		return
	}
	if path != "" {
		img.folders = append(img.folders, path)
	}
	for _, name := range slices.Sorted(maps.Keys(k.names)) {
		img.add(hash, left, k.names[name], filepath.Join(path, name))
	}
}

// put makes an image real in a folder that is empty or not there.
func (img *diskImage) put(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, folder := range img.folders {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			return err
		}
	}
	for name, k := range img.files {
		if err := k.put(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (k content) put(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for i, p := range k.pages {
		if p != nil && err == nil {
			_, err = f.WriteAt(p.data, int64(i)*diskPage)
		}
	}
	if err == nil {
		err = f.Truncate(k.size)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// compare holds an image against a real folder.
func (img *diskImage) compare(dir string) error {
	seen := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		seen++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		k, ok := img.files[name]
		if !ok || k.size != int64(len(data)) {
			return fmt.Errorf("%s has %d bytes; in the model it is there: %v, with %d", name, len(data), ok, k.size)
		}
		for i, p := range k.pages {
			want := zeros
			if p != nil {
				want = p.data
			}
			if at := i * diskPage; !bytes.Equal(data[at:min(at+diskPage, len(data))], want[:min(diskPage, len(data)-at)]) {
				return fmt.Errorf("page %d of %s is not as in the model", i, name)
			}
		}
		return nil
	})
	if err == nil && seen != len(img.files) {
		err = fmt.Errorf("%s has %d files, the model %d", dir, seen, len(img.files))
	}
	return err
}
