package web_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A crowd is many streams to one server, which count the changes that they get.
type crowd struct {
	conns []net.Conn
	got   atomic.Int64
	done  sync.WaitGroup
}

func (p *feedProcess) crowd(t testing.TB, n int) *crowd {
	t.Helper()
	c := new(crowd)
	for range n {
		conn, err := net.Dial("unix", p.socket)
		if err != nil {
			t.Fatal(err)
		}
		c.conns = append(c.conns, conn)
		fmt.Fprint(conn, "GET /v1/changes?after=now HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
		begun := make([]byte, 0, 1024)
		for !bytes.Contains(begun, []byte("event: at")) {
			n, err := conn.Read(begun[len(begun):cap(begun)])
			if begun = begun[:len(begun)+n]; err != nil {
				t.Fatalf("%v: %s", err, begun)
			}
		}
	}
	for _, conn := range c.conns {
		c.done.Go(func() {
			buf := make([]byte, 4096)
			rest := 0 // how much of the mark was at the end
			for {
				n, err := conn.Read(buf[rest:])
				if err != nil {
					return
				}
				part := buf[:rest+n]
				c.got.Add(int64(bytes.Count(part, feedMark)))
				rest = copy(buf, part[max(0, len(part)-len(feedMark)+1):])
			}
		})
	}
	return c
}

var feedMark = []byte("\nevent: created\n")

func (c *crowd) leave() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.done.Wait()
}

// await waits until all have got so many changes.
func (c *crowd) await(t testing.TB, each int) time.Duration {
	t.Helper()
	began := time.Now()
	for want := int64(each) * int64(len(c.conns)); c.got.Load() < want; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("after a minute there are %d changes of %d", c.got.Load(), want)
		}
	}
	return time.Since(began)
}

// Thousands of streams cost little memory, and a lone write takes no longer.
func TestThousandsOfStreamsCostLittle(t *testing.T) {
	if !*long {
		t.Skip("SKIP: it takes a minute, and is run with -args -long")
	}
	const streams, rounds, each = 5000, 12, 40
	with, without := startFeedProcess(t), startFeedProcess(t)
	with.write(t, 300)
	without.write(t, 300)
	empty := with.memory(t)
	c := with.crowd(t, streams)
	idle := with.memory(t)
	var ratios []float64
	var all, plain []time.Duration
	var most int
	for round := range rounds {
		a := without.write(t, each)
		b := with.write(t, each)
		most = max(most, with.memory(t))
		spread := c.await(t, (round+1)*each)
		all, plain = append(all, b...), append(plain, a...)
		ratios = append(ratios, float64(median(b))/float64(median(a)))
		t.Logf("median without %v, with %v; all have them %v later", median(a), median(b), spread)
	}
	slices.Sort(ratios)
	t.Logf("memory: empty %d MiB, %d idle streams %d MiB, at most %d MiB", empty>>20, streams, idle>>20, most>>20)
	t.Logf("a lone write: median without streams %v, with %v; ratio of the medians of a round: %.3f (%.3f to %.3f); p90 %v, %v",
		median(plain), median(all), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], percentile(plain, 90), percentile(all, 90))
	c.leave()
	if most > 150<<20 {
		t.Errorf("%d streams take %d MiB", streams, most>>20)
	}
}

func median(d []time.Duration) time.Duration { return percentile(d, 50) }

func percentile(d []time.Duration, p int) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)*p/100]
}
