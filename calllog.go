package doorlog

import (
	"context"
	"log/slog"
)

type loggerKey struct{}

// WithLogger returns a context for one call, whose lines in the log go to own too, beside the
// Options.Logger of the store: that the frame of an event could not be read, that a thumbnail could
// not be removed, or that one is not in a backup.
func WithLogger(ctx context.Context, own *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, own)
}

// LoggerOf returns the logger that [WithLogger] has put into ctx, or nil. It is for those who pass
// the calls of a store on.
func LoggerOf(ctx context.Context) *slog.Logger {
	own, _ := ctx.Value(loggerKey{}).(*slog.Logger)
	return own
}

// alsoLog returns log, and the logger of ctx if there is one.
func alsoLog(ctx context.Context, log *slog.Logger) *slog.Logger {
	own := LoggerOf(ctx)
	if own == nil {
		return log
	}
	return slog.New(slog.NewMultiHandler(log.Handler(), own.Handler()))
}
