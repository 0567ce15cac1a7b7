// The register: one state, one screen. The terminal says what a payment is; this
// page only asks, shows and makes noise.

import { $, call, clock, element, exponent, icon, page, persist, reach, say, signedOut, station, text } from "./api.js";
import { Amount, most } from "./amount.js";
import { Gate } from "./gate.js";
import { Stream } from "./stream.js";
import { Offline } from "./offline.js";
import { Till } from "./till.js";
import { Today, newer } from "./today.js";
import { Training, mark } from "./training.js";
import { Verdict, money, shape, tune } from "./verdict.js";
import { Chooser, Wallets } from "./wallets.js";
import { play, wake } from "./sound.js";
import { announce } from "./voice.js";
import { keys } from "./keys.js";
import { theme } from "./theme.js";

const amount = new Amount(exponent(page.currency));
const today = new Today();
const wallets = new Wallets();
const offline = new Offline(take, (sentence) => verdict.notice(sentence), (list, sum, then) => chooser.ask(list, sum, [], then));
const training = new Training(take);
const verdict = new Verdict(run, wallets, offline, training);
const chooser = new Chooser((name) => open("show", name));
const till = new Till({ resume, act: run });
const gate = new Gate(begin);
let stream = null;
let currency = page.currency; // of the amount that is being entered
let aside = null; // a parked amount that was taken up; it stays on the list until its payment exists
let opening = null; // the request being made; a second press changes nothing
let unanswered = null; // one of which nobody knows whether it arrived
let watched = new Map(); // this lane's payments that left the screen before their end
let display = "";
let announced = false; // the customer's display says it aloud, so this page need not
let heard = null; // the last status

signedOut(() => { if (!gate.closed()) leave(); });
theme($("theme"));
keys({ gate, taken: () => !$("taken").hidden, amount, verdict, chooser, draw, run, scan, press, wake });
// A hand leaves the keyboard where it was: Enter goes on to do what the screen says, and
// never presses again what was touched last.
addEventListener("mousedown", (event) => {
  const button = event.target.closest("button");
  if (!button || button.closest("dialog, .gate")) return;
  event.preventDefault();
  document.activeElement?.blur();
});
$("pad").addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]")?.dataset.key;
  if (key) press(key);
});
$("do-scan").addEventListener("click", () => run("scan"));
$("do-show").addEventListener("click", () => run("show"));
$("lock").addEventListener("click", () => run("lock"));
$("take").addEventListener("click", takeOver);
$("training-end").addEventListener("click", () => train(false));
$("keys").addEventListener("click", () => run("help"));
$("lane")?.addEventListener("change", () => goTo($("lane").value));
for (const other of document.querySelectorAll("[data-lane]")) other.addEventListener("click", () => localStorage.setItem("tillwire-lane", other.dataset.lane));
home();
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
setInterval(touch, 20_000);
draw();
gate.begin();

// begin runs when somebody has signed in.
function begin() {
  cover(false);
  listen("&lane=" + encodeURIComponent(page.lane) + "&station=" + encodeURIComponent(station));
  draw();
}

// listen hears the terminal, from the place at a lane or from none.
function listen(place) {
  stream?.close();
  stream = new Stream(page.api + "/events?lang=" + encodeURIComponent(page.lang) + place, {
    payment: take,
    status: header,
    lane: notice,
    // Whoever was sent away has no place any more: its stream would take the lane again when
    // the terminal comes back and hears this page first.
    taken: ({ by }) => { listen(""); $("taken-by").textContent = text("taken", by); cover(true); },
    locked: leave,
    begun: refresh, // what happened while the page was locked, and not before it is heard
    refused: () => call("GET", "/session"), // whose 401 leads to the door
  }, lost);
}

// home leads a browser back to the register it works at.
function home() {
  const mine = localStorage.getItem("tillwire-lane");
  const known = [...($("lane")?.options ?? [])].some((option) => option.value === mine);
  if (mine !== page.lane && known && !new URLSearchParams(location.search).has("lane")) goTo(mine);
}

function goTo(lane) {
  localStorage.setItem("tillwire-lane", lane);
  location.search = "?lane=" + encodeURIComponent(lane);
}

// cover hides the register while another browser works at it.
function cover(on) {
  if (on) {
    train(false);
    if (aside) putBack();
    verdict.hideCode();
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  }
  $("taken").hidden = !on;
  reach();
  if (on) $("take").focus();
}

async function takeOver() {
  const answer = await call("POST", "/lanes/" + encodeURIComponent(page.lane) + "/take", { station });
  if (answer.ok) begin();
  else $("taken-by").textContent = answer.body.say;
}

// train begins or ends training. It begins on a free register only, so that no real
// sale is ever seen in its frame, and ends with the first that comes.
function train(on) {
  if (on && verdict.payment?.held) return verdict.notice(text("training.busy"));
  if (on === training.on) return;
  if (verdict.payment) verdict.show(null);
  for (const id of watched.keys()) if (id.startsWith("training-")) watched.delete(id);
  if (aside) putBack();
  if (on) training.start();
  else training.stop();
  amount.clear();
  useCurrency(page.currency);
  mark(on);
  $("training").hidden = !on;
  document.querySelector(".today").inert = on;
  $("search").value = "";
  draw();
}

// resume goes on with an amount that was parked.
function resume(parked) {
  aside = parked;
  suggest(parked.amount);
}

// resumed holds while what was parked is what Enter asks for, also when it was typed once more.
function resumed() {
  return aside && amount.minor() === aside.amount.value && currency === aside.amount.currency;
}

// putBack leaves what was taken up to the list, which it never left.
function putBack() {
  aside = null;
  amount.clear();
  useCurrency(page.currency);
  say(text("parked.done"));
}

// suggest offers an amount that Enter takes and any digit replaces.
function suggest(sum) {
  useCurrency(sum.currency);
  amount.suggest(sum.value);
  draw();
}

// park puts the amount aside: what is entered, or what waits for a code and was
// therefore never sent anywhere.
async function park(p) {
  if (training.on) return p ? verdict.notice(text("training.not")) : say(text("training.not"), true);
  if (!p && amount.minor() === 0) return run("parked");
  if (!p && resumed()) return putBack();
  const sum = p ? p.amount : asked();
  if (!sum) return;
  if (p) {
    const answer = await call("POST", "/payments/" + p.id + "/cancel", {});
    if (!answer.ok) return verdict.notice(answer.body.say);
    take(answer.body);
    if (answer.body.status !== "not_sent") return; // a code was scanned in the same moment
    dismiss(sum);
  }
  till.ask(sum);
}

function leave() {
  train(false);
  if (aside) putBack();
  stream?.close();
  stream = null;
  lost(false);
  gate.lock();
}

// lost is told when the terminal falls silent and when it is heard again.
function lost(silent) {
  document.body.classList.toggle("lost", silent);
  $("lost").hidden = !silent;
  verdict.lost(silent);
  if (silent) line("bad", "cross", text("line.lost"));
  else if (heard) header(heard);
  if (silent) {
    verdict.hideCode();
    play("doubt");
  } else if (stream) refresh();
}

// refresh asks anew after a silence or a lock: the stream brings the news, this the
// rest.
async function refresh() {
  today.load();
  till.parked();
  if (!verdict.payment || verdict.payment.training) return;
  const answer = await call("GET", "/payments/" + verdict.payment.id);
  if (answer.ok) take(answer.body);
}

function press(key) {
  wake();
  used = performance.now();
  if (!amount.key(key)) refuse();
  draw();
}

function refuse() {
  play("no");
  $("amount").classList.remove("refused");
  void $("amount").offsetWidth;
  $("amount").classList.add("refused");
}

function draw() {
  $("typed").textContent = pointed(amount.text) || "0";
  $("rest").textContent = pointed(amount.rest());
  if (page.figures.behind) $("rest").after($("sign")); // 12,80 €
  const sign = page.signs[currency] ?? "";
  $("sign").textContent = sign;
  $("unit").textContent = currency;
  // A long amount gets smaller letters: no digit may leave the screen. Sign and code
  // are about half and a third as large as the digits.
  $("amount").style.setProperty("--len", Math.max(6, 1 + (sign.length + 1) / 2 + ($("typed").textContent + $("rest").textContent).length));
  drawCurrencies();
  $("amount").classList.toggle("kept", amount.kept);
  hint();
}

// pointed writes the point as the page's language does; both keys type it.
function pointed(digits) {
  return digits.replace(".", page.figures.point);
}

// hint says which wallets take the chosen currency, where that is a question at all.
function hint() {
  const names = wallets.currencies.length > 1 ? wallets.taking(currency) : [];
  say(resumed() ? text("parked.word", aside.note || money(aside.amount)) : amount.kept ? text("hint.kept") : names.join(" · "));
}

// drawCurrencies offers what some wallet takes, and only the ways of paying that
// there are in the chosen one.
function drawCurrencies() {
  const codes = wallets.currencies.includes(currency) ? wallets.currencies : [...wallets.currencies, currency];
  $("currencies").hidden = codes.length < 2;
  if ($("currencies").dataset.codes !== codes.join()) {
    $("currencies").dataset.codes = codes.join();
    $("currencies").replaceChildren(...codes.map((code) => element("button", { type: "button", class: "quiet", "data-code": code, title: wallets.taking(code).join(" · "), onclick: () => useCurrency(code) }, code)), element("kbd", {}, "F3"));
  }
  for (const button of $("currencies").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.code === currency));
  const point = exponent(currency) > 0 ? "." : "00";
  $("point").dataset.key = point;
  $("point").textContent = pointed(point);
  const scans = wallets.scans(currency);
  const shows = wallets.showing(currency).length > 0;
  // Where nothing can be done both buttons stay and say so.
  $("do-scan").hidden = !scans && shows;
  $("do-show").hidden = !shows && scans;
  $("do-show").classList.toggle("main", !scans && shows);
  $("show-key").textContent = !scans && shows ? "Enter" : "F2";
}

function useCurrency(code) {
  currency = code;
  amount.use(exponent(code));
  draw();
}

// run does what a button or a key stands for.
async function run(name, which) {
  wake();
  const p = verdict.payment;
  // What is being asked for is not parked as well, nor taken off the screen.
  if (opening && !p && ["park", "parked", "clear"].includes(name)) return;
  switch (name) {
    case "scan": return wallets.scans(currency) || wallets.showing(currency).length === 0 ? open("any") : choose();
    case "show": return p ? show(p) : choose();
    case "pick": return p && !chooser.open ? show(p, which) : chooser.pick(which);
    case "currency": return useCurrency(wallets.currencies[(wallets.currencies.indexOf(currency) + 1) % wallets.currencies.length]);
    case "cancel": case "cancel.yes": case "other": case "release": return cancel(p);
    case "cancel.no": return verdict.unask();
    case "new": case "next": case "again":
      // What was on its way to the button or key that stood there a moment ago takes away no
      // verdict that nobody has read.
      return verdict.fresh ? undefined : dismiss(name === "again" ? p?.amount : undefined);
    case "typed": return dismiss(); // the next sale's first digit: none may be lost
    case "here": return verdict.showCode();
    case "hide": return verdict.hideCode();
    case "works": return verdict.works();
    case "offline": case "later": return p ? offline.go(name, p) : undefined;
    case "sight": case "void": return p ? offline.ask(name, p) : undefined;
    case "receipt": return p ? receipt(p) : training.on ? say(text("training.not"), true) : today.last();
    case "search": return search(p);
    case "menu": return till.menu();
    case "park": return park(p);
    case "parked": // which lists what was taken up, too
      if (training.on) return say(text("training.not"), true);
      if (aside) putBack();
      return till.list();
    case "put_aside":
      amount.clear();
      useCurrency(page.currency);
      return aside ? suggest(aside.amount) : say(text("parked.done"));
    case "shift_opened": return say(text("shift.opened"));
    case "shift_closed": return hint();
    case "training": return train(!training.on);
    case "staff": return gate.team();
    case "t.pays": case "t.password": case "t.declines": case "t.silent": return training.act(name.slice(2));
    case "lock": return gate.leave().then(leave);
    case "help": return $("help").showModal();
    // Out of a foreign currency and a search as out of an amount: one step a press.
    case "clear":
      if (aside) return resumed() ? putBack() : suggest(aside.amount);
      if (amount.clear()) draw(); else if (currency !== page.currency) useCurrency(page.currency); else today.clear();
      return;
  }
}

// asked is the amount as it would be asked for, or null once it was said what is
// wrong with it.
function asked() {
  const minor = amount.minor();
  if (minor > 0 && minor <= most(currency)) return { value: minor, currency };
  refuse();
  say(minor <= 0 ? text("hint.amount") : text("hint.large", money({ value: most(currency), currency })), true);
  return null;
}

// choose shows the code of the only wallet that has one, or asks which.
function choose() {
  const sum = asked();
  if (!sum || opening) return;
  const list = wallets.showing(currency);
  if (list.length === 0) { refuse(); say(text("hint.no_wallet", currency), true); return; }
  if (list.length === 1) return open("show", list[0].name);
  chooser.ask(list, money(sum), wallets.elsewhere(currency));
}

// open asks for a payment. Its request_id is kept until the terminal has answered, so neither
// a second press nor a lost answer can ask twice, also when the silence was longer than the tries. That of a parked amount is its own: it has
// one payment for ever, at whatever register.
async function open(mode, which) {
  const sum = asked();
  if (!sum || opening) return;
  if (training.on) {
    amount.clear();
    useCurrency(page.currency);
    return training.open(mode, sum, which);
  }
  const same = unanswered && unanswered.amount.value === sum.value && unanswered.amount.currency === sum.currency && unanswered.mode === mode && unanswered.wallet === which;
  const id = resumed() ? aside.id : same ? unanswered.request_id : crypto.randomUUID();
  opening = { request_id: id, lane: page.lane, amount: sum, reference: "", mode, ...(which && { wallet: which }) };
  const answer = await (resumed() ? persist("POST", "/parked/" + encodeURIComponent(id) + "/payment", opening) : persist("POST", "/payments", opening));
  unanswered = answer.status === 0 ? opening : null;
  opening = null;
  if (answer.ok) {
    aside = null;
    amount.clear();
    useCurrency(page.currency); // the next sale is in the shop's own again
    return bring(answer.body);
  }
  play("no");
  if (answer.body.code === "request_reused") { // the amount has its payment already
    putBack();
    till.parked();
  }
  say(answer.body.say, true);
  if (answer.body.payment) {
    const other = await call("GET", "/payments/" + answer.body.payment);
    if (other.ok) bring(other.body);
  }
}

// bring shows a payment that was asked for or is in the way. One that has ended already, or is
// another register's, shows its story: nobody asks for it again without knowing.
function bring(p) {
  take(p);
  if (verdict.payment?.id !== p.id && $("taken").hidden && !gate.closed()) today.show(p);
}

// show asks for a code of a payment that waits for a scan: of the only wallet that has one
// in its currency, which need not be the lane's own, or of the one that is chosen.
async function show(p, which) {
  if (p.training) return training.show(which);
  const list = wallets.showing(p.amount.currency);
  if (!which && list.length > 1) return chooser.ask(list, money(p.amount), [], (name) => show(p, name));
  const wallet = which ?? list[0]?.name;
  const answer = await call("POST", "/payments/" + p.id + "/show", wallet ? { wallet } : {});
  if (answer.ok) take(answer.body);
  else verdict.notice(answer.body.say);
}

// receipt prints the slip where the lane has a printer, and shows it elsewhere.
async function receipt(p) {
  if (p.training) return verdict.notice(text("training.paper"));
  if (!page.prints) return void window.open("/receipt/" + p.id, "_blank", "noopener");
  const answer = await call("POST", "/payments/" + p.id + "/print", {});
  if (verdict.payment?.id === p.id) verdict.notice(answer.ok ? text("printed") : answer.body.say);
}

// scanned opens the payment whose receipt was scanned, ready to give money back.
async function scanned(id) {
  if (verdict.payment?.held || gate.closed() || training.on) return;
  const answer = await call("GET", "/payments/" + id);
  if (!answer.ok) return say(answer.body.say, true);
  if (verdict.payment) dismiss();
  if (chooser.open) chooser.close();
  play("tick");
  today.scanned(answer.body);
}

// cancel asks once more where money may have moved, and never pretends: the
// screen changes when the terminal says so.
async function cancel(p) {
  if (!p || p.final) return;
  const moved = ["sending", "await_payer", "unknown"].includes(p.status);
  if (moved && !verdict.ask()) return;
  if (p.training) return training.cancel();
  if (p.status === "qr_shown") verdict.hideCode();
  const answer = await call("POST", "/payments/" + p.id + "/cancel", {});
  if (answer.ok) take(answer.body);
  else verdict.notice(answer.body.say);
}

// dismiss goes on to the next sale, if the lane is free for it.
function dismiss(suggestion) {
  const p = verdict.payment;
  if (!p || p.held) return;
  if (!p.final) watched.set(p.id, p.status);
  const kept = suggestion ?? (p.final ? null : p.amount);
  if (kept) suggest(kept);
  till.parked();
  verdict.show(null);
  draw();
}

// search goes to the field, unless a customer is paying: it would swallow what a keyboard
// scanner types.
function search(p) {
  if (training.on || p?.held || p && verdict.silent) return;
  dismiss();
  $("search").focus();
}

// scan hands in what a keyboard scanner typed.
async function scan(code) {
  if (training.on) return training.scan(); // what was scanned never leaves this page
  const answer = await call("POST", "/lanes/" + encodeURIComponent(page.lane) + "/scan", { text: code });
  if (answer.body.receipt) return scanned(answer.body.payment.id);
  if (answer.body.payment?.id) take(answer.body.payment);
  if (!answer.body.accepted) notice({ ...answer.body, lane: page.lane, receipt: "" });
}

// take brings in one payment's news.
function take(p) {
  if (!p.training) today.take(p);
  if (p.lane !== page.lane || !$("taken").hidden) return;
  if (training.on && !p.training) {
    if (!p.held) return;
    train(false); // a till has opened a real sale here
  }
  const current = verdict.payment;
  if (current?.id === p.id) {
    if (newer(current, p)) change(p, current.status);
  } else if (p.held && (!current || !current.held)) {
    if (current && !current.final) watched.set(current.id, current.status);
    change(p, "");
  } else if (watched.has(p.id) && (p.final || p.status === "refund_due" || p.status === "review")) {
    if (watched.get(p.id) !== p.status) toast(p);
    if (p.final) watched.delete(p.id);
    else watched.set(p.id, p.status);
  }
}

function change(p, before) {
  if (!before) {
    today.clear();
    $("say-verdict").textContent = ""; // of an earlier payment
  }
  verdict.show(p);
  if (p.test) $("test").hidden = false;
  if (p.status === before) return;
  play(tune(p));
  if (p.status === "paid" && !announced && !p.training) announce(p.amount);
  // Over an open dialog a verdict is neither seen nor read aloud. What has a field stays.
  if (p.final) for (const dialog of ["till-menu", "help", "parked", "choose", "report", "team"]) $(dialog).close();
  (p.final || p.status === "unknown" ? $("say-verdict") : $("say-progress")).textContent = [p.word, money(p.amount), p.status === "paid" ? "" : p.say].filter(Boolean).join(". ");
  if (p.status === "qr_shown" && display !== "ready" && !p.training) verdict.showCode();
}

// toast tells how a payment ended that is not on the screen any more.
function toast(p) {
  play(tune(p));
  const note = element("button", { class: "toast", onclick: () => { note.remove(); if (!p.training) today.show(p); } },
    icon(shape(p), ""), element("span", {}, p.word + " " + money(p.amount) + " — " + p.say));
  $("toasts").append(note);
  setTimeout(() => note.remove(), 30_000);
}

// notice is something the terminal wants the cashier of a lane to know.
function notice(n) {
  if (n.lane !== page.lane || !n.say || !$("taken").hidden) return;
  if (training.on) return training.scan(); // the lane's scanner read something while nothing real was open
  if (n.receipt) return void scanned(n.receipt);
  play(n.tone === "calm" ? "tick" : "no");
  // A code that was read twice takes away no verdict that nobody has read, either.
  if (verdict.payment && (!verdict.payment.final || verdict.fresh)) verdict.notice(n.say);
  else {
    if (verdict.payment) dismiss();
    // An amount stands there: what is missing is the key that asks for it.
    say(n.code === "scan.no_payment" && amount.minor() > 0 && wallets.scans(currency) ? text("hint.enter") : n.say, n.tone !== "calm");
  }
}

function line(tone, shape, word) {
  if ($("line").className === "badge " + tone && $("line").textContent === word) return; // or it is read aloud with every status
  $("line").className = "badge " + tone;
  $("line").replaceChildren(icon(shape), element("span", {}, word));
}

// header shows the line, the queue and the lane's display.
function header(status) {
  heard = status;
  const state = status.line.state;
  const look = { online: ["good", "tick"], degraded: ["doubt", "hourglass"], down: ["bad", "cross"] }[state];
  line(...look, text("line." + state));
  const since = Date.parse(status.line.since) > 0 ? clock(status.line.since) : "";
  offline.take(status);
  const waits = offline.banner(state, since);
  $("down").textContent = waits || (state === "online" ? "" : text("down." + state, since, status.queue.unsent));
  $("down").hidden = $("down").textContent === "";
  $("unsent").hidden = status.queue.unsent === 0;
  $("unsent").textContent = text("queue", status.queue.unsent);
  const lane = status.lanes.find((lane) => lane.id === page.lane);
  display = lane?.display ?? "";
  announced = lane?.announces ?? false;
  wallets.take({ wallets: status.wallets, currencies: status.currencies, shows: lane?.shows ?? [] });
  verdict.offer();
  verdict.actions();
  drawCurrencies();
  if (!$("hint").textContent) hint();
}

// touch keeps the session while somebody works or a customer is paying.
let used = performance.now();
let touched = 0;
for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => { used = performance.now(); }, { passive: true });
function touch() {
  const now = performance.now();
  const working = now - used < 60_000 || verdict.payment?.held && $("taken").hidden;
  if (gate.closed() || !working || now - touched < 45_000) return;
  touched = now;
  call("PUT", "/session");
}
