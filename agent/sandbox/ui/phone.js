// A customer's phone: a payment code that renews itself, a scanner for the
// shop's code, the password, and what happened so far.
import { startCamera } from "/ui/camera.js";

const words = JSON.parse(document.body.dataset.words);
const base = "/phone/" + document.body.dataset.id;
const api = "/_sandbox/customers/" + document.body.dataset.id;
const lang = document.documentElement.lang;
const $ = (id) => document.getElementById(id);

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.say);
  return value;
}

// ── views ───────────────────────────────────────────────────────────────────
// Customers of some wallets only scan: their phones have no code to show.
const shows = !("reads" in document.body.dataset);
let view = shows ? "code" : "scan";
let stopCamera = () => {};
function show(name) {
  view = name;
  stopCamera();
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== "view-" + name;
  for (const tab of document.querySelectorAll(".tabs button")) {
    if (tab.dataset.view === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (name === "code" && Date.now() > code.until) freshCode();
}
for (const tab of document.querySelectorAll(".tabs button")) tab.addEventListener("click", () => show(tab.dataset.view));

let fade = 0;
function say(kind, text) {
  const box = $("verdict");
  box.className = "verdict " + kind;
  box.textContent = text;
  box.hidden = false;
  clearTimeout(fade);
  if (kind !== "wait") fade = setTimeout(() => { box.hidden = true; }, 8000);
}

// ── the payment code ────────────────────────────────────────────────────────
const code = { until: 0, life: 60000, text: "", busy: false };
async function freshCode() {
  if (code.busy) return;
  code.busy = true;
  try {
    const got = await post(base + "/code");
    // The server counts the seconds: a phone's clock may be wrong.
    code.life = got.seconds * 1000;
    code.until = Date.now() + code.life;
    code.text = got.code;
    const drawing = new DOMParser().parseFromString(got.svg, "image/svg+xml").documentElement;
    $("qr").replaceChildren(document.importNode(drawing, true));
    $("digits").textContent = got.grouped;
    $("stale").hidden = true;
  } catch {
    $("qr").replaceChildren();
    $("digits").textContent = "····";
    code.until = Date.now() + 3000; // try again soon
  } finally {
    code.busy = false;
  }
}
if (shows) $("fresh").addEventListener("click", freshCode);
if (shows) setInterval(() => {
  const left = Math.max(0, code.until - Date.now());
  $("left").style.transform = "scaleX(" + Math.min(1, left / code.life) + ")";
  $("seconds").textContent = words.left.replace("{n}", Math.ceil(left / 1000));
  if (left === 0 && view === "code" && !document.hidden) freshCode();
}, 250);

for (const button of document.querySelectorAll("[data-counter]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await post(base + "/present/" + button.dataset.counter, { code: code.text });
      say("wait", words.held.replace("{register}", button.textContent.trim()));
      setTimeout(() => { if ($("verdict").classList.contains("wait")) $("verdict").hidden = true; }, 4000);
    } catch (error) {
      say("bad", error.message);
    }
    button.disabled = false;
  });
}

// ── scanning the shop's code ────────────────────────────────────────────────
const verdicts = { paid: "good", password: "wait", declined: "bad", abandoned: "bad", closed: "bad", unknown: "bad", signed: "good", no_line: "bad" };
async function scan(qr) {
  say("wait", words.paying);
  try {
    const { status, code } = await post(api + "/scan", { qr });
    slip(code);
    if (status === "password") $("verdict").hidden = true;
    else say(verdicts[status], words["scan_" + status]);
  } catch (error) {
    say("bad", words.failed + " " + error.message);
  }
  refresh();
}
$("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = event.target.qr.value.trim();
  if (text) scan(text);
  event.target.reset();
});
$("camera-on").addEventListener("click", async () => {
  const note = $("camera-note");
  note.hidden = true;
  try {
    stopCamera = await startCamera($("video"), $("camera"), (text) => { stopCamera(); scan(text); });
  } catch (error) {
    note.textContent = words[error.message] ?? words.no_camera;
    note.hidden = false;
  }
});

// ── paying while the shop, or the phone, has no line ────────────────────────
const offline = Boolean($("flight"));
let slipCode = "";
async function slip(text) {
  if (!offline || !text) return;
  slipCode = text;
  $("slip").dataset.code = text; // for whoever drives the page
  $("slip-kind").textContent = words["kind_" + text.slice(0, 3)] ?? "";
  const { svg } = await post(base + "/draw", { code: text });
  $("slip-qr").replaceChildren(document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true));
  $("slip").hidden = false;
  if ($("slip-hold")) $("slip-hold").hidden = false;
  $("slip").scrollIntoView({ block: "center" });
}
function putAway() {
  slipCode = "";
  delete $("slip").dataset.code;
  $("slip-qr").replaceChildren();
  $("slip").hidden = true;
  if ($("slip-hold")) $("slip-hold").hidden = true;
}
async function carry(change) {
  try {
    await post(api + "/carry", change);
  } catch (error) {
    say("bad", words.failed + " " + error.message);
  }
  refresh();
}
async function voucher(wish) {
  try {
    const { status, code } = await post(api + "/voucher", wish);
    say(verdicts[status], words["scan_" + status]);
    await slip(code);
  } catch (error) {
    say("bad", words.failed + " " + error.message);
  }
  refresh();
}
if (offline) {
  $("flight").addEventListener("change", (event) => carry({ flight: event.target.checked }));
  $("es256").addEventListener("change", (event) => carry({ es256: event.target.checked }));
  $("attack").addEventListener("change", (event) => carry({ attack: event.target.value }));
  $("voucher").addEventListener("click", () => voucher({}));
  $("slip-done").addEventListener("click", putAway);
  for (const gift of document.querySelectorAll("[data-gift]")) {
    gift.addEventListener("click", () => voucher({ kind: "bearer", amount: Number(gift.dataset.gift) }));
  }
}
for (const button of document.querySelectorAll("[data-look]")) {
  button.addEventListener("click", async () => {
    say("wait", words.looking.replace("{register}", button.textContent.trim()));
    try {
      const { qr } = await post(base + "/look/" + button.dataset.look);
      await scan(qr);
    } catch (error) {
      say("bad", error.message);
    }
  });
}
for (const button of document.querySelectorAll("[data-slip-counter]")) {
  button.addEventListener("click", async () => {
    try {
      await post(base + "/present/" + button.dataset.slipCounter, { code: slipCode });
      say("wait", words.held.replace("{register}", button.textContent.trim()));
      setTimeout(() => { if ($("verdict").classList.contains("wait")) $("verdict").hidden = true; }, 4000);
    } catch (error) {
      say("bad", error.message);
    }
  });
}

// ── the password ────────────────────────────────────────────────────────────
const sheet = $("password");
const dots = sheet.querySelectorAll(".dots i");
let typed = 0;
let dismissed = "";
let asked = "";
function dot(n) {
  typed = n;
  dots.forEach((d, i) => d.classList.toggle("set", i < n));
}
function ask(prompt) {
  if (!prompt) {
    asked = "";
    if (sheet.open) sheet.close();
    return;
  }
  if (prompt.order_no === dismissed || prompt.order_no === asked) return;
  asked = prompt.order_no;
  $("ask-what").textContent = prompt.description;
  $("ask-amount").textContent = prompt.amount;
  dot(0);
  if (!sheet.open) sheet.showModal();
}
async function press(digit) {
  if (!sheet.open || typed >= dots.length) return;
  dot(typed + 1);
  if (typed < dots.length) return;
  sheet.close();
  try {
    const { status, code } = await post(api + "/confirm");
    slip(code);
    say(verdicts[status], words["scan_" + status]);
  } catch (error) {
    say("bad", words.failed + " " + error.message);
  }
  refresh();
}
for (const key of sheet.querySelectorAll(".pad button:not([id])")) key.addEventListener("click", () => press(key.textContent));
$("rub").addEventListener("click", () => dot(Math.max(0, typed - 1)));
$("later").addEventListener("click", () => sheet.close());
sheet.addEventListener("close", () => { if (typed < dots.length) dismissed = asked; });
sheet.addEventListener("keydown", (event) => {
  if (/^[0-9]$/.test(event.key)) press(event.key);
  if (event.key === "Backspace") dot(Math.max(0, typed - 1));
});

// ── what the cloud knows ────────────────────────────────────────────────────
function row(entry) {
  const li = document.createElement("li");
  const what = document.createElement("span");
  const when = document.createElement("small");
  const number = document.createElement("small");
  const sum = document.createElement("strong");
  what.append(entry.say, when);
  when.textContent = entry.at;
  number.textContent = entry.order_no;
  number.className = "number";
  sum.textContent = entry.amount;
  sum.className = entry.kind;
  li.append(what, sum, number);
  return li;
}
function shown(entry) {
  const li = document.createElement("li");
  const button = document.createElement("button");
  const what = document.createElement("span");
  const small = document.createElement("small");
  const sum = document.createElement("strong");
  button.type = "button";
  what.append(entry.description);
  small.textContent = entry.order_no;
  small.className = "number";
  sum.textContent = entry.amount;
  button.append(what, sum, small);
  button.addEventListener("click", () => scan(entry.qr));
  li.append(button);
  return li;
}
let newest = null;
async function refresh() {
  let state;
  try {
    const answer = await fetch(base + "/state?lang=" + lang);
    if (!answer.ok) throw new Error();
    state = await answer.json();
  } catch {
    $("stale").hidden = false;
    return;
  }
  $("stale").hidden = true;
  $("balance").textContent = state.balance;
  if (offline) {
    $("flight").checked = state.flight;
    $("es256").checked = state.es256;
    $("gifts").hidden = state.flight;
    if (document.activeElement !== $("attack")) $("attack").value = state.attack ?? "";
    $("carries").textContent = state.carries || words.carries_none;
  }
  $("history").replaceChildren(...state.history.map(row));
  $("no-history").hidden = state.history.length > 0;
  $("shown").hidden = state.shown.length === 0;
  const key = JSON.stringify(state.shown);
  if (key !== $("shown").dataset.key) {
    $("shown").dataset.key = key;
    $("shown").querySelector("ul").replaceChildren(...state.shown.map(shown));
  }
  ask(state.prompt);
  // A payment that the shop started by scanning this phone is news.
  const latest = state.history[0];
  const mark = latest ? latest.order_no + latest.state : "";
  if (newest !== null && mark !== newest && latest) {
    if (latest.state === "paid") say("good", words.scan_paid + " " + latest.amount.replace("−", ""));
    if (latest.state === "declined") say("bad", words.scan_declined);
    if (latest.state === "reversed") say("wait", latest.say);
    if (code.text && latest.by_code) freshCode();
  }
  newest = mark;
}
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
refresh();
if (shows) freshCode();
