package web

import (
	"net/netip"
	"sync"
	"time"
)

// How many tokens that are not valid are answered with 401; more get 429. Nobody guesses a token of
// 256 bits. The limits keep the log and the processor free of those who try. A token that is
// valid is let in all the same: whoever shares an address with such a one is not locked out.
const (
	failuresOfOne = 10              // at once, of one address
	failureAgain  = 6 * time.Second // after which one more is allowed
	failuresOfAll = 200             // at once, of all addresses
	allAgain      = 300 * time.Millisecond
	maxSenders    = 4096 // how many addresses are remembered
)

// failures counts tokens that were not valid, by address. Each address has a bucket that fills up
// with time.
type failures struct {
	mu  sync.Mutex
	of  map[netip.Prefix]bucket
	all bucket
}

// A bucket says when it will have been empty for so long that it is full again.
type bucket struct{ full time.Time }

// take takes one from a bucket of size so many, which fills up by one each time that every has
// passed. It returns how long to wait if there is none left.
func (b *bucket) take(now time.Time, size int, every time.Duration) (wait time.Duration) {
	full := b.full
	if full.Before(now) {
		full = now
	}
	full = full.Add(every)
	if wait = full.Sub(now) - time.Duration(size)*every; wait > 0 {
		return wait
	}
	b.full = full
	return 0
}

// add counts a failure of the address of a peer. If it is one too many, it returns how long to wait.
func (f *failures) add(remote string) (wait time.Duration) {
	from := senderPrefix(remote)
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	b := f.of[from]
	if wait = b.take(now, failuresOfOne, failureAgain); wait > 0 {
		return wait
	}
	if wait = f.all.take(now, failuresOfAll, allAgain); wait > 0 {
		return wait
	}
	if f.of == nil {
		f.of = make(map[netip.Prefix]bucket)
	}
	f.of[from] = b
	if len(f.of) > maxSenders {
		f.forget(now)
	}
	return 0
}

// forget drops the addresses whose buckets are full again, or else any: the limit of all holds still.
func (f *failures) forget(now time.Time) {
	for from, b := range f.of {
		if !b.full.After(now) {
			delete(f.of, from)
		}
	}
	for from := range f.of {
		if len(f.of) <= maxSenders {
			return
		}
		delete(f.of, from)
	}
}

// senderPrefix returns the address of a peer. All IPv6 addresses of one network (/64) are one: whoever has
// one of them has all. Peers without an address, those of Unix sockets, are one, too.
func senderPrefix(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := at.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
