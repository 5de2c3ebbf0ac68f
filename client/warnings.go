package client

import (
	"context"
	"net/http"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// tellWarnings passes what the server has logged about a call, which is in the header or the trailer of
// its response, to the logger of the caller ([doorlog.WithLogger]).
func tellWarnings(ctx context.Context, h http.Header) {
	log := doorlog.LoggerOf(ctx)
	if log == nil {
		return
	}
	for _, line := range h.Values(wire.HeaderWarning) {
		_ = wire.LogWarning(ctx, log, line) // a server of another kind may say anything
	}
}
