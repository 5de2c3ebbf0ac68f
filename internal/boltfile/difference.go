package boltfile

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/doorlog/doorlog/internal/fault"
)

// A treeDifference compares two states of the file. It finds the pages that only one of
// them uses.
type treeDifference struct {
	t     *Table
	view  *View
	roots [][2]uint64 // of each bucket, before and after; 0 if it is inline or unchanged
}

// tree compares two states of a tree. All leaves of a tree have the same depth, so it
// compares the trees level by level, counted from the leaves. It stops where the pages are
// the same.
func (d *treeDifference) tree(before, after uint64, bucket int, ofBuckets bool) error {
	if before == after {
		return nil
	}
	olds, wasHigh, err := d.root(before)
	if err != nil {
		return err
	}
	news, isHigh, err := d.root(after)
	if err != nil {
		return err
	}
	for high := max(wasHigh, isHigh); high > 0; high-- {
		gone, come := olds, news
		switch {
		case wasHigh < high:
			gone = nil
		case isHigh < high:
			come = nil
		default:
			gone, come = difference(olds, news)
		}
		for _, id := range gone {
			if err := d.drop(id, bucket); err != nil {
				return err
			}
		}
		for _, id := range come {
			if err := d.add(id, bucket); err != nil {
				return err
			}
		}
		if high == 1 && ofBuckets {
			if err := d.buckets(gone, 0); err != nil {
				return err
			}
			if err := d.buckets(come, 1); err != nil {
				return err
			}
		}
		if high > 1 && wasHigh >= high {
			if olds, err = d.below(gone); err != nil {
				return err
			}
		}
		if high > 1 && isHigh >= high {
			if news, err = d.below(come); err != nil {
				return err
			}
		}
	}
	return nil
}

// difference returns the elements of a that are not in b, and those of b that are not in a.
func difference(a, b []uint64) (onlyA, onlyB []uint64) {
	if len(a) == 1 && len(b) == 1 {
		if a[0] == b[0] {
			return nil, nil
		}
		return a, b
	}
	both := make(map[uint64]bool, len(b))
	for _, id := range b {
		both[id] = false
	}
	for _, id := range a {
		if _, there := both[id]; there {
			both[id] = true
		} else {
			onlyA = append(onlyA, id)
		}
	}
	return onlyA, slices.DeleteFunc(b, func(id uint64) bool { return both[id] })
}

// root returns the level of a tree that has only its root, and the height of the tree.
func (d *treeDifference) root(id uint64) (level []uint64, high int, err error) {
	if id == 0 {
		return nil, 0, nil
	}
	level = []uint64{id}
	for high = 1; high < maxLevels; high++ {
		p, err := d.page(id)
		if err != nil || p.Flags == LeafFlag {
			return level, high, err
		}
		e, err := p.Element(0)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, err)
		}
		id = e.child
	}
	return nil, 0, fmt.Errorf("%w: page %d is %d levels deep", fault.ErrCorrupt, id, high)
}

func (d *treeDifference) page(id uint64) (Page, error) {
	size := uint64(d.view.size)
	if id < FirstPage || id >= uint64(len(d.view.data))/size {
		return Page{}, fmt.Errorf("%w: page %d: there is no such page", fault.ErrCorrupt, id)
	}
	data := d.view.data[id*size:]
	own, p := ParsePage(data)
	more := OverflowOf(data)
	if own != id || p.Flags != LeafFlag && p.Flags != BranchFlag && p.Flags != FreelistFlag || (more+1)*size > uint64(len(data)) {
		return Page{}, fmt.Errorf("%w: page %d: id %d, flags %#x, overflow %d", fault.ErrCorrupt, id, own, p.Flags, more)
	}
	p.Data = data[:(more+1)*size]
	return p, nil
}

// below returns the child pages of branches.
func (d *treeDifference) below(ids []uint64) (level []uint64, err error) {
	for _, id := range ids {
		p, err := d.page(id)
		if err != nil {
			return nil, err
		}
		if p.Flags != BranchFlag {
			return nil, fmt.Errorf("%w: page %d: flags %#x where a branch should be", fault.ErrCorrupt, id, p.Flags)
		}
		for i := range p.Count {
			e, err := p.Element(i)
			if err != nil {
				return nil, fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, err)
			}
			level = append(level, e.child)
		}
	}
	return level, nil
}

// buckets reads the roots of the buckets from leaves of the tree of buckets.
func (d *treeDifference) buckets(leaves []uint64, which int) error {
	for _, id := range leaves {
		p, err := d.page(id)
		if err != nil {
			return err
		}
		for i := range p.Count {
			e, err := p.Element(i)
			if err != nil {
				return fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, err)
			}
			number := slices.IndexFunc(d.t.names, func(name []byte) bool { return bytes.Equal(name, e.Key) })
			if number < 0 || !e.Bucket {
				return fmt.Errorf("%w: a bucket %q", fault.ErrCorrupt, Shortened(e.Key))
			}
			if d.roots[number][which], _, err = ParseBucket(e.Value); err != nil {
				return fmt.Errorf("%w: bucket %q: %w", fault.ErrCorrupt, e.Key, err)
			}
		}
	}
	return nil
}

// drop notes that a page is no longer in use. The next transaction may overwrite it, so if
// it has not been compared with its sum yet, drop does that now.
func (d *treeDifference) drop(id uint64, bucket int) error {
	if d.t.unseen(id) {
		if err := d.t.compare(d.view, id); err != nil {
			return err
		}
	}
	return d.each(id, func(id uint64, _ []byte) error {
		if !d.t.inUse.Has(id) {
			return fmt.Errorf("%w: page %d was freed twice", fault.ErrCorrupt, id)
		}
		d.t.inUse.clear(id)
		d.t.used--
		d.t.sizes[bucket]--
		return nil
	})
}

// add notes that a page has been written and is in use.
func (d *treeDifference) add(id uint64, bucket int) error {
	return d.each(id, func(id uint64, data []byte) error {
		d.t.grow(id)
		if !d.t.inUse.set(id) {
			return fmt.Errorf("%w: page %d is in use twice", fault.ErrCorrupt, id)
		}
		d.t.sums[id] = PageSum(data)
		d.t.used++
		d.t.sizes[bucket]++
		return nil
	})
}

// each calls fn with a page and with each page of its overflow.
func (d *treeDifference) each(id uint64, fn func(id uint64, data []byte) error) error {
	p, err := d.page(id)
	if err != nil {
		return err
	}
	for i := 0; i < len(p.Data) && err == nil; i += d.view.size {
		err = fn(id+uint64(i/d.view.size), p.Data[i:i+d.view.size])
	}
	return err
}
