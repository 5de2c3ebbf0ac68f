package web

import "sync"

// textPool has buffers for texts that are sent at once: answers, and what a stream gets in one turn.
var textPool texts

// A texts is a pool of buffers. Large ones are not kept.
type texts struct{ pool sync.Pool }

func (p *texts) get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 2*turnBytes)
}

func (p *texts) put(b []byte) {
	if cap(b) <= 4*turnBytes {
		p.pool.Put(&b)
	}
}
