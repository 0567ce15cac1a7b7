// What a cashier does beside selling: the shift and its reports, amounts put aside, and
// the way into training. Everything is behind one key and has a number in its list.

import { $, call, clock, element, exponent, page, persist, text } from "./api.js";
import { toMinor } from "./amount.js";
import { money, settling } from "./verdict.js";
import { wallet } from "./wallets.js";

const moment = new Intl.DateTimeFormat(page.locale, { dateStyle: "medium", timeStyle: "short", timeZone: page.zone, hour12: false });

// Till: resume gets a parked amount, act does what an entry of the menu stands for.
export class Till {
  constructor({ resume, act }) {
    this.resume = resume;
    this.act = act;
    this.now = null; // the shift as it was last told
    $("menu").addEventListener("click", () => this.menu());
    // When the key comes up: what it opens may have a field, and the digit is not for that.
    $("till-menu").addEventListener("keyup", (event) => this.number(event, $("menu-list")));
    $("parked").addEventListener("keyup", (event) => this.number(event, $("parked-list")));
    for (const entry of $("menu-list").querySelectorAll("[data-entry]")) entry.addEventListener("click", () => this.choose(entry.dataset.entry));
    $("shift-form").addEventListener("submit", (event) => { event.preventDefault(); this.count(); });
    $("report-print").addEventListener("click", () => this.print());
    $("park-form").addEventListener("submit", (event) => { event.preventDefault(); this.park(); });
  }

  // number presses the entry that has a digit.
  number(event, list) {
    if (!/^[1-9]$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    const entry = [...list.querySelectorAll("[data-number]")].filter((e) => !e.hidden && !e.disabled).find((e) => e.dataset.number === event.key);
    if (!entry) return;
    event.preventDefault();
    entry.click();
  }

  async menu() {
    // What is not known yet is not offered: the last answer may be another shift's.
    $("menu-shift").textContent = "";
    for (const entry of ["open", "close", "report"]) $("menu-list").querySelector(`[data-entry="${entry}"]`).hidden = true;
    if (!$("till-menu").open) $("till-menu").showModal();
    $("menu-list").querySelector("button").focus();
    const answer = await call("GET", "/lanes/" + encodeURIComponent(page.lane) + "/shift");
    if (!answer.ok) return void ($("menu-shift").textContent = answer.body.say);
    this.tell(answer.body.shift);
  }

  // tell says in the menu how the shift stands.
  tell(shift) {
    this.now = shift;
    const runs = shift && !shift.closed;
    $("menu-shift").textContent = runs ? text("shift.since", moment.format(new Date(shift.opened)), shift.opened_by) : shift ? text("shift.closed", moment.format(new Date(shift.closed)), shift.closed_by) : text("shift.none");
    for (const [entry, hidden] of Object.entries({ open: runs, close: !runs, report: !shift })) {
      $("menu-list").querySelector(`[data-entry="${entry}"]`).hidden = Boolean(hidden);
    }
  }

  choose(entry) {
    $("till-menu").close();
    switch (entry) {
      case "open": case "close": return this.drawer(entry);
      case "report": return this.report(this.now);
      default: return this.act(entry);
    }
  }

  // drawer asks for what lies in the drawer, at either end of a shift.
  drawer(which) {
    this.which = which;
    $("shift-title").textContent = text("shift." + which);
    $("shift-hint").textContent = text("shift." + which + "_hint");
    $("shift-counted").value = "";
    $("shift-wrong").textContent = "";
    $("shift").showModal();
    $("shift-counted").focus();
  }

  async count() {
    const typed = $("shift-counted").value.trim();
    const counted = toMinor(typed, exponent(page.currency));
    if (counted === 0 && !/^0+([.,]0*)?$/.test(typed)) return void ($("shift-wrong").textContent = text("shift.counted"));
    const answer = await call("POST", "/lanes/" + encodeURIComponent(page.lane) + "/shift" + (this.which === "close" ? "/close" : ""), { counted });
    if (!answer.ok) return void ($("shift-wrong").textContent = answer.body.say);
    $("shift").close();
    this.now = answer.body.shift;
    this.act(this.which === "close" ? "shift_closed" : "shift_opened");
    if (this.which === "close") this.report(this.now);
  }

  // report shows what a shift has come to: its X report, or its Z report once it is over.
  report(shift) {
    this.shown = shift;
    $("report-title").textContent = text(shift.closed ? "report.z" : "report.x");
    const cents = (value, currency) => money({ value, currency });
    const rows = shift.sums.filter((sum) => sum.count > 0).flatMap((sum) => [
      ...shift.wallets.filter((w) => w.currency === sum.currency && w.paid > 0).map((w) => this.row(wallet(w.wallet), w.paid, cents(w.captured, w.currency), cents(w.refunded, w.currency), cents(w.captured - w.refunded, w.currency))),
      this.row(text("report.sum", sum.currency), sum.paid, cents(sum.captured, sum.currency), cents(sum.refunded, sum.currency), cents(sum.captured - sum.refunded, sum.currency), "sum"),
    ]);
    $("report-rows").replaceChildren(...rows);
    $("report-table").hidden = rows.length === 0;
    const open = shift.sums.reduce((n, sum) => n + sum.open, 0);
    const earlier = (what) => shift.sums.filter((sum) => sum[what]).map((sum) => cents(sum[what], sum.currency)).join(" + ");
    const pairs = [["opened", moment.format(new Date(shift.opened)) + " · " + shift.opened_by], ["begin", money(shift.begin)],
      ["closed", shift.closed ? moment.format(new Date(shift.closed)) + " · " + shift.closed_by : ""], ["end", shift.closed ? money(shift.end) : ""], ["unsettled", open ? String(open) : ""],
      ["taken_earlier", earlier("captured_earlier")], ["earlier", earlier("refunded_earlier")]];
    $("report-facts").replaceChildren(...pairs.filter(([, value]) => value).flatMap(([key, value]) => [element("dt", {}, text("report." + key)), element("dd", { class: "figure" }, value)]));
    $("report-none").hidden = rows.length > 0;
    $("report-slip").href = "/shift/" + shift.id;
    $("report-said").textContent = "";
    $("report").showModal();
    ($("report-print").hidden ? $("report-slip") : $("report-print")).focus();
  }

  row(name, paid, captured, refunded, kept, style = "") {
    return element("tr", { class: style }, element("th", { scope: "row" }, name), ...[paid, captured, refunded, kept].map((v) => element("td", { class: "figure" }, String(v))));
  }

  async print() {
    const answer = await call("POST", "/shifts/" + this.shown.id + "/print", {});
    $("report-said").textContent = answer.ok ? text("printed") : answer.body.say;
  }

  // ask puts an amount aside, with a word to know it by.
  ask(amount) {
    this.amount = amount;
    this.request = crypto.randomUUID();
    $("park-amount").textContent = money(amount);
    $("park-note").value = "";
    $("park-wrong").textContent = "";
    $("park").showModal();
    $("park-note").focus();
  }

  async park() {
    const { request } = this;
    if (this.parking === request) return;
    this.parking = request;
    const answer = await persist("POST", "/parked", { request_id: request, lane: page.lane, amount: this.amount, note: $("park-note").value });
    if (this.parking === request) this.parking = "";
    // Who has left the dialog goes on with the amount: it must not wait in the list as well.
    if (!$("park").open || this.request !== request) return void (answer.ok && this.remove(answer.body));
    if (!answer.ok) return void ($("park-wrong").textContent = answer.body.say);
    $("park").close();
    this.parked();
    this.act("put_aside");
  }

  // parked asks what was put aside, at any register, and says at home how many that are.
  async parked() {
    const turn = (this.turn = {});
    const answer = await call("GET", "/parked");
    if (!answer.ok || turn !== this.turn) return answer; // asked anew meanwhile
    const { length } = answer.body.parked;
    $("waits").hidden = length === 0;
    $("waits").firstChild.textContent = text("parked.word", length);
    return answer;
  }

  // list shows what was put aside.
  async list() {
    const answer = await this.parked();
    const rows = answer.ok ? answer.body.parked : [];
    $("parked-none").hidden = rows.length > 0;
    $("parked-none").textContent = answer.ok ? text("parked.none") : answer.body.say;
    $("parked-list").replaceChildren(...rows.map((p, i) => element("li", { class: "row" },
      element("button", { class: "push-after", "data-number": i < 9 ? String(i + 1) : false, onclick: () => { $("parked").close(); this.resume(p); } },
        i < 9 ? element("kbd", {}, String(i + 1)) : "", element("span", { class: "figure" }, money(p.amount)), element("small", {}, [p.note, clock(p.at), p.by].filter(Boolean).join(" · "))),
      element("button", { class: "quiet", onclick: (event) => this.discard(p, event.currentTarget) }, text("parked.discard")))));
    if (!$("parked").open) $("parked").showModal();
    $("parked-list").querySelector("button")?.focus();
  }

  // discard asks before it forgets an amount. A second press that came with the first is no answer.
  async discard(p, button) {
    if (!button.dataset.asked) {
      button.dataset.asked = performance.now();
      button.className = "danger";
      button.textContent = text("parked.sure");
    }
    if (performance.now() - button.dataset.asked < settling) return;
    if (await this.remove(p) && $("parked").open) return this.list();
  }

  // remove takes an amount off the list; a second press while it is asked for does nothing.
  async remove(p) {
    if (this.removing) return null;
    this.removing = true;
    const answer = await persist("DELETE", "/parked/" + encodeURIComponent(p.id));
    this.removing = false;
    this.parked();
    return answer;
  }
}

