// Package web serves what people and tills at the shop talk to: the register,
// the customer's display, the owner's pages, the first start, and the local API
// with its event stream (openapi.yaml describes it).
//
// It imports the root of agent and the leaves agent/qr and agent/words. The
// engine, the store, settings and devices come in through the small interfaces
// of Options; each is declared in the file that uses it. Everything a browser
// gets is embedded from ui/.
package web
