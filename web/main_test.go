package web_test

import (
	"flag"
	"os"
	"testing"
)

var long = flag.Bool("long", false, "run the long forms of the tests, as CI does")

func TestMain(m *testing.M) {
	if isFeedServer() {
		os.Exit(runFeedServer())
	}
	if isLoad() {
		os.Exit(runLoad())
	}
	os.Exit(m.Run())
}
