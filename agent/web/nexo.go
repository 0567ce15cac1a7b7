package web

import "net/http"

// routeTill offers the address at which existing tills expect a terminal. Only a till's
// token lets in: a page of a browser has no business there.
func (s *Server) routeTill(mux *http.ServeMux) {
	if s.Till == nil {
		return
	}
	till := newRouter(mux)
	till.HandleFunc("POST /nexo", func(w http.ResponseWriter, r *http.Request) {
		who, err := s.admit(r, reader)
		if err == nil && who.till == "" {
			err = errUnauthorized()
		}
		if err != nil {
			s.respondError(w, r, err)
			return
		}
		s.Till(w, r, who.client())
	})
	till.refuseOthers(s.respondError)
}
