package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog/web"
)

var thePage = sentRequest{method: http.MethodGet, path: "/"}

// A visited page is the page as a handler serves it: what it got of each address that the page names, from index.html on.
type visited struct {
	base  *url.URL
	index string
	files map[string]string // by their addresses
	names map[string][]string
}

// visit gets the page at an address, and all that it names, however many files are between.
func visit(t *testing.T, get func(address string) *http.Response, at string) *visited {
	t.Helper()
	base, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	s := &visited{base: base, files: map[string]string{}, names: map[string][]string{}}
	resp := get(at)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", at, resp.Status)
	}
	s.index = textOf(t, resp)
	s.follow(t, get, base, s.index, ".html")
	return s
}

// naming are the ways in which a file names others.
var naming = map[string]*regexp.Regexp{
	".html":        regexp.MustCompile(`\b(?:href|src)="([^"]+)"`),
	".js":          regexp.MustCompile(`(?:^import|^import\{[^}]*\}from|\bfrom|\bimport\(|\bimport\.meta\.resolve\(|\bnew URL\() ?['"](\.[^'"]+)['"]`),
	".css":         regexp.MustCompile(`(?:url\(|@import )['"]?([^'")]+)`),
	".webmanifest": regexp.MustCompile(`"(?:src|start_url|scope)": "([^"]+)"`),
}

func (s *visited) follow(t *testing.T, get func(string) *http.Response, from *url.URL, text, kind string) {
	t.Helper()
	if naming[kind] == nil {
		return
	}
	if kind == ".js" {
		text = withoutComments(text)
	}
	for line := range strings.Lines(text) {
		for _, found := range naming[kind].FindAllStringSubmatch(line, -1) {
			s.fetch(t, get, from, found[1])
		}
	}
}

func (s *visited) fetch(t *testing.T, get func(string) *http.Response, from *url.URL, name string) {
	t.Helper()
	to, err := from.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	s.names[from.Path] = append(s.names[from.Path], to.Path)
	if strings.HasPrefix(name, "/") || to.Host != s.base.Host || !strings.HasPrefix(to.Path, s.base.Path) {
		t.Errorf("%s names %s, which is %s: not relative, or not of this server", from, name, to)
	}
	if _, known := s.files[to.Path]; known || to.Path == s.base.Path || strings.HasPrefix(to.Path, s.base.Path+"v1/") {
		return
	}
	resp := get(to.String())
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s names %s: %s", from, to, resp.Status)
	}
	s.files[to.Path] = textOf(t, resp)
	s.follow(t, get, to, s.files[to.Path], filepath.Ext(to.Path))
}

// from returns a function that asks a handler as a browser on another machine does.
func from(t *testing.T, h http.Handler) func(string) *http.Response {
	return func(address string) *http.Response {
		return ask(t, h, with(thePage, func(in *sentRequest) { in.path = address }))
	}
}

// sourceFiles are the files of the page in the source, but those for people.
func sourceFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("page", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".js", ".css", ".svg", ".png", ".webmanifest"}, filepath.Ext(name)) {
			return err
		}
		text, err := os.ReadFile(name)
		files[filepath.ToSlash(strings.TrimPrefix(name, "page"+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryFileThatThePageNamesIsThereAndNoOther(t *testing.T) {
	s := visit(t, from(t, web.Handler(openStore(t), nil)), "/")
	if text := s.index; strings.Contains(text, "{page}") || strings.Contains(text, "<!--") {
		t.Errorf("something is left in %s", text)
	}
	folder := folderOf(t, s)
	sources := sourceFiles(t)
	joined := map[string]string{".js": "app/main.js app/later.js", ".css": "style/all.css"}
	first, later := modules(t, sources)
	styles := sheets(t)
	for name := range sources {
		kind := filepath.Ext(name)
		if _, ok := s.files[folder+name]; !ok && joined[kind] == "" || kind == ".js" && !slices.Contains(append(first, later...), name) ||
			kind == ".css" && !slices.Contains(styles, name) {
			t.Errorf("nothing names %s", name)
		}
	}
	for at := range s.files {
		name := strings.TrimPrefix(at, folder)
		if _, ok := sources[name]; !ok && !strings.Contains(joined[filepath.Ext(name)], name) {
			t.Errorf("%s is no file of the source", at)
		}
	}
}

// modules returns the modules that the first view needs, and those that are imported later, from the sources.
func modules(t *testing.T, sources map[string]string) (first, later []string) {
	t.Helper()
	static := regexp.MustCompile(`(?:^import|\bfrom) ?['"](\.[^'"]+)['"]`)
	dynamic := regexp.MustCompile(`\bimport\(['"](\.[^'"]+)['"]\)`)
	visit := func(list []string, but []string) []string {
		for i := 0; i < len(list); i++ {
			for line := range strings.Lines(withoutComments(sources[list[i]])) {
				for _, found := range static.FindAllStringSubmatch(line, -1) {
					if to := path.Join(path.Dir(list[i]), found[1]); !slices.Contains(list, to) && !slices.Contains(but, to) {
						list = append(list, to)
					}
				}
			}
		}
		return list
	}
	first = visit([]string{"app/main.js"}, nil)
	for known := -1; known != len(later); {
		known = len(later)
		for _, name := range append(slices.Clone(first), later...) {
			for _, found := range dynamic.FindAllStringSubmatch(withoutComments(sources[name]), -1) {
				if to := path.Join(path.Dir(name), found[1]); !slices.Contains(later, to) && !slices.Contains(first, to) {
					later = append(later, to)
				}
			}
		}
		later = visit(later, first)
	}
	return first, later
}

// sheets returns the style sheets in their order.
func sheets(t *testing.T) (names []string) {
	t.Helper()
	index, err := os.ReadFile("page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`href="\{page\}/(style/[^"]+)"`).FindAllStringSubmatch(string(index), -1) {
		names = append(names, found[1])
	}
	return names
}

// folderOf returns the path of the files, with the slash.
func folderOf(t *testing.T, s *visited) string {
	t.Helper()
	folder := regexp.MustCompile(`page/[0-9a-f]{16}/`).FindString(s.index)
	if folder == "" {
		t.Fatalf("no folder in %s", s.index)
	}
	return s.base.Path + folder
}

// A browser gets what the first view needs in one file, and all other views in a second one.
func TestThePageIsTwoScriptsAndOneStyleSheet(t *testing.T) {
	s := visit(t, from(t, web.Handler(openStore(t), nil)), "/")
	folder := folderOf(t, s)
	first, later := modules(t, sourceFiles(t))
	if named := s.names[s.base.Path]; !slices.Contains(named, folder+"app/main.js") || slices.Contains(named, folder+"app/later.js") {
		t.Errorf("index.html names %q", named)
	}
	for name, want := range map[string][]string{"app/main.js": first, "app/later.js": later} {
		if n := strings.Count(s.files[folder+name], "=(()=>{"); n != len(want) || n == 0 {
			t.Errorf("%s has %d modules, want %q", name, n, want)
		}
	}
}

func TestThePageIsServedBelowAnyPath(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/at/home/", http.StripPrefix("/at/home", web.Handler(openStore(t), nil)))
	server := httptest.NewServer(mux)
	defer server.Close()
	c := newClient(t, "")
	s := visit(t, func(address string) *http.Response { return get(t, c, address) }, server.URL+"/at/home/")
	manifest := folderOf(t, s) + "manifest.webmanifest"
	if !slices.Contains(s.names[manifest], "/at/home/") {
		t.Errorf("the manifest names %q", s.names[manifest])
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(s.files[manifest]), &m); err != nil || m["id"] != nil {
		t.Errorf("%v: an ID would be the same for each page of this machine, wherever it is mounted: %v", err, m["id"])
	}
	for at, text := range s.files {
		if filepath.Ext(at) == ".js" && regexp.MustCompile("['\"`]/(v1|page|healthz)").MatchString(text) {
			t.Errorf("%s has an address that begins at the root", at)
		}
	}
	if resp := get(t, c, server.URL+"/at/home"); resp.Request.URL.Path != "/at/home/" {
		t.Errorf("without the slash: %s", resp.Request.URL)
	} else {
		wantStatus(t, resp, http.StatusOK)
	}
}

// policy is the whole of it: each word more would let something in.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

func TestHowThePageIsSent(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	s := visit(t, from(t, h), "/")
	for at := range s.files {
		resp := ask(t, h, with(thePage, func(in *sentRequest) { in.path = at }))
		text := textOf(t, resp)
		if got := resp.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", at, got)
		}
		wantHeaders(t, h, at, resp, text)
	}
	resp := ask(t, h, thePage)
	if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("the page: Cache-Control %q", got)
	}
	wantHeaders(t, h, "/", resp, textOf(t, resp))
	if strings.Contains(policy, "unsafe") {
		t.Error("the policy has something unsafe")
	}
	if found := regexp.MustCompile(`(?i)<style|style=|<script(>|[^>]*>[^<])|\son[a-z]+=`).FindString(s.index); found != "" {
		t.Errorf("the policy does not allow %q", found)
	}
}

// wantHeaders fails unless a file has the headers of one, however it is asked for.
func wantHeaders(t *testing.T, h http.Handler, at string, resp *http.Response, text string) {
	t.Helper()
	kinds := map[string]string{
		"": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json",
	}
	for name, want := range map[string]string{
		"Content-Type": kinds[filepath.Ext(at)], "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
		"Vary": "Accept-Encoding", "Content-Length": fmt.Sprint(len(text)), "Content-Encoding": "", "Set-Cookie": "",
	} {
		if got := strings.Join(resp.Header.Values(name), "|"); got != want {
			t.Errorf("%s: %s %q, want %q", at, name, got, want)
		}
	}
	head := ask(t, h, sentRequest{method: http.MethodHead, path: at})
	if body := textOf(t, head); body != "" || fmt.Sprint(head.Header) != fmt.Sprint(resp.Header) || head.StatusCode != http.StatusOK {
		t.Errorf("HEAD %s: %s %q %v; GET has %v", at, head.Status, body, head.Header, resp.Header)
	}
	zipped := ask(t, h, sentRequest{method: http.MethodGet, path: at, header: map[string]string{"Accept-Encoding": "gzip, br"}})
	body := textOf(t, zipped)
	if zipped.Header.Get("Content-Encoding") == "gzip" {
		r, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil || string(plain) != text || len(body) >= len(text) || zipped.Header.Get("ETag") == resp.Header.Get("ETag") {
			t.Errorf("%s: %v; %d bytes of %d, ETags %s and %s", at, err, len(body), len(text), zipped.Header.Get("ETag"), resp.Header.Get("ETag"))
		}
	} else if body != text || filepath.Ext(at) == ".js" && len(text) > 1000 {
		t.Errorf("%s is not compressed, or not the same", at)
	}
	tag := resp.Header.Get("ETag")
	for known, want := range map[string]int{tag: 304, "W/" + tag: 304, `"another"`: 200, "": 200, zipped.Header.Get("ETag") + "x": 200} {
		again := ask(t, h, sentRequest{method: http.MethodGet, path: at, header: map[string]string{"If-None-Match": known}})
		if body := textOf(t, again); again.StatusCode != want || want == 304 && (body != "" || again.Header.Get("Cache-Control") != resp.Header.Get("Cache-Control")) {
			t.Errorf("%s with If-None-Match %s: %s and %d bytes, want %d", at, known, again.Status, len(body), want)
		}
	}
}

func TestThePageHasNoOtherAddressesAndMethods(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	s := visit(t, from(t, h), "/")
	folder := folderOf(t, s)
	for _, path := range []string{
		"/index.html", "/page", "/page/", folder, folder + "index.html", folder + "app", folder + "app/none.js", folder + "README.md", folder + "vendor/LICENSE-htm",
		"/page/0123456789abcdef/app/main.js", "/page/app/main.js", folder + "app/../app/main.js", folder + "app//main.js", folder + "app%2Fmain.js",
		folder + "app/main.js/", folder + "../../v1/server", "/" + folder + "app/main.js", "/favicon.ico", "/robots.txt",
	} {
		wantProblem(t, ask(t, h, sentRequest{method: http.MethodGet, path: path}), 404, "no such address")
	}
	for _, path := range []string{"/", folder + "app/main.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
			resp := ask(t, h, sentRequest{method: method, path: path, local: "unix"})
			if allow := resp.Header.Get("Allow"); allow != "GET" {
				t.Errorf("%s %s: Allow %q", method, path, allow)
			}
			wantProblem(t, resp, 405, method)
		}
	}
	off := web.Handler(st, &web.Options{Page: web.PageOff})
	for _, path := range []string{"/", folder + "app/main.js"} {
		wantProblem(t, ask(t, off, sentRequest{method: http.MethodGet, path: path}), 404, "no such address")
	}
	wantStatus(t, ask(t, off, sentRequest{method: http.MethodGet, path: "/healthz"}), 200)
}

// The page may be read by all, because it is the same for all.
func TestThePageIsPublicAndHasNothingOfTheStore(t *testing.T) {
	full, _ := storeWithEvent(t)
	options := &web.Options{RequireToken: true, Version: "v9", Hosts: []string{"door.lan"}}
	closed := visit(t, from(t, web.Handler(full, options)), "/")
	open := visit(t, from(t, web.Handler(openStore(t), nil)), "/")
	if closed.index != open.index || !maps.Equal(closed.files, open.files) {
		t.Error("the pages of two stores are not the same")
	}
	h := web.Handler(full, options)
	wantStatus(t, ask(t, h, with(thePage, func(in *sentRequest) { in.header = bearer("doorlog_wrong") })), 200)
	wantStatus(t, ask(t, h, onLoopback(sentRequest{method: http.MethodGet, path: "/v1/events"})), 401)
}

func TestWhoMayOpenThePage(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	file := folderOf(t, visit(t, from(t, h), "/")) + "app/main.js"
	for _, path := range []string{"/", file} {
		for host, want := range map[string]int{"localhost:7780": 200, "127.0.0.1:7780": 200, "evil.example": 421, "localhost.evil.example:7780": 421} {
			if got := askAs(t, h, onLoopback(sentRequest{method: http.MethodGet, path: path}), host); got != want {
				t.Errorf("%s of %s on loopback: %d, want %d", path, host, got, want)
			}
		}
		for what, c := range map[string]struct {
			site, mode, dest string
			want             int
		}{
			"a link of another site":   {"cross-site", "navigate", "document", 200},
			"an address that is typed": {"none", "navigate", "document", 200},
			"itself":                   {"same-origin", "cors", "script", 200},
			"a frame of another site":  {"cross-site", "navigate", "iframe", 403},
			"a script of another site": {"cross-site", "no-cors", "script", 403},
			"a neighbour":              {"same-site", "cors", "empty", 403},
		} {
			in := onLoopback(sentRequest{method: http.MethodGet, path: path, header: map[string]string{
				"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest,
			}})
			if resp := ask(t, h, in); resp.StatusCode != c.want {
				t.Errorf("%s, by %s: %s, want %d", path, what, resp.Status, c.want)
			}
		}
	}
}

func TestThePageIsOneRouteForWhoeverCounts(t *testing.T) {
	var seen []string
	h := web.Handler(openStore(t), &web.Options{Observe: func(route, method string, status int, _ time.Duration) {
		seen = append(seen, fmt.Sprint(method, route, status))
	}})
	s := visit(t, from(t, h), "/")
	wantStatus(t, ask(t, h, sentRequest{method: http.MethodPost, path: "/"}), 405)
	wantStatus(t, ask(t, h, sentRequest{method: http.MethodGet, path: folderOf(t, s) + "nothing.js"}), 404)
	last := len(seen) - 2
	if fmt.Sprint(seen[last:]) != "[POST/405 GET404]" {
		t.Errorf("%q", seen[last:])
	}
	for _, one := range seen[:last] {
		if one != "GET/200" {
			t.Error(one)
		}
	}
}

// What the policy forbids, or what leads elsewhere, is in no file.
func TestTheFilesOfThePageHaveNothingThatTheyMayNot(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?i)(?:https?:|wss?:|['"(])//[a-z0-9]`)
	spaces := strings.NewReplacer("http://www.w3.org/2000/svg", "", "http://www.w3.org/1998/Math/MathML", "", "http://www.w3.org/1999/xhtml", "")
	for name, text := range sourceFiles(t) {
		kind := filepath.Ext(name)
		if kind == ".png" {
			continue
		}
		if kind == ".js" {
			text = withoutComments(text)
		}
		if found := elsewhere.FindString(spaces.Replace(text)); found != "" {
			t.Errorf("%s leads elsewhere: %s", name, found)
		}
		words := []string{"eval(", "new Function", "document.write", "javascript:", "setTimeout('", `setTimeout("`}
		if !strings.HasPrefix(name, "vendor/") { // Preact has innerHTML, for programs that ask for it
			words = append(words, "innerHTML", "outerHTML", "insertAdjacentHTML", "style=\"", "localStorage.setItem('token")
		}
		for _, word := range words {
			if strings.Contains(strings.ReplaceAll(text, "Function.prototype", ""), word) {
				t.Errorf("%s has %s", name, word)
			}
		}
	}
}

func TestThePageIsSentAsItIsButItsComments(t *testing.T) {
	s := visit(t, from(t, web.Handler(openStore(t), nil)), "/")
	folder := folderOf(t, s)
	sources := sourceFiles(t)
	first, later := modules(t, sources)
	for file, names := range map[string][]string{"app/main.js": first, "app/later.js": later} {
		sent := regexp.MustCompile(`(?m)^const \$\d+=\(\(\)=>\{`).Split(withoutComments(s.files[folder+file]), -1)
		for _, name := range names {
			wantLines(t, name, withoutComments(sources[name]), sent)
		}
	}
	comment := regexp.MustCompile(`(?s)/\*.*?\*/`)
	var style []string
	for _, name := range sheets(t) {
		style = append(style, strings.Fields(comment.ReplaceAllString(sources[name], ""))...)
	}
	if !slices.Equal(style, strings.Fields(s.files[folder+"style/all.css"])) {
		t.Error("the style sheet has other rules than those of the source")
	}
	for name, source := range sources {
		if kind := filepath.Ext(name); kind != ".js" && kind != ".css" && s.files[folder+name] != source {
			t.Errorf("%s is sent with another content than it has", name)
		}
	}
}

// importsAndExports are the only code that is not sent as it is.
var importsAndExports = regexp.MustCompile(`(?m)^import\s[^;]*;|^import\{[^;]*;|^export \{[^;]*;|(?:^|[;}])export\{[^;]*;|^export (?:default )?|export default|import\(['"][^'"]+['"]\)`)

// wantLines fails unless one of the modules that are sent has the lines of a source, in their order, and nothing else between.
func wantLines(t *testing.T, name, source string, sent []string) {
	t.Helper()
	var parts []string
	for line := range strings.Lines(importsAndExports.ReplaceAllString(source, "\n")) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	missing, most := "", -1
	for _, module := range sent {
		i := 0
		for ; i < len(parts); i++ {
			at := strings.Index(module, parts[i])
			if at < 0 || at > 60 && i > 0 {
				break
			}
			module = module[at+len(parts[i]):]
		}
		if i == len(parts) {
			return
		}
		if i > most {
			missing, most = parts[i], i
		}
	}
	t.Errorf("%s is sent without %q where it belongs: is there a line that begins with // inside of a template, or with */ in a comment?", name, missing)
}

func TestCommentsAreToldFromWhatLooksLikeThem(t *testing.T) {
	for source, want := range map[string]string{
		"a // b\nc":       "a\nc",
		"a /* b\n c */ d": "a  d",
		"'//' + \"/* \" + `// ${x /* y */ + `//`} /`": "'//' + \"/* \" + `// ${x  + `//`} /`",
		"a = /[/*]\\//.test(b) // c":                  "a = /[/*]\\//.test(b)",
		"a / b / c // d":                              "a / b / c",
		"return /'/ // c":                             "return /'/",
		"`\n  // stays\n`\n// goes":                   "`\n  // stays\n`",
		"x = `${{a: '}'}.a}` // }":                    "x = `${{a: '}'}.a}`",
	} {
		if got := withoutComments(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// withoutComments returns JavaScript without its comments, and without spaces at the ends of lines and lines that are
// empty, outside of templates.
func withoutComments(source string) string {
	var out bytes.Buffer
	js := scanner{rest: source, out: &out}
	js.code(0)
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
}

// A scanner copies JavaScript but its comments.
type scanner struct {
	rest string
	out  *bytes.Buffer
}

// code copies code up to the end, or to the bracket that closes the depth at which it began.
func (js *scanner) code(depth int) {
	for inside := depth; js.rest != ""; {
		switch c := js.rest[0]; {
		case strings.HasPrefix(js.rest, "//"):
			js.skip(len(js.rest), strings.IndexByte(js.rest, '\n'))
		case strings.HasPrefix(js.rest, "/*"):
			js.skip(len(js.rest), strings.Index(js.rest[2:], "*/")+4)
		case c == '\'' || c == '"':
			js.copy(literal.FindString(js.rest))
		case c == '/' && beginsExpression.Match(js.out.Bytes()[max(0, js.out.Len()-200):]):
			js.copy(expression.FindString(js.rest))
		case c == '`':
			js.template()
		case c == '}' && depth > 0 && inside == depth:
			return
		default:
			inside += map[byte]int{'{': 1, '}': -1}[c]
			js.copy(js.rest[:1])
		}
	}
}

var (
	literal    = regexp.MustCompile(`^(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|.)`)
	expression = regexp.MustCompile(`^(?:/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/|/)`)
	// beginsExpression is what stands before a regular expression, and not before a division.
	beginsExpression = regexp.MustCompile(`(?:^|[=(,:;!&|?{}\[+<>]|\breturn|\btypeof|=>)\s*$`)
)

// template copies a template, whose parts in braces are code.
func (js *scanner) template() {
	js.copy("`")
	for js.rest != "" {
		switch {
		case js.rest[0] == '`':
			js.copy("`")
			return
		case js.rest[0] == '\\' && len(js.rest) > 1:
			js.copy(js.rest[:2])
		case strings.HasPrefix(js.rest, "${"):
			js.copy("${")
			js.code(1)
			js.copy("}")
		default:
			js.copy(js.rest[:1])
		}
	}
}

func (js *scanner) copy(text string) {
	js.out.WriteString(text)
	js.rest = strings.TrimPrefix(js.rest, text)
}

func (js *scanner) skip(all, end int) {
	if end < 0 {
		end = all
	}
	js.rest = js.rest[end:]
}
