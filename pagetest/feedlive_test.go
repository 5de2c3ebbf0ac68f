package pagetest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/doorlog/doorlog"
)

// resize gives the window another size.
func (p *tab) resize(width, height int64) {
	p.t.Helper()
	p.must(emulation.SetDeviceMetricsOverride(width, height, 1, false))
}

// live waits until the page follows the changes.
func (p *tab) live() {
	p.t.Helper()
	p.waitFor(`.connection[data-state=live]`)
}

func card(e doorlog.Event) string { return fmt.Sprintf(`.card[data-id="%s"]`, e.ID) }

func TestANewEventShowsAtTheTop(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.live()
	e := h.write(doorlog.Event{Person: "bob", Camera: "front_door", FrameWidth: 640, FrameHeight: 360, Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9}}})
	p.waitCount(card(e), 1)
	p.waitText(".feed > [role=status]", "New: Bob at Front door")
	if n := p.count(".pill"); n != 0 {
		t.Errorf("%d pills while the list is at the top", n)
	}
}

func TestNewEventsWaitWhileOneHasScrolled(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "")
	p.waitFor(".card")
	p.live()
	p.eval(`scrollTo(0, 1500)`, nil)
	p.wait(`scrollY === 1500`)
	var top float64
	p.wait(`(() => { window.watched = [...document.querySelectorAll('.card')].find((e) => e.getBoundingClientRect().top > 100 && e.getBoundingClientRect().top < innerHeight); return watched; })()`)
	p.eval(`watched.getBoundingClientRect().top`, &top)
	var last doorlog.Event
	for range 3 {
		last = h.write(doorlog.Event{Camera: "garage"})
	}
	p.waitRole("button", "3 new")
	p.wait(fmt.Sprintf(`scrollY === 1500 && watched.getBoundingClientRect().top === %v`, top))
	if err := h.Store.DeleteEvent(context.Background(), last.ID); err != nil {
		t.Fatal(err)
	}
	p.waitRole("button", "2 new")
	p.tap("button", "2 new")
	p.waitGone(".pill")
	p.wait(`scrollY === 0`)
	p.waitText(".card .camera", "Garage")
	p.waitCount(card(last), 0)
}

func TestOnlyWhatMatchesTheFiltersIsNew(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?camera=garage&reviewed=false")
	p.waitFor(".card, .empty")
	p.live()
	other := h.write(doorlog.Event{Camera: "front_door"})
	garage := h.write(doorlog.Event{Camera: "garage"})
	p.waitCount(card(garage), 1)
	p.waitCount(card(other), 0)
	if err := h.Store.MarkReviewed(context.Background(), garage.ID); err != nil {
		t.Fatal(err)
	}
	p.waitGone(card(garage))
}

func TestTwoBrowsersSeeEachOther(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	e := h.newest(doorlog.Query{})
	one, two := h.open(t, desktop, ""), h.open(t, phone, "")
	for _, p := range []*tab{one, two} {
		p.waitCount(card(*e)+`[data-unseen=true]`, 1)
		p.live()
	}
	one.key("j")
	one.wait(`document.activeElement.matches('.card a')`)
	one.key("r")
	two.waitCount(card(*e)+`[data-unseen=false]`, 1)
	if err := h.Store.DeleteEvent(context.Background(), e.ID); err != nil {
		t.Fatal(err)
	}
	one.waitGone(card(*e))
	two.waitGone(card(*e))
}

func TestARestartedServerLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.allow(".*")
	p.waitFor(".card")
	p.live()
	before := h.write(doorlog.Event{Camera: "garage"})
	p.waitCount(card(before), 1)
	h.stop()
	p.waitText(".connection", "/Offline since/")
	p.waitText(".offline", "/may be out of date/")
	p.axe()
	during := h.write(doorlog.Event{Camera: "garage"})
	h.start()
	p.live()
	p.waitGone(".offline")
	p.waitCount(card(during), 1)
	p.waitCount(card(before), 1)
	after := h.write(doorlog.Event{Camera: "garage"})
	p.waitCount(card(after), 1)
	p.waitCount(card(during), 1)
}

// TestChangesThatAreKeptNoMoreAreReadAgain has more changes made than the store keeps while the page is away.
func TestChangesThatAreKeptNoMoreAreReadAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t, func(o *homeOptions) { o.store.KeepChanges = 1 })
	p := h.open(t, desktop, "")
	p.allow(".*")
	p.waitFor(".card")
	p.live()
	gone := h.newest(doorlog.Query{})
	p.waitCount(card(*gone), 1)
	h.stop()
	p.waitText(".connection", "/Offline since/")
	if err := h.Store.DeleteEvent(context.Background(), gone.ID); err != nil {
		t.Fatal(err)
	}
	writeMany(t, h, 2000)
	last := h.write(doorlog.Event{Camera: "garage"})
	h.start()
	p.live()
	p.waitCount(card(last), 1)
	p.waitGone(card(*gone))
	after := h.write(doorlog.Event{Camera: "garage"})
	p.waitCount(card(after), 1)
}

// A wire passes bytes on to a server, until it is cut: then they go nowhere, and nobody is told.
type wire struct {
	net.Listener
	mu  sync.Mutex
	cut chan struct{}
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, cut: make(chan struct{})}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			go w.pass(out, in)
			go w.pass(in, out)
		}
	}()
	return w
}

func (w *wire) now() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = make(chan struct{})
}

func (w *wire) pass(to io.WriteCloser, from io.ReadCloser) {
	defer func() { _, _ = to.Close(), from.Close() }()
	cut := w.now()
	some := make([]byte, 32<<10)
	for {
		n, err := from.Read(some)
		select {
		case <-cut:
			continueSilently(from)
			return
		default:
		}
		if err != nil {
			return
		}
		if _, err := to.Write(some[:n]); err != nil {
			return
		}
	}
}

// continueSilently reads until the other side has had enough.
func continueSilently(from io.Reader) { _, _ = io.Copy(io.Discard, from) }

func TestANetworkThatDiesSilentlyIsSaid(t *testing.T) {
	t.Parallel()
	if !*long {
		t.Skip("takes a dozen seconds: -args -long")
	}
	h := newHome(t)
	w := newWire(t, h.URL[len("http://"):len(h.URL)-1])
	h.URL = "http://" + w.Addr().String() + "/"
	p := h.open(t, desktop, "")
	p.allow(".*")
	p.waitFor(".card")
	p.live()
	began := time.Now()
	close(w.now())
	p.waitText(".connection", "/Offline since/")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	during := h.write(doorlog.Event{Camera: "garage"})
	w.mend()
	p.live()
	p.waitCount(card(during), 1)
}

func TestAHiddenPageCountsInItsTitle(t *testing.T) {
	t.Parallel()
	if !*long {
		t.Skip("a hidden page asks each ten seconds: -args -long")
	}
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.live()
	see := func(hidden bool) {
		p.eval(fmt.Sprintf(`(() => {
			Object.defineProperty(document, 'hidden', { configurable: true, value: %v });
			document.dispatchEvent(new Event('visibilitychange'));
		})()`, hidden), nil)
	}
	see(true)
	e := h.write(doorlog.Event{Camera: "garage"})
	h.write(doorlog.Event{Camera: "garage"})
	p.wait(`document.title === '(2) Events · doorlog'`)
	p.waitCount(card(e), 1)
	see(false)
	p.wait(`document.title === 'Events · doorlog'`)
	p.live()
	e = h.write(doorlog.Event{Camera: "garage"})
	p.waitCount(card(e), 1)
}

func TestServerSentEventsAreReadInAnyPieces(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	const text = `: comment\r\n\r\nid: 1\r\nevent: created\r\ndata: {"a":\r\ndata: 1}\r\n\r\n` + `id: 2\nevent: at\ndata\n\n:\n\n` + `data:  two spaces\rid: 3\r\r` + `data: cut off`
	source, err := os.ReadFile("../web/page/app/sse.js")
	if err != nil {
		t.Fatal(err)
	}
	var wrong []string
	p.eval(`(() => {
		`+strings.ReplaceAll(string(source), "export ", "")+`
		const text = '`+text+`';
		const want = JSON.stringify([
			{ event: 'created', id: '1', data: '{"a":\n1}' }, { event: 'at', id: '2', data: '' }, { event: 'message', id: '3', data: ' two spaces' },
		]);
		const wrong = [];
		for (let size = 1; size <= text.length; size++) {
			const got = [];
			const read = messages((m) => got.push(m));
			for (let i = 0; i < text.length; i += size) read(text.slice(i, i + size));
			if (JSON.stringify(got) !== want) wrong.push(size + ': ' + JSON.stringify(got));
		}
		return wrong;
	})()`, &wrong)
	for _, problem := range wrong {
		t.Errorf("in pieces of %s", problem)
	}
}

// TestWhatWaitedStaysInOrder has an event come near the top, while others wait.
func TestWhatWaitedStaysInOrder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.live()
	p.eval(`scrollTo(0, 600)`, nil)
	p.wait(`scrollY === 600`)
	first := h.write(doorlog.Event{Camera: "garage"})
	p.waitRole("button", "1 new")
	p.eval(`scrollTo(0, 30)`, nil)
	p.wait(`scrollY === 30`)
	second := h.write(doorlog.Event{Camera: "garage"})
	p.waitRole("button", "2 new")
	p.eval(`scrollTo(0, 0)`, nil)
	p.waitGone(".pill")
	p.wait(fmt.Sprintf(`[...document.querySelectorAll('.card')].slice(0, 2).map((e) => e.dataset.id).join() === '%s,%s'`, second.ID, first.ID))
}

func TestTheFeedHasNewNamesOfPeopleAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?person=alice")
	p.waitText(".card .name", "Alice")
	p.live()
	if _, err := h.Store.PutPerson(context.Background(), doorlog.PersonInput{Name: "alice", DisplayName: "Aunt Alice"}); err != nil {
		t.Fatal(err)
	}
	p.waitText(".card .name", "Aunt Alice")
	p.waitText(".chosen .on", "Aunt Alice")
}

// TestWhatComesBehindADialogIsInTheFeedWhenItCloses has an event come while another is open.
func TestWhatComesBehindADialogIsInTheFeedWhenItCloses(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.live()
	p.eval(`document.querySelector('.card a').click()`, nil)
	p.waitFor("dialog.detail")
	last := h.write(doorlog.Event{Camera: "garage"})
	p.waitText(".pill", "1 new")
	p.key("Escape")
	p.waitGone("dialog.detail")
	p.waitCount(card(last), 1)
	p.waitGone(".pill")
}

// TestPicturesThatCouldNotBeHadAreThereWhenTheServerIs has pictures asked for while the server is away.
func TestPicturesThatCouldNotBeHadAreThereWhenTheServerIs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?has_thumbnail=true")
	p.waitFor(`.card .picture[data-state="ready"]`)
	p.live()
	p.allow("net::ERR_.*")
	h.stop()
	p.waitFor(`.connection[data-state="offline"]`)
	p.eval(`document.querySelectorAll('.card img').forEach((img) => { img.src += '?'; })`, nil)
	p.waitFor(".card .none")
	h.start()
	p.live()
	p.waitGone(".card .none")
}
