package web

import (
	"net/http"

	"tillwire/agent"
)

// apiRoot is where the local API lives.
const apiRoot = "/api/v1"

// call is one route of the local API. openapi.yaml has the same list, and a test
// holds the two together.
type call struct {
	method, path string
	need         need
	quiet        bool // does not count as activity of the session
	serve        func(w http.ResponseWriter, r *http.Request, c caller) error
}

func (s *Server) calls() []call {
	return []call{
		{"POST", "/payments", reader, false, s.openPayment},
		{"GET", "/payments", reader, false, s.listPayments},
		{"GET", "/payments/{id}", reader, false, s.getPayment},
		{"POST", "/payments/{id}/show", reader, false, s.showPayment},
		{"POST", "/payments/{id}/cancel", reader, false, s.cancelPayment},
		{"POST", "/payments/{id}/check", reader, false, s.checkPayment},
		{"POST", "/payments/{id}/refunds", reader, false, s.refundPayment},
		{"GET", "/payments/{id}/receipt", reader, false, s.getReceipt},
		{"POST", "/payments/{id}/print", reader, false, s.printPayment},
		{"GET", "/payments/{id}/qr", reader, true, s.getQR},
		{"POST", "/payments/{id}/offline", reader, false, s.goOffline},
		{"POST", "/payments/{id}/sight", approving, false, s.acceptOnSight},
		{"POST", "/payments/{id}/void", approving, false, s.voidPayment},
		{"POST", "/forward", reader, false, s.forwardNow},
		{"POST", "/approvals", approving, false, s.approve},
		{"POST", "/lanes/{lane}/scan", reader, false, s.scan},
		{"POST", "/lanes/{lane}/take", cashier, false, s.takeLane},
		{"GET", "/lanes/{lane}/shift", cashier, true, s.getShift},
		{"POST", "/lanes/{lane}/shift", cashier, false, s.openShift},
		{"POST", "/lanes/{lane}/shift/close", cashier, false, s.closeShift},
		{"POST", "/shifts/{id}/print", cashier, false, s.printShift},
		{"GET", "/parked", cashier, true, s.listParked},
		{"POST", "/parked", cashier, false, s.park},
		{"DELETE", "/parked/{id}", cashier, false, s.unpark},
		{"POST", "/parked/{id}/payment", cashier, false, s.payParked},
		{"GET", "/status", reader, true, s.getStatus},
		{"GET", "/events", reader, true, s.events},
		{"POST", "/session", anyone, true, s.openSession},
		{"GET", "/session", cashier, true, s.getSession},
		{"PUT", "/session", cashier, false, s.touchSession},
		{"DELETE", "/session", anyone, true, s.closeSession},
		{"GET", "/people", manager, false, s.listPeople},
		{"POST", "/people/{id}/unlock", manager, false, s.unlockPerson},
	}
}

// routeAPI registers the calls, and for each path an answer to other methods.
func (s *Server) routeAPI(mux *http.ServeMux) {
	calls := newRouter(mux)
	for _, c := range s.calls() {
		calls.HandleFunc(c.method+" "+apiRoot+c.path, s.api(c))
	}
	calls.refuseOthers(s.respondError)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		s.respondError(w, r, fail(agent.NotFound, agent.CodeNotFound, "error.path", "There is no such call. openapi.yaml lists them."))
	})
}

// api is the frame around a call: nothing before the first start, then who calls,
// then the call.
func (s *Server) api(c call) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if closed, err := s.beforeFirstStart(r.Context()); closed || err != nil {
			if err == nil {
				err = fail(agent.Unavailable, codeNotSetUp, "error.not_set_up", "This terminal is not set up yet. Open /setup.")
			}
			s.respondError(w, r, err)
			return
		}
		who, err := s.admit(r, c.need)
		if err == nil {
			if who.person.ID != "" && !c.quiet {
				s.active(r.Context(), who.session)
			}
			err = c.serve(w, r, who)
		}
		if err != nil {
			s.respondError(w, r, err)
		}
	}
}
