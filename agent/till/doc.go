// Package till is the bridge for tills that exist already and speak nexo Sale to POI
// (Retailer protocol 3.x) as JSON on one address, as card terminals do: payment, its
// status after a lost answer, abort, and the protection of messages by a passphrase.
//
// The till's own key of a message (POIID, SaleID, ServiceID) and its words for the sale are
// the payment's request id, so a repeat, a second question and a restart of the agent all
// find the one payment in the journal, and every answer is worked out from its facts:
// nothing is kept twice. A diagnosis is answered from the devices and the line.
//
// A reversal is answered with "not allowed", since a till never refunds by itself here;
// other messages (display, print, input) are not understood. The room imports the root
// agent and the standard library.
package till
