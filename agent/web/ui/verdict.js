// What a payment looks like: the sign, the sentence, the seconds, the actions. It
// decides nothing; the status is the terminal's.

import { $, element, icon, page, text } from "./api.js";
import { drawCode, fit } from "./code.js";
import { written } from "./amount.js";
import { play } from "./sound.js";

const shapes = {
  created: "scan", sending: "dots", await_payer: "phone", qr_shown: "qr", unknown: "question",
  reversing: "hourglass", closing: "hourglass", refund_due: "back", refunded: "back", paid: "tick", review: "flag",
};

export const shape = (payment) => shapes[payment.status] ?? "cross";
export const money = (amount) => written(amount, page.exponents, page.signs);
export const wallet = (name) => (name ? text("wallet." + name).replace("wallet.", "") : "");

const still = ["paid", "declined", "not_sent", "reversed", "closed", "refunded", "review"];
const counts = (payment) => !still.includes(payment.status);
const busy = ["sending", "await_payer", "unknown", "reversing", "closing", "refund_due"];

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
  constructor(run) {
    this.run = run; // what a button does: run(name)
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
    if (!payment) {
      // A button that is hidden keeps the focus until the next frame and would
      // swallow the next key.
      if ($("verdict").contains(document.activeElement)) document.activeElement.blur();
      this.hideCode();
      return;
    }
    if (!same) {
      this.began = performance.now() - Math.min(Math.max(Date.now() - Date.parse(payment.since), 0), 3_600_000);
      this.asked = false;
      this.notice("");
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
    $("v-meta").textContent = [wallet(payment.wallet), payment.reference, payment.final || payment.status === "unknown" || payment.status === "review" ? text("order", payment.order_no.slice(-4)) : ""]
      .filter(Boolean).join("  ·  ");
    this.seconds();
    this.actions();
    if (payment.status !== "qr_shown") this.hideCode();
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
  }

  // lost takes the actions away while the terminal is silent.
  lost(silent) {
    this.silent = silent;
    this.seconds();
    this.actions();
  }

  notice(say) {
    $("v-notice").textContent = say;
    $("v-notice").hidden = say === "";
  }

  // ask wants a second key press where money may have moved already.
  ask() {
    if (this.asked) return true;
    this.asked = true;
    this.notice(text("cancel.sure"));
    this.actions();
    clearTimeout(this.patience);
    this.patience = setTimeout(() => { this.asked = false; this.notice(""); this.actions(); }, 6000);
    return false;
  }

  // allowed lists what can be done now, the most likely thing first.
  allowed() {
    const p = this.payment;
    if (!p) return [];
    switch (p.status) {
      case "created":
        return [...(p.mode === "any" ? [["show", "F2"]] : []), ["cancel", "Esc"]];
      case "qr_shown":
        return [[this.code ? "hide" : "here", "F7"], ["cancel", "Esc"]];
      case "sending": case "await_payer":
        return [[this.asked ? "cancel.yes" : "cancel", "Esc"]];
      case "unknown":
        return [[this.asked ? "cancel.yes" : "other", "F4"]];
      case "closing":
        return p.held ? [["release", "Esc"]] : [["next", "Enter"]];
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
    const had = $("v-actions").contains(document.activeElement);
    $("v-actions").replaceChildren(...this.allowed().map(([name, key], i) =>
      element("button", { class: i === 0 ? "first" : "", disabled: this.silent && "", "data-do": name, onclick: () => this.run(name) }, text("do." + name), " ", element("kbd", {}, key))));
    if (had) $("v-actions").firstElementChild?.focus();
  }

  // showCode turns the screen into the display, for a lane that has none.
  async showCode() {
    const p = this.payment;
    if (!p || p.status !== "qr_shown") return;
    this.code = p.id;
    this.actions();
    const answer = await fetch(page.api + "/payments/" + p.id + "/qr", { cache: "no-store" }).catch(() => null);
    const svg = answer?.ok ? drawCode(await answer.text(), text("code")) : null;
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
