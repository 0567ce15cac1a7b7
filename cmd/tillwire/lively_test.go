package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWriterThatHangsIsNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) bool {
			<-ctx.Done()
			return false
		}
		well := func(context.Context) bool { return true }
		pages := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		for _, c := range []struct {
			name, path string
			responds   func(context.Context) bool
			want       int
			took       time.Duration
		}{
			{"well", "/livez", well, http.StatusOK, 0},
			{"hangs", "/livez", hangs, http.StatusServiceUnavailable, writerLook},
			{"another page does not look", "/register", hangs, http.StatusOK, 0},
		} {
			began := time.Now()
			w := httptest.NewRecorder()
			lively(pages, c.responds).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil))
			if took := time.Since(began); w.Code != c.want || took != c.took {
				t.Errorf("%s: %d after %s, want %d after %s", c.name, w.Code, took, c.want, c.took)
			}
		}
	})
}

func TestTheWatchdogBelievesLivez(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	status := http.StatusOK
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })}}
	server.Start()
	defer server.Close()
	h := &host{listener: l.(*net.TCPListener)}
	for code, want := range map[int]bool{http.StatusOK: true, http.StatusServiceUnavailable: false, http.StatusMisdirectedRequest: true} {
		if status = code; h.alive(t.Context()) != want {
			t.Errorf("%d: alive is %v", code, !want)
		}
	}
}
