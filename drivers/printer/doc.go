// Package printer drives receipt printers that speak ESC/POS, and the cash drawers
// that hang on them. Codecs come first and are pure: slips to bytes or plain text,
// and the bytes of a printer to what they mean. On top stands the device, which owns
// the line (serial, USB or TCP), a queue of jobs and what the printer says of itself.
//
// It imports the roots agent and drivers, the leaf agent/qr, golang.org/x/text for
// code pages and golang.org/x/sys for serial lines. Facts about the protocol are from
// Epson's ESC/POS command reference unless another source is named.
package printer
