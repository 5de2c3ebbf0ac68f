package doorlog

import (
	"cmp"
	"slices"
	"sync"
)

// A changedKey is a key of a bucket that has been put or deleted.
type changedKey struct {
	bucket int
	key    string
}

// changedKeys collects the keys that committed transactions have put or deleted.
type changedKeys struct {
	mu   sync.Mutex
	keys map[changedKey]struct{}
}

func (c *changedKeys) add(keys map[changedKey]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[changedKey]struct{})
	}
	for k := range keys {
		c.keys[k] = struct{}{}
	}
}

// take returns the keys in order and forgets them.
func (c *changedKeys) take() []changedKey {
	c.mu.Lock()
	taken := c.keys
	c.keys = nil
	c.mu.Unlock()
	keys := make([]changedKey, 0, len(taken))
	for k := range taken {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b changedKey) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key))
	})
	return keys
}

func (c *changedKeys) putBack(keys []changedKey) {
	back := make(map[changedKey]struct{}, len(keys))
	for _, k := range keys {
		back[k] = struct{}{}
	}
	c.add(back)
}

func (c *changedKeys) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.keys)
}
