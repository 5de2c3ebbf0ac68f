package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageSources returns the text of the files of the page with an ending, by their paths.
func pageSources(t *testing.T, ending string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS("page")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ending {
			var text []byte
			text, err = fs.ReadFile(root, name)
			files[name] = string(text)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	return files
}

// ownScripts returns the modules of the page that are the project's own, without comments.
func ownScripts(t *testing.T) map[string]string {
	t.Helper()
	comment := regexp.MustCompile(`(?m)^\s*//.*$`)
	files := pageSources(t, ".js")
	for name, text := range files {
		if files[name] = comment.ReplaceAllString(text, ""); strings.HasPrefix(name, "vendor/") {
			delete(files, name)
		}
	}
	return files
}

var textKey = regexp.MustCompile(`(?m)^ {2}'([a-z]+\.[\w.]+)': `)

// textBlocks returns the lines of texts.js by language and key.
func textBlocks(t *testing.T, source string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, language := range []string{"en", "de"} {
		_, block, ok := strings.Cut(source, "\nconst "+language+" = {\n")
		if !ok {
			t.Fatalf("texts.js has no block of %s", language)
		}
		block, _, _ = strings.Cut(block, "\n};\n")
		texts := map[string]string{}
		at := textKey.FindAllStringSubmatchIndex(block, -1)
		for i, m := range at {
			end := len(block)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			key := block[m[2]:m[3]]
			if _, twice := texts[key]; twice {
				t.Errorf("%s has %s twice", language, key)
			}
			texts[key] = strings.TrimSpace(block[m[1]:end])
		}
		all[language] = texts
	}
	return all
}

func TestEachTextOfThePageIsInBothLanguages(t *testing.T) {
	texts := textBlocks(t, ownScripts(t)["app/texts.js"])
	en, de := texts["en"], texts["de"]
	if len(en) < 20 {
		t.Fatalf("only %d texts", len(en))
	}
	value := regexp.MustCompile(`\{\w+\}`)
	values := func(text string) []string {
		found := value.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for key, text := range en {
		other, ok := de[key]
		if !ok {
			t.Errorf("%s has no German text", key)
			continue
		}
		if !slices.Equal(values(text), values(other)) {
			t.Errorf("%s: the texts have other values: %v and %v", key, values(text), values(other))
		}
		for language, text := range map[string]string{"en": text, "de": other} {
			if strings.HasPrefix(text, "{") && (!strings.Contains(text, "one:") || !strings.Contains(text, "other:")) {
				t.Errorf("%s in %s lacks a plural form: %s", key, language, text)
			}
		}
	}
	for key := range de {
		if _, ok := en[key]; !ok {
			t.Errorf("%s has no English text", key)
		}
	}
}

// How modules name texts: in full, or with an area and a name that is known when it runs.
var (
	wholeKey  = regexp.MustCompile(`['"\x60]([a-z]+\.[a-zA-Z]\w*)['"\x60]`)
	madeKey   = regexp.MustCompile(`\x60([a-z]+\.\w*)\$\{`)
	knownArea = regexp.MustCompile(`\bknown\('([a-z]+)'`)
	askedKey  = regexp.MustCompile(`\bt\(\s*'([^']+)'`)
)

func TestEachTextOfThePageIsUsedAndThere(t *testing.T) {
	scripts := ownScripts(t)
	en := textBlocks(t, scripts["app/texts.js"])["en"]
	delete(scripts, "app/texts.js")
	used := map[string]bool{}
	var prefixes []string
	for name, text := range scripts {
		for _, m := range wholeKey.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
		for _, m := range madeKey.FindAllStringSubmatch(text, -1) {
			prefixes = append(prefixes, m[1])
		}
		for _, m := range knownArea.FindAllStringSubmatch(text, -1) {
			prefixes = append(prefixes, m[1]+".")
		}
		for _, m := range askedKey.FindAllStringSubmatch(text, -1) {
			if _, ok := en[m[1]]; !ok {
				t.Errorf("%s asks for the text %s, which there is not", name, m[1])
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(en)) {
		if !used[key] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("no module uses the text %s", key)
		}
	}
}

var imported = regexp.MustCompile(`(?:\bfrom |\bimport\(|^import |\nimport )['"]([^'"]+)['"]`)

func TestModulesOfThePageAreFoundAndUnderstated(t *testing.T) {
	scripts := ownScripts(t)
	forbidden := regexp.MustCompile(`\beval\(|new Function|innerHTML|outerHTML|document\.write|dangerouslySetInnerHTML|https?://`)
	reached := map[string]bool{"app/main.js": true}
	for name, text := range scripts {
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			to := path.Join(path.Dir(name), m[1])
			reached[to] = true
			if _, err := os.Stat(path.Join("page", to)); err != nil || !strings.HasPrefix(m[1], ".") {
				t.Errorf("%s imports %s: %v", name, m[1], err)
			}
			if strings.HasPrefix(to, "vendor/") && name != "app/ui.js" {
				t.Errorf("%s imports %s; only app/ui.js may", name, to)
			}
		}
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	}
	for name := range scripts {
		if !reached[name] {
			t.Errorf("nothing imports %s", name)
		}
	}
}

func TestIconsOfThePageAreDrawnAndUsed(t *testing.T) {
	scripts := ownScripts(t)
	drawn := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ {2}(\w+): '`).FindAllStringSubmatch(scripts["app/parts/icon.js"], -1) {
		drawn[m[1]] = true
	}
	if len(drawn) < 10 {
		t.Fatalf("only %d icons", len(drawn))
	}
	delete(scripts, "app/parts/icon.js")
	all := strings.Join(slices.Collect(maps.Values(scripts)), "\n")
	for _, m := range regexp.MustCompile(`\$\{Icon\} name="(\w+)"`).FindAllStringSubmatch(all, -1) {
		if !drawn[m[1]] {
			t.Errorf("there is no icon %s", m[1])
		}
	}
	for name := range drawn { // it may be chosen when it runs
		if !regexp.MustCompile(`['"]` + name + `['"]|\b` + name + `:`).MatchString(all) {
			t.Errorf("no module uses the icon %s", name)
		}
	}
}

func TestStylesOfThePageUseItsColoursAlone(t *testing.T) {
	styles := pageSources(t, ".css")
	index, err := os.ReadFile("page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	comment := regexp.MustCompile(`(?s)/\*.*?\*/`)
	colour := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(rgba?|hsla?|oklch|oklab|lab|lch)\(`)
	elsewhere := regexp.MustCompile(`url\(|@import`)
	for name, text := range styles {
		text = comment.ReplaceAllString(text, "")
		if !strings.Contains(string(index), `href="{page}/`+name+`"`) {
			t.Errorf("index.html does not name %s", name)
		}
		if found := colour.FindString(text); found != "" && name != "style/base.css" {
			t.Errorf("%s has a colour of its own: %s", name, found)
		}
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	}
}

// vendorRow is a line of the table of vendor/README.md: file, package, version, licence, SHA-256.
var vendorRow = regexp.MustCompile("(?m)^\\| `([\\w.-]+)` \\| (\\w+) ([\\d.]+) \\|.*\\| `([0-9a-f]{64})` \\|$")

func TestVendoredFilesAreThoseOfTheirVersions(t *testing.T) {
	readme, err := os.ReadFile("page/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, m := range vendorRow.FindAllStringSubmatch(string(readme), -1) {
		named[m[1]] = m[4]
	}
	entries, err := os.ReadDir("page/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if name == "README.md" {
			continue
		}
		text, err := os.ReadFile("page/vendor/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:]); got != named[name] {
			t.Errorf("%s has the sum %s; vendor/README.md says %q", name, got, named[name])
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("vendor/README.md names %s, which is not there", name)
	}
}
