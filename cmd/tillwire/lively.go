package main

import (
	"context"
	"net/http"
	"time"
)

// writerLook is how long the store's writer may take to answer before /livez
// calls it stuck: longer than the slowest card syncs, and a third of the time
// after which the service manager kills.
const writerLook = 8 * time.Second

// lively looks at the store's writer before /livez is answered. Pages that answer
// beside a writer that hangs would keep the service manager from helping: nothing
// can be sold and nothing can be finished. A store that failed is no such case: it
// answers, and is opened anew.
func lively(pages http.Handler, responds func(context.Context) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/livez" {
			ctx, cancel := context.WithTimeout(r.Context(), writerLook)
			defer cancel()
			if !responds(ctx) {
				w.Header().Set("Cache-Control", "no-store")
				http.Error(w, "the store's writer does not answer", http.StatusServiceUnavailable)
				return
			}
		}
		pages.ServeHTTP(w, r)
	})
}
