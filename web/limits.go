package web

import "time"

// limits are how long a client may take, and how many there may be.
type limits struct {
	header      time.Duration // until the whole header of a request is there
	idle        time.Duration // between two requests of a connection
	body        time.Duration // for each read of a body, and in all on top of what slowest gives
	slowest     int64         // bytes a second of a body, on average
	line        time.Duration // for each read of JSON lines, which come as things happen
	write       time.Duration // for each writeChunk of an answer
	cut         time.Duration // for handlers to end when their connections have been cut
	connections int           // over sockets, and over the network, each
}

// defaultLimits are those of [Serve]. design/server.md has the reasons.
func defaultLimits() limits {
	return limits{
		header:      10 * time.Second,
		idle:        2 * time.Minute,
		body:        20 * time.Second,
		slowest:     1 << 10,
		line:        5 * time.Minute,
		write:       30 * time.Second,
		cut:         5 * time.Second,
		connections: maxConnections(),
	}
}

// Limits of size.
const (
	headerBytes = 64 << 10
	tinyBytes   = 4 << 10  // of a tinyBody
	smallBytes  = 1 << 20  // of a smallBody
	largeBytes  = 64 << 20 // of a largeBody, unless Options.MaxBody says otherwise
	freeBytes   = 64 << 10 // of each body, which do not count for bodiesAtOnce
	writeChunk  = 64 << 10 // of an answer, for limits.write
)

// All bodies that are in memory have at most so many times Options.MaxBody. What is beyond may come again after
// bodyRetry.
const (
	bodiesAtOnce = 4
	bodyRetry    = 2 * time.Second
)

// maxConnections is how many connections a server has at once, over sockets and over the network each. Of the
// files that the process may have open, a part stays for the store and everything else.
func maxConnections() int {
	const most = 16_384
	return max(64, min(most, openFileLimit()*5/8))
}
