// Package pagetest looks at the page in a real browser: headless Chromium, as Debian packages it, driven over
// its DevTools protocol.
package pagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A Browser is one Chromium. Its tabs are separate contexts: they share no cookies and no storage.
type Browser struct {
	ctx    context.Context //nolint:containedctx // chromedp keeps the browser in it
	cancel context.CancelFunc
}

// ErrNoBrowser says that there is no Chromium on this machine.
var ErrNoBrowser = errors.New("there is no chromium; on Debian: apt-get install chromium")

// StartBrowser starts a Chromium, which Close ends.
func StartBrowser(ctx context.Context) (*Browser, error) {
	exe, err := exec.LookPath("chromium")
	if err != nil {
		return nil, ErrNoBrowser
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(exe),
		chromedp.NoSandbox, // it runs as root in a test, and sees pages of this test alone
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en-US"),
	)
	allocator, end := chromedp.NewExecAllocator(ctx, options...)
	browser, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(complain))
	if err := chromedp.Run(browser); err != nil {
		cancel()
		end()
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	return &Browser{browser, func() { cancel(); end() }}, nil
}

// complain prints what chromedp cannot make sense of, but not that an event of a node is of none that it
// knows, which is usual and of no account.
func complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !strings.Contains(text, "unhandled node event") && !strings.Contains(text, "could not unmarshal event") {
		fmt.Println("chromedp:", text)
	}
}

// Close ends the browser.
func (b *Browser) Close() { b.cancel() }

// View is how a person looks at the page.
type View struct {
	Width, Height int64
	Scale         float64 // device pixels for each pixel; 0 is 1
	Dark          bool
	Touch         bool
	Reduced       bool   // prefers-reduced-motion
	Language      string // such as de; empty is en
	Zone          string // such as Europe/Berlin; empty is UTC
}

// A Tab shows a page.
type Tab struct {
	ctx    context.Context //nolint:containedctx // chromedp keeps the tab in it
	cancel context.CancelFunc

	mu       sync.Mutex
	problems []string                     // what the console and the network have complained of
	requests []string                     // all addresses that were asked for
	asked    map[network.RequestID]string // those that have not ended
	loader   cdp.LoaderID                 // of the page that is open
	answered time.Time                    // when the last of them ended
}

// NewTab opens an empty tab with a context of its own.
func (b *Browser) NewTab(v View) (*Tab, error) {
	id, err := b.newTarget()
	if err != nil {
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t := &Tab{ctx: ctx, cancel: cancel, asked: map[network.RequestID]string{}}
	chromedp.ListenTarget(ctx, t.hear)
	scheme, motion := "light", "no-preference"
	if v.Dark {
		scheme = "dark"
	}
	if v.Reduced {
		motion = "reduce"
	}
	language, zone, scale := v.Language, v.Zone, v.Scale
	if language == "" {
		language = "en"
	}
	if zone == "" {
		zone = "UTC"
	}
	if scale == 0 {
		scale = 1
	}
	err = t.Run(
		network.Enable(),
		log.Enable(),
		emulation.SetDeviceMetricsOverride(v.Width, v.Height, scale, v.Touch),
		emulation.SetTouchEmulationEnabled(v.Touch),
		emulation.SetFocusEmulationEnabled(true), // each tab is as if it were in front
		emulation.SetTimezoneOverride(zone),
		emulation.SetLocaleOverride().WithLocale(language),
		emulation.SetUserAgentOverride("doorlog pagetest").WithAcceptLanguage(language),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion},
		}),
		BeforeEachPage(watchLayout),
	)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	return t, nil
}

// watchLayout adds up how much of the page moved without a person having done something.
const watchLayout = `globalThis.layoutShift = 0; globalThis.layoutShifts = [];
new PerformanceObserver((list) => list.getEntries().filter((e) => !e.hadRecentInput).forEach((e) => {
  layoutShift += e.value;
  layoutShifts.push(e.value.toFixed(4) + ' at ' + Math.round(e.startTime) + ' ms: ' + e.sources.map((s) => {
    const n = s.node?.nodeType === 1 ? s.node : s.node?.parentElement;
    return n ? n.localName + '.' + n.className + ' from ' + Math.round(s.previousRect.y) + ' to ' + Math.round(s.currentRect.y) : '?';
  }).join(', '));
})).observe({ type: 'layout-shift', buffered: true });`

// BeforeEachPage has JavaScript run at the beginning of each page that a tab opens.
func BeforeEachPage(script string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	})
}

// newTarget opens a window in a context of its own.
func (b *Browser) newTarget() (id target.ID, err error) {
	ctx := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	own, err := target.CreateBrowserContext().Do(ctx)
	if err == nil {
		id, err = target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ctx)
	}
	return id, err
}

// hear keeps what goes wrong, and what is asked for.
func (t *Tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			text := string(e.Type) + ":"
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
			t.problems = append(t.problems, text)
		}
	case *runtime.EventExceptionThrown:
		t.problems = append(t.problems, e.ExceptionDetails.Error())
	case *log.EventEntryAdded: // what is no answer is a problem of the network below
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			t.problems = append(t.problems, string(e.Entry.Source)+": "+e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		t.requests = append(t.requests, e.Request.URL)
		if string(e.RequestID) == string(e.LoaderID) { // a page: what the one before it asked for is of no account
			t.loader = e.LoaderID
			clear(t.asked)
		}
		if e.LoaderID == t.loader {
			t.asked[e.RequestID] = e.Request.URL
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			t.problems = append(t.problems, e.ErrorText+" for "+t.asked[e.RequestID])
		}
		t.ended(e.RequestID)
	case *network.EventLoadingFinished:
		t.ended(e.RequestID)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 { //nolint:mnd // a client's or a server's error
			t.problems = append(t.problems, fmt.Sprintf("%d of %s", e.Response.Status, e.Response.URL))
		}
	}
}

func (t *Tab) ended(id network.RequestID) {
	delete(t.asked, id)
	t.answered = time.Now()
}

// Problems returns the errors and warnings of the console, exceptions, and answers that were no success.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.problems...)
}

// Requests returns the addresses that were asked for.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.requests...)
}

// Forget forgets problems and requests.
func (t *Tab) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems, t.requests = nil, nil
}

// patience is how long one step may take.
const patience = 20 * time.Second

// Run runs steps in the tab.
func (t *Tab) Run(actions ...chromedp.Action) error {
	if chromedp.FromContext(t.ctx).Target == nil { // the first run opens the tab, and must not end it with a limit
		if err := chromedp.Run(t.ctx); err != nil {
			return err
		}
	}
	return t.RunFor(patience, actions...)
}

// RunFor runs steps that may take longer than others.
func (t *Tab) RunFor(limit time.Duration, actions ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(t.ctx, limit)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// Open goes to an address, and waits until the page has loaded.
func (t *Tab) Open(url string) error { return t.Run(chromedp.Navigate(url)) }

// Eval runs JavaScript, which may return a promise, and puts its value into out, if that is not nil.
func (t *Tab) Eval(script string, out any) error { return t.Run(Evaluate(script, out)) }

// Evaluate is the step of Eval.
func Evaluate(script string, out any) chromedp.Action {
	return chromedp.Evaluate(script, out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) })
}

// Wait waits until JavaScript is true.
func (t *Tab) Wait(script string) error {
	var ok bool
	return t.Run(chromedp.Poll(`!!(`+script+`)`, &ok, chromedp.WithPollingTimeout(patience)))
}

// Memory returns how much memory the heap of the page's JavaScript has, in bytes, and the largest of the browser's
// processes that draw pages: what it has for itself.
func (t *Tab) Memory() (heap, process int64, err error) {
	err = t.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		if err := heapprofiler.CollectGarbage().Do(ctx); err != nil {
			return err
		}
		used, _, _, _, err := runtime.GetHeapUsage().Do(ctx)
		heap = int64(used)
		if err != nil {
			return err
		}
		processes, err := systeminfo.GetProcessInfo().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		for _, p := range processes {
			if p.Type == "renderer" {
				process = max(process, anonymous(p.ID))
			}
		}
		return err
	}))
	return heap, process, err
}

// anonymous returns how much memory a process has that is no file's; 0 if that is not known.
func anonymous(pid int64) (bytes int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &bytes); err == nil {
			return bytes * 1024 //nolint:mnd // kB are KiB there
		}
	}
	return 0
}

// Shot returns a picture of what is in view, as PNG.
func (t *Tab) Shot() (png []byte, err error) {
	err = t.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		png, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).Do(ctx)
		return err
	}))
	return png, err
}

// JPEG returns a picture of what is in view, for documents.
func (t *Tab) JPEG() (jpeg []byte, err error) {
	const quality = 78
	err = t.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		jpeg, err = page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatJpeg).WithQuality(quality).Do(ctx)
		return err
	}))
	return jpeg, err
}

// quiet is how long nothing has been answered when a view has all that it asked for: otherwise it would have asked.
const quiet = 60 * time.Millisecond

// AtRest says what a view still waits for; nothing if it has all that it asked for. The stream of changes goes on.
func (t *Tab) AtRest() (waits string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, address := range t.asked {
		if !strings.Contains(address, "/v1/changes") {
			waits += address + " "
		}
	}
	if left := quiet - time.Since(t.answered); waits == "" && left > 0 {
		return "what may be asked for next"
	}
	return waits
}

// Settled is JavaScript that says whether nothing moves any more that will end.
const Settled = `document.getAnimations().every((a) => a.playState !== 'running' || a.effect?.getTiming().iterations === Infinity)`

// Rest waits until a view has what it asked for, and has come to rest.
func (t *Tab) Rest() error {
	for deadline := time.Now().Add(patience); t.AtRest() != ""; time.Sleep(quiet / 4) { //nolint:mnd // often enough
		if time.Now().After(deadline) {
			return fmt.Errorf("not answered within %v: %s", patience, t.AtRest())
		}
	}
	return t.Wait(Settled)
}

// Close closes the tab.
func (t *Tab) Close() { t.cancel() }
