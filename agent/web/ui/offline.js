// Selling without a line. What may be accepted is the terminal's to say; this part
// shows what is left of it and asks for a manager where one is needed.

import { $, call, clock, page, text } from "./api.js";
import { money } from "./verdict.js";
import { takes, wallet } from "./wallets.js";

const none = { on: false, least: "", ways: [], shows: [], later: [], since: null, all: { count: 0, most: 0, sums: [] }, lanes: {} };

const sums = (stored, member) => stored.sums.filter((s) => member === "left" || s.value > 0)
  .map((s) => money({ value: s[member], currency: s.currency })).join(" + ") || money({ value: 0, currency: page.currency });

export class Offline {
  // done gets the payment as the terminal then has it, refused what it says instead;
  // choose asks which of several wallets.
  constructor(done, refused, choose) {
    this.done = done;
    this.refused = refused;
    this.choose = choose;
    this.status = none;
    this.down = false;
    this.unsent = 0;
    this.away = ""; // the wallets that cannot be reached
    $("manager-form").addEventListener("submit", (event) => { event.preventDefault(); this.approve(); });
    $("manager").addEventListener("close", () => { $("m-pin").value = ""; this.wanted = null; });
  }

  // take brings in the terminal's status; down is true when some wallet has no line.
  take(status) {
    this.status = status.offline ?? none;
    this.down = status.line.state !== "online";
    this.unsent = status.queue.unsent;
    this.wallets = status.wallets;
    this.away = Object.keys(status.line.wallets).filter((name) => status.line.wallets[name].state === "down").map(wallet).join(", ");
  }

  // banner is the sentence about what was accepted, "" when there is nothing to say.
  banner(state, since) {
    const { on, all, lanes } = this.status;
    if (state === "online") return all.count > 0 ? text("down.collecting", all.count, sums(all, "value")) : "";
    // A wallet whose own server is away is not the shop's line.
    const mine = state === "down";
    if (!on && all.count === 0) return mine ? "" : text("down.degraded", since, this.unsent, this.away);
    const here = lanes[page.lane] ?? all;
    const left = { sums: here.sums.map((s) => ({ ...s, left: Math.min(s.left, all.sums.find((o) => o.currency === s.currency)?.left ?? 0) })) };
    const sales = Math.max(0, Math.min(all.most - all.count, here.most - here.count));
    const oldest = this.status.since ? clock(this.status.since) : "";
    return text((mine ? "down.offline" : "down.wallet") + (oldest ? "_since" : ""), since, all.count, all.most, sums(all, "value"), on ? sales : 0,
      on ? sums(left, "left") : money({ value: 0, currency: page.currency }), oldest, this.away);
  }

  // allows lists what can be done about a payment, with its key.
  allows(p) {
    const own = p.facts.some((f) => f.kind === "offline_shown");
    if (p.status === "created" && this.down && this.status.on) {
      const cards = this.status.later.length > 0 && this.status.ways.includes("deferred");
      return [...(this.status.shows.length > 0 || !cards ? [["offline", "F6"]] : []), ...(cards ? [["later", "F3"]] : [])];
    }
    if ((p.status === "qr_shown" || p.status === "closing" && p.held) && own && this.status.ways.includes("sight")) return [["sight", "F6"]];
    if (p.status === "offline_accepted") return [["void", "F6"]];
    return [];
  }

  // go sells this payment without a line: by a code made here, or by a card's code that is
  // charged later. Where several wallets can do it, the cashier chooses.
  async go(kind, p) {
    const list = this.choices(kind, p);
    if (list.length > 1) return this.choose(list, money(p.amount), (name) => this.by(kind, p, name));
    return this.by(kind, p, list[0]?.name);
  }

  // choices lists the wallets that a way of selling is for: those that take the currency,
  // and of them those that cannot be reached, where that is not so of all.
  choices(kind, p) {
    const named = (kind === "later" ? this.status.later : this.status.shows).map((name) => this.wallets?.find((w) => w.name === name) ?? { name, currencies: [], state: "down" });
    const list = named.filter((w) => takes(w, p.amount.currency));
    const away = list.filter((w) => w.state === "down");
    return away.length > 0 ? away : list;
  }

  async by(kind, p, name) {
    if (this.status.least === "manager") return this.ask(kind, p, name);
    this.answered(await call("POST", "/payments/" + p.id + "/offline", name ? { wallet: name } : {}), kind);
  }

  // ask opens the manager's dialog for what needs one.
  ask(kind, p, name) {
    this.wanted = { kind, payment: p, name };
    $("m-title").textContent = text("do." + kind);
    $("m-hint").textContent = text("manager." + (kind === "later" ? "offline" : kind), money(p.amount));
    $("m-wrong").textContent = "";
    $("m-pin").value = "";
    $("manager").showModal();
    $("m-pin").focus();
  }

  // approve does what is wanted, unless the dialog was left while the PIN was looked at.
  async approve() {
    const { wanted } = this;
    const { kind, payment: p, name } = wanted;
    const pin = $("m-pin").value;
    $("m-pin").value = "";
    const granted = await call("POST", "/approvals", { pin, payment: p.id, amount: p.amount, act: kind === "later" ? "offline" : kind });
    if (this.wanted !== wanted) return;
    if (!granted.ok) return void ($("m-wrong").textContent = granted.body.say);
    const { approval } = granted.body;
    $("manager").close();
    if (kind === "offline" || kind === "later") this.answered(await call("POST", "/payments/" + p.id + "/offline", { ...(name && { wallet: name }), approval }), kind);
    else if (kind === "sight") this.answered(await call("POST", "/payments/" + p.id + "/sight", { approval }));
    else this.answered(await call("POST", "/payments/" + p.id + "/void", { approval }));
  }

  answered(answer, kind) {
    if (answer.ok) this.done(answer.body);
    if (!answer.ok) this.refused(answer.body.say);
    else if (kind === "later") this.refused(text("later.scan"));
  }
}
