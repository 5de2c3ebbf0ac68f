package pagetest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The libraries of the page are those of their packages, but for what vendor/README.md says.
func TestVendoredFilesAreThoseOfThePackages(t *testing.T) {
	sourceMap := regexp.MustCompile(`(?m)^//# sourceMappingURL=.*\n?`)
	vendor := filepath.Join("..", "web", "page", "vendor")
	readme, err := os.ReadFile(filepath.Join(vendor, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([\\w.-]+)` \\| (\\w+) ([\\d.]+) \\| `([^`]+)`").FindAllStringSubmatch(string(readme), -1)
	if len(rows) < 3 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		file, name, version, from := row[1], row[2], row[3], row[4]
		dir := filepath.Join("node_modules", name)
		about, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil {
			missing(t, "there is no package "+name+"; in pagetest: npm ci --ignore-scripts")
		}
		if !bytes.Contains(about, []byte(`"version": "`+version+`"`)) {
			t.Errorf("%s: the package that is installed is not version %s", name, version)
		}
		want, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(from)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(vendor, file))
		if err != nil {
			t.Fatal(err)
		}
		want = sourceMap.ReplaceAll(want, nil)
		want = bytes.ReplaceAll(want, []byte(`from"preact"`), []byte(`from"./preact.js"`))
		if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
			t.Errorf("vendor/%s is not %s of %s %s", file, from, name, version)
		}
	}
}
