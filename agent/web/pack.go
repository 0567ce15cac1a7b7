package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
)

// worthPacking is the size from which an answer is packed: below it a packet carries it
// anyway.
const worthPacking = 1400

// packs reports whether a browser takes answers packed with gzip (RFC 9110, 12.5.3).
func packs(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}

// packed is a text as gzip writes it at a level of compress/gzip.
func packed(text []byte, level int) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("web: a buffer takes everything: " + err.Error())
	}
	return out.Bytes()
}

// sendPacked writes a body, packed where the browser takes it and it is worth it.
func sendPacked(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	if len(body) >= worthPacking && packs(r) {
		body = packed(body, gzip.BestSpeed)
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
