// Package road drives one sale of a lab shop along one of the roads a payment can
// take: scanned or shown, paid, refused, cancelled, expired or paid back, with an
// honest cloud or one whose answers fail. On the way something may strike at any
// point: the power fails, the clock jumps. The cashier then does what a till does.
//
// Several campaigns share it. As all of cmd it may import everything.
package road
