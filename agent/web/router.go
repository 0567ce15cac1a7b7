package web

import (
	"net/http"
	"strings"

	"tillwire/agent"
)

// router registers routes and remembers which methods each path takes, so that the answer to
// all others comes from the routes themselves.
type router struct {
	mux     *http.ServeMux
	methods map[string][]string // by path
}

func newRouter(mux *http.ServeMux) router { return router{mux, map[string][]string{}} }

// HandleFunc registers a route. Its pattern is a method and a path.
func (r router) HandleFunc(pattern string, serve http.HandlerFunc) {
	r.mux.HandleFunc(pattern, serve)
	method, path, _ := strings.Cut(pattern, " ")
	r.methods[path] = append(r.methods[path], method)
	if method == http.MethodGet {
		r.methods[path] = append(r.methods[path], http.MethodHead)
	}
}

// refuseOthers answers the methods that no route takes, with say to tell why. It comes after
// the last route.
func (r router) refuseOthers(say func(http.ResponseWriter, *http.Request, error)) {
	for path, methods := range r.methods {
		allowed := strings.Join(methods, ", ")
		r.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allowed)
			say(w, r, fail(agent.Invalid, codeMethod, "error.method", "This path takes "+allowed+"."))
		})
	}
}
