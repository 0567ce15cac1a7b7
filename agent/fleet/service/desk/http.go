package desk

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// maxBody bounds what strangers may send.
const maxBody = 16 << 10

// Door is what terminals reach the desk through. It belongs behind TLS that asks
// for a certificate and takes any: the desk looks at it itself, because one that
// has run out still opens the way to the next.
func (d *Desk) Door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /enrol/v1/claims", func(w http.ResponseWriter, r *http.Request) {
		var q fleet.ClaimRequest
		if !read(w, r, &q) {
			return
		}
		from, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			from = r.RemoteAddr
		}
		taken, err := d.Take(r.Context(), q, from)
		reply(w, http.StatusCreated, taken, err)
	})
	mux.HandleFunc("GET /enrol/v1/claims/{claim}", func(w http.ResponseWriter, r *http.Request) {
		state, err := d.State(r.Context(), r.PathValue("claim"))
		reply(w, http.StatusOK, state, err)
	})
	mux.HandleFunc("POST /enrol/v1/renew", func(w http.ResponseWriter, r *http.Request) {
		var q fleet.RenewRequest
		if !read(w, r, &q) {
			return
		}
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			refuse(w, http.StatusForbidden, "a certificate is renewed over a connection that shows the present one")
			return
		}
		renewed, err := d.Renew(r.Context(), r.TLS.PeerCertificates[0], q)
		reply(w, http.StatusOK, renewed, err)
	})
	mux.HandleFunc("GET /enrol/v1/revoked.crl", func(w http.ResponseWriter, r *http.Request) {
		list, err := d.opt.Authority.Revocations(r.Context())
		if err != nil {
			reply(w, http.StatusOK, nil, err)
			return
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(list) // the other side is gone when this fails
	})
	return mux
}

// Routes are what the office may ask of the desk; actor tells who asks.
func (d *Desk) Routes(mux *http.ServeMux, actor func(*http.Request) string) {
	mux.HandleFunc("GET /claims", func(w http.ResponseWriter, r *http.Request) {
		list, err := d.Waiting(r.Context())
		reply(w, http.StatusOK, list, err)
	})
	mux.HandleFunc("POST /claims/find", func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Code string }
		if !read(w, r, &q) {
			return
		}
		view, err := d.Find(r.Context(), q.Code)
		reply(w, http.StatusOK, view, err)
	})
	mux.HandleFunc("POST /claims/{claim}/approve", func(w http.ResponseWriter, r *http.Request) {
		var say Decision
		if !read(w, r, &say) {
			return
		}
		say.Actor = actor(r)
		tid, err := d.Approve(r.Context(), r.PathValue("claim"), say)
		reply(w, http.StatusOK, map[string]fleet.TID{"tid": tid}, err)
	})
	mux.HandleFunc("POST /claims/{claim}/refuse", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, map[string]bool{"refused": true}, d.Refuse(r.Context(), r.PathValue("claim")))
	})
	mux.HandleFunc("POST /certificates/{tid}/revoke", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, map[string]bool{"revoked": true}, d.Revoke(r.Context(), fleet.TID(r.PathValue("tid")), actor(r)))
	})
	mux.HandleFunc("GET /certificates/revoked", func(w http.ResponseWriter, r *http.Request) {
		list, err := d.opt.Authority.Revocations(r.Context())
		reply(w, http.StatusOK, map[string]string{"crl": string(list)}, err)
	})
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "the request cannot be read: "+err.Error())
		return false
	}
	return true
}

// reply answers with a value, or with why there is none.
func reply(w http.ResponseWriter, status int, v any, err error) {
	switch {
	case err == nil:
	case errors.Is(err, service.ErrInvalid):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, service.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, service.ErrConflict):
		status = http.StatusConflict
	default:
		status = http.StatusServiceUnavailable
	}
	if err != nil {
		refuse(w, status, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the other side is gone when this fails
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}
