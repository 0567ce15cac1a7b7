// Training: sales that exist on this page alone. The terminal never hears of them, so
// none can reach a wallet, the journal, a report or paper. They look like real ones,
// with the same words and sounds, inside a frame that no real sale has.

import { page, text } from "./api.js";

// after is what becomes of a training sale: how long a state stays, and the next one.
const after = {
  pays: [[1000, "paid"]],
  password: [[1000, "await_payer"], [3000, "paid"]],
  declines: [[1000, "declined"]],
  silent: [[1000, "unknown"]],
  reversed: [[2000, "reversed"]],
  closed: [[1000, "closed"]],
};

const ended = ["paid", "declined", "not_sent", "reversed", "closed"];
const free = [...ended, "reversing", "closing"];

export class Training {
  // take gets the payment as it now is, as from the terminal.
  constructor(take) {
    this.take = take;
    this.on = false;
    this.count = 0;
    this.payment = null;
  }

  start() { this.on = true; }

  stop() {
    clearTimeout(this.timer);
    this.on = false;
    this.payment = null;
  }

  open(mode, amount, wallet) {
    const none = { value: 0, currency: amount.currency };
    const now = new Date().toISOString();
    this.payment = {
      id: "training-" + ++this.count, training: true, lane: page.lane, amount, mode, wallet: wallet ?? "", reference: "", order_no: "----",
      cashier: "", txn: "", refunds: [], refunded: none, refundable: none, test: false, facts: [], created: now, reason: "",
    };
    this.become(mode === "show" ? "qr_shown" : "created");
  }

  become(status) {
    const p = this.payment;
    const { word, tone, say } = page.practice[status];
    this.payment = { ...p, status, word, tone, say, final: ended.includes(status), held: !free.includes(status),
      since: new Date().toISOString(), facts: [...p.facts, { seq: p.facts.length + 1, kind: "" }] };
    this.take(this.payment);
  }

  play(steps) {
    const [next, ...rest] = steps;
    if (!next) return;
    clearTimeout(this.timer);
    const id = this.payment.id;
    this.timer = setTimeout(() => {
      if (this.payment?.id !== id) return;
      this.become(next[1]);
      this.play(rest);
    }, next[0]);
  }

  // act is the customer: what a phone would do with the code.
  act(name) {
    if (this.payment?.status === "qr_shown") return this.become("paid");
    if (this.payment?.status !== "created") return;
    this.become("sending");
    this.play(after[name]);
  }

  // scan takes any scan for a customer who pays.
  scan() { this.act("pays"); }

  show(wallet) {
    if (this.payment?.status !== "created") return;
    this.payment.wallet = wallet ?? "";
    this.become("qr_shown");
  }

  cancel() {
    switch (this.payment?.status) {
      case "created": return this.become("not_sent");
      case "qr_shown": this.become("closing"); return this.play(after.closed);
      case "sending": case "await_payer": case "unknown": this.become("reversing"); return this.play(after.reversed);
    }
  }

  // allows lists what the customer can be made to do, with its key.
  allows(p) {
    if (p.status === "qr_shown") return [["t.pays", "1"]];
    return p.status === "created" ? [["t.pays", "1"], ["t.password", "2"], ["t.declines", "3"], ["t.silent", "4"]] : [];
  }
}

// mark shows or hides what tells training from selling, on the whole page.
export function mark(on) {
  document.body.classList.toggle("training", on);
  document.title = document.title.replace(/^.* ▨ /, "");
  if (on) document.title = text("training.word") + " ▨ " + document.title;
}
