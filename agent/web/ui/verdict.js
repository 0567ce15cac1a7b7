// What a payment looks like: the sign, the sentence, the seconds, the actions. It
// decides nothing; the status is the terminal's.

import { $, call, element, exponent, icon, page, reach, text } from "./api.js";
import { drawCode, fit } from "./code.js";
import { written } from "./amount.js";
import { play } from "./sound.js";
import { tiles, wallet } from "./wallets.js";

const shapes = {
  created: "scan", sending: "dots", await_payer: "phone", qr_shown: "qr", unknown: "question",
  reversing: "hourglass", closing: "hourglass", refund_due: "back", refunded: "back", paid: "tick", review: "flag",
  offline_accepted: "hourglass", redeeming: "hourglass", offline_rejected: "flag",
};

export const shape = (payment) => shapes[payment.status] ?? "cross";

// money names a currency that is not the shop's own: a yen and a yuan have one sign.
export function money(amount) {
  const figure = written(amount, exponent(amount.currency), page.signs, page.figures);
  return amount.currency === page.currency || figure.includes(amount.currency) ? figure : figure + " " + amount.currency;
}

// paidIn is what left the customer's account, where the wallet tells it. Beside an
// amount in another currency it always says which one it is.
export function paidIn(p) {
  if (!p.payer) return "";
  const { amount, rate } = p.payer;
  const figure = money(amount);
  const named = amount.currency === p.amount.currency || figure.includes(amount.currency) ? figure : figure + " " + amount.currency;
  return named + (rate ? " (" + text("rate", rate) + ")" : "");
}

// paidOtherwise says so where the customer paid something else than was asked for.
const paidOtherwise = (p) => (p.status === "paid" && p.payer && (p.payer.amount.value !== p.amount.value || p.payer.amount.currency !== p.amount.currency) ? text("payer", paidIn(p)) : "");

const still = ["paid", "declined", "not_sent", "reversed", "closed", "refunded", "review", "offline_accepted", "redeeming", "offline_rejected", "voided"];
const counts = (payment) => !still.includes(payment.status);
const busy = ["sending", "await_payer", "unknown", "reversing", "closing", "refund_due"];

// turns says who must act now, so that nobody waits for somebody who waits for them.
const turns = {
  created: "you", qr_shown: "customer", await_payer: "customer", sending: "wallet", unknown: "wallet",
  reversing: "wallet", closing: "wallet", refund_due: "wallet",
};

// settling is how long, in ms, nothing takes a new state off the screen. A hand needs about
// half a second to see it and stop.
export const settling = 700;

// tune is the sound of a payment's state.
export function tune(payment) {
  switch (payment.tone) {
    case "good": case "striped": return "good";
    case "bad": return "bad";
    case "doubt": case "office": return payment.status === "reversing" || payment.status === "closing" ? "tick" : "doubt";
  }
  return "tick";
}

export class Verdict {
  constructor(run, wallets, apart, training) {
    this.run = run; // what a button does: run(name)
    this.wallets = wallets;
    this.apart = apart; // what can be done without a line
    this.training = training; // what a customer can be made to do in training
    this.choice = []; // the wallets that can be chosen now, by their tiles
    this.payment = null;
    this.began = 0;
    this.asked = false;
    this.code = "";
    this.silent = false; // the terminal is not heard: nothing can be done
    setInterval(() => this.seconds(), 250);
  }

  // show puts a payment on the screen; null takes it off.
  show(payment) {
    const same = this.payment && payment && this.payment.id === payment.id && this.payment.status === payment.status;
    this.payment = payment;
    $("verdict").hidden = payment === null;
    reach();
    if (!payment) {
      this.settle();
      // A button that is hidden keeps the focus until the next frame and would
      // swallow the next key.
      if ($("verdict").contains(document.activeElement)) document.activeElement.blur();
      this.choice = [];
      this.hideCode();
      return;
    }
    if (!same) {
      this.began = performance.now() - Math.min(Math.max(Date.now() - Date.parse(payment.since), 0), 3_600_000);
      this.asked = false;
      this.notice("");
      this.stir();
    }
    $("verdict").dataset.tone = payment.tone;
    $("verdict").classList.toggle("busy", busy.includes(payment.status));
    $("v-icon").firstElementChild.setAttribute("href", "#i-" + shape(payment));
    $("v-word").textContent = payment.word;
    $("v-amount").textContent = money(payment.amount);
    $("v-amount").style.setProperty("--len", Math.max($("v-amount").textContent.length, 5));
    // The sign and the amount say it all when it is paid.
    $("v-say").textContent = payment.status === "paid" ? "" : payment.say;
    $("v-test").hidden = !payment.test;
    $("v-meta").textContent = [wallet(payment.wallet), paidOtherwise(payment), payment.reference, !payment.training && (payment.final || payment.status === "unknown" || payment.status === "review") ? text("order", payment.order_no.slice(-4)) : ""]
      .filter(Boolean).join("  ·  ");
    this.seconds();
    this.offer();
    this.actions();
    if (payment.status !== "qr_shown") this.hideCode();
  }

  // fresh holds while a key may still be meant for what the screen said before.
  get fresh() { return "fresh" in $("verdict").dataset; }

  // stir begins a moment in which nothing that is pressed counts for what has just come up.
  stir() {
    $("verdict").dataset.fresh = "";
    clearTimeout(this.unread);
    this.unread = setTimeout(() => this.settle(), settling);
  }

  settle() {
    clearTimeout(this.unread);
    delete $("verdict").dataset.fresh;
  }

  // offer shows the tiles of a payment that waits for a scan and may show a code as
  // well. One wallet needs no tile: there is a button for it.
  offer() {
    const p = this.payment;
    const list = p && !p.training && p.status === "created" && p.mode === "any" ? this.wallets.showing(p.amount.currency) : [];
    const as = JSON.stringify([p?.id, list]);
    this.can = list.length > 0;
    this.choice = list.length > 1 ? list : [];
    $("v-choice").hidden = this.choice.length === 0;
    $("v-amount").classList.toggle("less", this.choice.length > 0);
    if (as === this.offered) return; // the focus stays where it is
    this.offered = as;
    $("v-tiles").replaceChildren(...tiles(this.choice, (name) => this.run("pick", name)));
  }

  // seconds counts while somebody waits, so that no wait looks like a stop.
  seconds() {
    const p = this.payment;
    if (!p) return;
    const passed = Math.max(0, Math.floor((performance.now() - this.began) / 1000));
    $("v-time").textContent = counts(p) ? text("seconds", passed) : "";
    // A soft tick while the customer types: somebody looks away from the screen.
    if (p.status === "await_payer" && passed > 0 && passed % 10 === 0 && passed !== this.ticked) play("tick");
    this.ticked = passed;
    // How long the terminal has been at it is not known while it is silent.
    $("v-time").hidden = !counts(p) || this.silent;
    const turn = this.silent ? "" : turns[p.status] ?? "";
    if ($("v-who").dataset.turn !== turn) {
      $("v-who").dataset.turn = turn;
      $("v-who").textContent = turn ? text("turn." + turn) : "";
    }
  }

  // lost takes the actions away while the terminal is silent.
  lost(silent) {
    this.silent = silent;
    this.seconds();
    this.actions();
    for (const tile of $("v-tiles").children) tile.disabled = silent;
  }

  // notice is a remark about the payment. What was hidden until now is not read aloud, so it
  // is said in a place that is always there.
  notice(say, voice = "say-progress") {
    $("v-notice").textContent = say;
    $("v-notice").hidden = say === "";
    if (say) $(voice).textContent = say;
  }

  // ask wants a second key press where money may have moved already: one that can only be
  // an answer, and not the first one twice.
  ask() {
    if (this.asked) return !this.fresh;
    this.asked = true;
    this.stir();
    this.notice(text("cancel.sure"), "say-verdict");
    this.actions();
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.unask(), 6000);
    return false;
  }

  // unask takes the question back: nothing is cancelled.
  unask() {
    clearTimeout(this.patience);
    this.asked = false;
    this.notice("");
    this.actions();
  }

  // allowed lists what can be done now, the most likely thing first.
  allowed() {
    const p = this.payment;
    if (!p) return [];
    const apart = (p.training ? this.training : this.apart).allows(p);
    switch (p.status) {
      case "created":
        return [...apart, ...(p.mode === "any" && this.can && this.choice.length === 0 ? [["show", "F2"]] : []), ["cancel", "Esc"], ...(p.training ? [] : [["park", "F1"]])];
      case "qr_shown":
        return p.training ? [...apart, ["cancel", "Esc"]] : [[this.code ? "hide" : "here", "F7"], ...apart, ["cancel", "Esc"]];
      case "offline_accepted":
        return [["new", "Enter"], ["receipt", "F9"], ...apart];
      case "sending": case "await_payer":
        return this.asked ? [["cancel.yes", "Esc"], ["cancel.no", "Enter"]] : [["cancel", "Esc"]];
      case "unknown":
        return this.asked ? [["cancel.yes", "F4"], ["cancel.no", "Esc"]] : [["other", "F4"]];
      case "closing":
        return p.held ? [["release", "Esc"], ...apart] : [["next", "Enter"]];
      case "reversing": case "refund_due": case "review":
        return [["next", "Enter"], ["receipt", "F9"]];
      case "paid":
        return [["new", "Enter"], ["receipt", "F9"]];
      case "declined": case "not_sent": case "reversed": case "closed":
        return [["again", "Enter"], ["new", "Esc"], ["receipt", "F9"]];
    }
    return [["new", "Enter"], ["receipt", "F9"]];
  }

  actions() {
    const now = this.allowed();
    const as = JSON.stringify([now, this.silent]);
    if (as === this.drawn) return; // the focus stays where it is
    this.drawn = as;
    const had = $("v-actions").contains(document.activeElement);
    $("v-actions").replaceChildren(...now.map(([name, key], i) =>
      element("button", { class: i === 0 ? "first" : "", disabled: this.silent && "", "data-do": name, onclick: () => this.run(name) }, text("do." + name), " ", element("kbd", {}, key))));
    // To what Enter stands for, and never to the yes of a question that has just come up.
    const at = now.findIndex(([name, key]) => name === "cancel.no" || key === "Enter");
    if (had) $("v-actions").children[Math.max(at, 0)]?.focus();
  }

  // showCode turns the screen into the display, for a lane that has none.
  async showCode() {
    const p = this.payment;
    if (!p || p.status !== "qr_shown" || p.training) return; // training has no code that a phone could pay
    this.code = p.id;
    this.actions();
    const answer = await call("GET", "/payments/" + p.id + "/qr");
    const svg = answer.ok ? drawCode(answer.body, text("code")) : null;
    if (this.code !== p.id || this.payment?.status !== "qr_shown") return;
    if (!svg) return this.hideCode();
    $("v-qr").replaceChildren(svg);
    $("v-qr").hidden = false;
    $("verdict").classList.add("showing");
    fit(svg);
  }

  hideCode() {
    this.code = "";
    $("v-qr").hidden = true;
    $("v-qr").replaceChildren();
    $("verdict").classList.remove("showing");
    this.actions();
  }

  // works says which keys do something now.
  works() {
    this.notice(this.allowed().map(([name, key]) => key + ": " + text("do." + name)).join("  ·  "));
  }
}

// badge is a payment's state in a list.
export function badge(payment) {
  const node = element("span", { class: "badge " + payment.tone }, icon(shape(payment)), payment.word);
  return node;
}
