package doorlog

import (
	"encoding/binary"
	"fmt"

	"github.com/doorlog/doorlog/internal/fsx"
)

// boundFree finds the last event that goes because the disk of the thumbnails has too
// little free space. It counts only files that exist and whose removal frees their
// blocks. If all thumbnails that may go are not enough, something else fills the disk,
// and nothing goes.
func (p *pruning) boundFree() error {
	keep := p.policy.KeepFree
	if keep == (FreeSpace{}) {
		return nil
	}
	free, total, err := p.disk()
	if err != nil {
		return err
	}
	missing := keep.of(total) - free
	if missing <= 0 {
		return nil
	}
	p.freeBefore = free
	before, err := p.lastInVain()
	if err != nil {
		return err
	}
	if before.removed > 0 && free < before.wanted() {
		p.holdBack("keep free: the last prune removed %d bytes of thumbnails for this, but then the disk had only %d bytes free: "+
			"it keeps what is removed, perhaps for a snapshot. Nothing more goes for this reason until %d bytes are free",
			before.removed, before.free, before.wanted())
		return nil
	}
	if p.s.thumbs.holds() {
		p.holdBack("keep free: a backup is under way, and keeps the thumbnails that are removed until it ends")
		return nil
	}
	freed, err := p.freedByOthers()
	if err != nil || freed >= missing {
		return err
	}
	others := p.verdict // a copy: lastByFree is not set in it yet
	size := func(r *record) (int64, error) {
		if others.thumbnail(&r.Event) != stays {
			return 0, nil
		}
		return p.freedBytes(r)
	}
	var last turn
	err = p.inTurn(others, size, func(t turn, _, file int64) (more bool) {
		last = t
		freed += file
		return freed < missing
	})
	if err != nil {
		return err
	}
	if freed < missing {
		p.holdBack("keep free: %d bytes of the disk are free and %d should be, but all thumbnails that may go take only %d: "+
			"something else fills the disk, and nothing goes for this reason", free, free+missing, freed)
		return nil
	}
	p.lastByFree = last
	return nil
}

// disk returns the free and the total bytes of the disk of the thumbnails.
func (p *pruning) disk() (free, total int64, err error) {
	if free, total, err = p.s.opt.disk(p.s.thumbs.at); err != nil {
		return 0, 0, fmt.Errorf("free space of the disk of %s: %w", p.s.opt.ThumbnailDir, err)
	}
	return free, total, nil
}

func (p *pruning) lastInVain() (v vain, err error) {
	sn, err := p.s.look(p.ctx)
	if err != nil {
		return v, err
	}
	defer sn.close()
	err = sn.read(func(in guarded) error {
		rec := in.Get(metaNumber, metaVain)
		if rec != nil {
			v, err = decodeVain(rec)
		}
		return err
	})
	return v, err
}

// noteVain measures whether the removal of files for KeepFree has freed space on the
// disk, and stores it in meta if it was in vain.
func (p *pruning) noteVain() error {
	if p.dry || p.lastByFree == (turn{}) {
		return nil
	}
	fsx.SyncDisk(p.s.thumbs.at) // some file systems free the blocks only then
	free, _, err := p.disk()
	if err != nil {
		return err
	}
	now := vain{p.account().ThumbnailBytes, free}
	if free-p.freeBefore >= now.removed/vainShare {
		now = vain{}
	}
	before, err := p.lastInVain()
	if err != nil || now == before {
		return err
	}
	return p.s.commits.makeRoom(p.ctx, func(w *writeTx) error {
		w.changes++
		if now.removed == 0 {
			return w.tx.Delete(metaNumber, metaVain)
		}
		return w.tx.Put(metaNumber, metaVain, stateRecord.encode(metaVain, func(e *encoder) {
			b := binary.BigEndian.AppendUint64(nil, uint64(now.removed))
			e.buf.Write(binary.BigEndian.AppendUint64(b, uint64(now.free)))
		}))
	})
}

// freedByOthers returns how many bytes come free on the disk for other reasons than
// KeepFree.
func (p *pruning) freedByOthers() (freed int64, err error) {
	err = p.walk(p.youngest(), func(r *record, _ int64) (bool, error) {
		if p.thumbnail(&r.Event) == stays {
			return true, nil
		}
		file, err := p.freedBytes(r)
		freed += file
		return true, err
	}, nil)
	return freed, err
}

// freedBytes returns how many bytes the disk gets back when the file of an event is
// removed. A file that several events name counts only for the newest of them, and not
// at all if one of them is pinned.
func (p *pruning) freedBytes(r *record) (bytes int64, err error) {
	if r.ThumbnailPath == "" {
		return 0, nil
	}
	if r.ThumbnailPath != thumbnailPath(r.ID) {
		counts, err := p.isNewestOf(r, func(other *Event) bool { return !other.Pinned })
		if err != nil || !counts {
			return 0, err
		}
	}
	return p.s.thumbs.gives(r.ThumbnailPath), nil
}
