// Today's payments, the story of one of them, and refunds.

import { $, call, clock, element, exponent, icon, page, persist, say, text, write } from "./api.js";
import { fromMinor, toMinor } from "./amount.js";
import { badge, money, paidIn } from "./verdict.js";
import { wallet } from "./wallets.js";

const moment = new Intl.DateTimeFormat(page.locale, { dateStyle: "medium", timeStyle: "medium", timeZone: page.zone, hour12: false });

// newer keeps an answer that was overtaken by the stream from turning time back.
const lastFact = (p) => p.facts.at(-1)?.seq ?? 0;
export const newer = (old, next) => !old || lastFact(next) >= lastFact(old);

const groups = "[" + page.figures.group + "\\s]"; // a space is typed for any kind of space
const thousands = new RegExp(groups + "(?=(?:[0-9]{2,3}" + groups + ")*[0-9]{3}(?![0-9]))", "g");

// paycode is what a customer's phone shows to be charged: it is not searched for, since a
// search travels in an address, and addresses are kept in many places. These are the known
// schemes that a code tells by itself, and not by its length alone.
const paycode = /^(1[0-5][0-9]{16}|(2[5-9]|30)[0-9]{14,22}|62[0-9]{17}|315899[0-9]{13}|9000[0-9]{12,20}|fp[0-9A-Za-z]{33}|hQV(DUFYwM|KUFFS).*)$/;

// seen says whether a payment's amount or state is what somebody looks for.
function seen(p, wanted) {
  const figure = wanted.replace(page.signs[p.amount.currency] ?? "", "").replace(p.amount.currency, "").replace(thousands, "");
  return toMinor(figure, exponent(p.amount.currency)) === p.amount.value || p.word.toLowerCase().includes(wanted.toLowerCase());
}

export class Today {
  constructor() {
    this.payments = new Map();
    this.nothing = $("empty").textContent;
    this.open = null; // id of the payment whose story is open
    $("search").addEventListener("input", () => { clearTimeout(this.wait); this.wait = setTimeout(() => this.load(), 200); });
    $("search").addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.first(); }
      if (event.key === "Escape") { $("search").blur(); this.clear(); }
    });
    $("d-close").addEventListener("click", () => $("detail").close());
    $("d-check").addEventListener("click", () => this.check());
    $("d-refund").addEventListener("click", () => this.refundForm(true));
    $("r-cancel").addEventListener("click", () => this.refundForm(false));
    $("d-print").addEventListener("click", () => this.print());
    $("detail").addEventListener("keydown", (event) => {
      if (!["F6", "F9"].includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (event.key === "F9") return page.prints ? this.print() : $("d-receipt").click();
      if (!$("d-refund").hidden && $("refund").hidden) this.refundForm(true);
    });
    $("refund").addEventListener("submit", (event) => { event.preventDefault(); this.refund(); });
    $("r-amount").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); this.onward(); } });
    $("r-amount").addEventListener("input", (event) => { if (event.inputType?.startsWith("insert") && this.whole()) this.onward(); });
    $("r-pin").addEventListener("keydown", (event) => { if (event.key === "Backspace" && $("r-pin").value === "") { event.preventDefault(); $("r-amount").focus(); } });
    $("detail").addEventListener("close", () => {
      this.open = null;
      this.forget();
      this.clear();
      // Until the next frame a field in here still has the keyboard, and would take the next sale's first keys.
      if ($("detail").contains(document.activeElement)) document.activeElement.blur();
    });
  }

  // clear ends a search: the list is the day's again.
  clear() {
    if (!$("search").value) return;
    $("search").value = "";
    this.load();
  }

  // load reads the list anew: the day's, or what the search finds on any day. It is
  // true when the list is what the field asks for.
  async load() {
    const wanted = $("search").value.trim();
    const before = this.payments;
    if (paycode.test(wanted)) {
      $("search").value = "";
      say(text("search.code"), true);
      return void this.load();
    }
    const query = wanted ? "?limit=50&q=" + encodeURIComponent(wanted) : "?limit=100&day=today&lane=" + encodeURIComponent(page.lane);
    // The terminal looks through references and numbers; the day's amounts and states are
    // looked through here, and go first: nobody types a number for two digits in its middle.
    const [answer, day] = await Promise.all([call("GET", "/payments" + query), wanted && call("GET", "/payments" + "?limit=500&day=today")]);
    if (!answer.ok || wanted && !day.ok || $("search").value.trim() !== wanted) return;
    let found = [...(wanted ? day.body.payments.filter((p) => seen(p, wanted)) : []), ...answer.body.payments];
    // A search looks through the newest first; as long as it finds nothing it goes on.
    for (let next = answer.body.next; wanted && found.length === 0 && next;) {
      const older = await call("GET", "/payments" + query + "&cursor=" + encodeURIComponent(next));
      if (!older.ok || $("search").value.trim() !== wanted) return;
      found = older.body.payments;
      next = older.body.next;
    }
    // News that came meanwhile are newer than the answer, and what began meanwhile is not in it.
    const known = this.payments;
    if (!wanted) found.unshift(...[...known.values()].filter((p) => !before.has(p.id) && !found.some(({ id }) => id === p.id)));
    this.payments = new Map(found.map((p) => [p.id, newer(known.get(p.id), p) ? p : known.get(p.id)]));
    this.draw();
    return true;
  }

  // first opens what the search found, where it is clear what that is: the only payment, or
  // the one that is called just what was typed. Otherwise the list is there to choose from.
  async first() {
    clearTimeout(this.wait);
    const wanted = $("search").value.trim();
    if (!wanted) return;
    if (!await this.load()) return;
    let sure = this.payments.size === 1;
    if (this.payments.size > 1) {
      const whole = await call("GET", "/payments" + "?limit=1&whole=true&q=" + encodeURIComponent(wanted));
      if (!whole.ok || $("search").value.trim() !== wanted) return;
      sure = whole.body.payments.length > 0;
      this.payments = new Map([...whole.body.payments.map((p) => [p.id, p]), ...this.payments]);
      this.draw();
    }
    const [found] = this.payments.values();
    if (!found || document.activeElement !== $("search")) return;
    if (!sure) return $("list").querySelector("button").focus();
    this.show(found);
  }

  // take brings one payment's news into the list.
  take(payment) {
    const known = this.payments.has(payment.id);
    if (!newer(this.payments.get(payment.id), payment)) return;
    if (!known && ($("search").value.trim() || payment.lane !== page.lane)) return;
    this.payments = known ? this.payments.set(payment.id, payment) : new Map([[payment.id, payment], ...this.payments]);
    this.draw();
    if (this.looksAt(payment.id)) this.show(payment);
  }

  draw() {
    const rows = [...this.payments.values()].map((p) =>
      element("li", {}, element("button", { class: "item", "data-id": p.id, onclick: () => this.show(p) },
        element("time", { class: "figure", datetime: p.created }, clock(p.created)),
        element("span", { class: "what figure" }, money(p.amount)), badge(p),
        element("span"), element("small", {}, [wallet(p.wallet), p.reference].filter(Boolean).join(" · ") || "…" + p.order_no.slice(-4)),
        element("small", {}, p.refunded.value > 0 && p.status === "paid" ? text("back", money(p.refunded)) : ""))));
    const at = $("list").contains(document.activeElement) && document.activeElement.dataset.id;
    $("list").replaceChildren(...rows);
    if (at) $("list").querySelector(`[data-id="${at}"]`)?.focus();
    $("empty").hidden = rows.length > 0;
    $("empty").textContent = $("search").value.trim() ? text("none") : this.nothing;
  }

  show(p) {
    const fresh = this.open !== p.id;
    this.open = p.id;
    this.shown = p;
    $("d-badge").replaceChildren(...badge(p).childNodes);
    $("d-badge").className = "badge " + p.tone;
    $("d-amount").textContent = money(p.amount);
    write("d-say", p.say);
    const pairs = [["time", moment.format(new Date(p.created))], ["order_no", p.order_no], ["reference", p.reference], ["wallet", wallet(p.wallet)], ["payer", paidIn(p)],
      ["txn", p.txn], ["cashier", p.cashier], ["refunded", p.refunded.value > 0 ? money(p.refunded) : ""]];
    $("d-facts").replaceChildren(...pairs.filter(([, value]) => value).flatMap(([key, value]) =>
      [element("dt", {}, text("fact." + key)), element("dd", { class: key === "order_no" || key === "txn" ? "mono" : "figure" }, value)]));
    const refunds = p.refunds.map((r) => r.status === "done" ? element("li", { class: "banner good row" }, icon("tick"), text("fact.refunded") + " " + money(r.amount)) : element("li", {}, r.say));
    // Read aloud when it is another, and not with every news.
    if ($("d-refunds").textContent !== refunds.map((r) => r.textContent).join("")) $("d-refunds").replaceChildren(...refunds);
    $("d-refund").hidden = p.refundable.value <= 0;
    $("d-check").hidden = p.final;
    $("d-receipt").href = "/receipt/" + p.id;
    if (fresh) this.refundForm(false);
    if ($("detail").open) return;
    // The field or a row of what it found would get the keyboard back with the dialog's end, and
    // the next amount or its Enter with it.
    if ($("search").value) document.activeElement.blur();
    $("detail").showModal();
    this.focus();
  }

  // print puts the slip on paper again, marked when an earlier one may be about.
  async print() {
    const id = this.open;
    const answer = await call("POST", "/payments/" + id + "/print", {});
    if (this.open === id) $("d-say").textContent = answer.ok ? text("printed") : answer.body.say;
  }

  // last opens the day's newest payment of this lane that has a receipt, for one that is wanted
  // again: not what a search has found, nor what nobody paid.
  async last() {
    const answer = await call("GET", "/payments" + "?limit=1&day=today&status=paid,offline_accepted,redeeming&lane=" + encodeURIComponent(page.lane));
    const p = answer.ok && answer.body.payments[0];
    if (!p) return say(answer.ok ? text("none") : answer.body.say, true);
    if ($("till").inert) return; // a payment has begun meanwhile
    this.show(p);
    (page.prints ? $("d-print") : $("d-receipt")).focus();
  }

  async check() {
    const id = this.open;
    const answer = await call("POST", "/payments/" + id + "/check", {});
    if (answer.ok) this.take(answer.body);
    else if (this.open === id) $("d-say").textContent = answer.body.say;
  }

  refundForm(on) {
    $("refund").hidden = !on;
    $("d-actions").hidden = on;
    this.request = crypto.randomUUID();
    this.forget();
    if (!on) return $("detail").open && this.focus();
    $("r-amount").value = fromMinor(this.shown.refundable.value, this.places());
    $("r-reason").value = "";
    $("r-amount").select();
    $("r-amount").focus();
  }

  // looksAt holds while somebody has a payment's story open: news never opens it again.
  looksAt(id) { return this.open === id && $("detail").open; }

  // scanned opens the refund of the payment whose receipt was scanned.
  scanned(p) {
    if (this.open === p.id && !$("refund").hidden) return;
    this.show(p);
    if (p.refundable.value > 0) this.refundForm(true);
  }

  places() { return exponent(this.shown.amount.currency); }

  // whole holds for an amount whose last minor unit was typed: nothing can follow but
  // the PIN, so no key is needed to get there.
  whole() { return this.places() > 0 && new RegExp("[.,][0-9]{" + this.places() + "}$").test($("r-amount").value); }

  // asked is the amount to give back, or 0 once it was said what is wrong with it.
  asked() {
    const amount = toMinor($("r-amount").value, this.places());
    const most = this.shown.refundable;
    if (amount > 0 && amount <= most.value) return amount;
    $("r-wrong").textContent = text("refund.amount", money(most));
    return 0;
  }

  // onward goes from the amount to the PIN.
  onward() {
    if (this.asked() === 0) return;
    $("r-wrong").textContent = "";
    $("r-pin").focus();
  }

  // focus goes to the first thing that can be done, not to the cross.
  focus() { ($("d-refund").hidden ? $("d-receipt") : $("d-refund")).focus(); }

  forget() {
    $("r-pin").value = "";
    $("r-wrong").textContent = "";
  }

  // refund asks for the approval and uses it at once, unless the form was left meanwhile. The
  // request keeps its id, so pressing twice or a lost answer cannot refund twice.
  async refund() {
    const { shown: p, request } = this;
    const here = () => this.looksAt(p.id) && this.request === request;
    const wrong = (say) => { if (here()) $("r-wrong").textContent = say; };
    const amount = this.asked();
    const pin = $("r-pin").value;
    if (amount === 0 || !here()) return;
    if (pin === "") return $("r-pin").focus();
    const submit = $("refund").querySelector("[type=submit]");
    submit.disabled = true;
    $("r-pin").value = "";
    const approval = await call("POST", "/approvals", { pin, payment: p.id, amount });
    if (approval.ok && here()) {
      const answer = await persist("POST", "/payments/" + p.id + "/refunds",
        { request_id: request, amount, reason: $("r-reason").value, approval: approval.body.approval });
      if (answer.ok) {
        this.take(answer.body.payment);
        if (here()) {
          this.refundForm(false);
          this.show(this.payments.get(p.id) ?? answer.body.payment);
          $("d-close").focus(); // nothing is left to do
        }
      } else wrong(answer.body.say);
    } else if (here()) {
      wrong(approval.body.say);
      $("r-pin").focus();
    }
    submit.disabled = false;
  }
}
