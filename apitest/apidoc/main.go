// Apidoc makes docs/api.md from web/openapi.yaml, and web/openapi.yaml.gz, which the server hands out. Run
// it in the root of the repository:
//
//	go run ./apitest/apidoc
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"

	"github.com/doorlog/doorlog/apitest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "apidoc:", err)
		os.Exit(1)
	}
}

func run() error {
	doc, err := apitest.Load("web/openapi.yaml")
	if err != nil {
		return err
	}
	if err := os.WriteFile("docs/api.md", doc.Markdown(), 0o644); err != nil { //nolint:gosec // it is for everybody
		return err
	}
	return compress("web/openapi.yaml")
}

// compress writes the compressed form of a file beside it.
func compress(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path+".gz", out.Bytes(), 0o644) //nolint:gosec // it is for everybody
}
