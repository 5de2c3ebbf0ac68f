package doorlog_test

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if isWorkload() {
		os.Exit(runWorkload())
	}
	code := m.Run()
	if err := closeBenchStores(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}
