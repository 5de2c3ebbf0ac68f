package doorlog_test

import (
	"context"
	"fmt"
	"log"

	"github.com/doorlog/doorlog"
)

func ExampleStore_Compact() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	stats, err := st.Stats(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if 4*stats.FreePages > stats.Pages { // what Options.CompactAt: 0.25 does by itself
		result, err := st.Compact(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.Before, "bytes before,", result.After, "after")
	}
}

func ExampleStore_ErasePerson() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	_, err := st.WriteEvent(ctx, doorlog.Event{
		Camera: "front_door", RecordedAt: now, Type: doorlog.Ding, Person: "mary_ann",
	})
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := st.ErasePerson(ctx, "mary_ann", doorlog.EraseName)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Events, "event;", receipt.Occurrences, "times in the file")
	// Output: 1 event; 0 times in the file
}
