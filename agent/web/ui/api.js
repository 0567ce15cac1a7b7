// Calls to the terminal. Every answer is {ok, status, body}; a terminal that does
// not answer is status 0, never an exception. The body of a drawing is its text; what is
// refused for a while says for how long.

export const page = JSON.parse(document.body.dataset.page || "{}");
export const words = page.words || {};

// exponent is how many digits of a currency come after the point.
export const exponent = (currency) => page.exponents[currency] ?? 2;

// clock is the time of day of a moment, as the shop's clocks show it.
const hours = new Intl.DateTimeFormat(page.locale, { hour: "2-digit", minute: "2-digit", timeZone: page.zone, hour12: false });
export const clock = (at) => hours.format(new Date(at));

// text is a sentence of the page with its arguments.
export function text(key, ...args) {
  return form(words[key] ?? key, args).replace(/\{(\d)\}/g, (_, n) => apart(args[n - 1] ?? ""));
}

// form is the plural form that the first number among the arguments takes.
const plural = new Intl.PluralRules(page.lang || "en");
const form = (forms, args) => (typeof forms === "string" ? forms : forms[plural.select(args.find((a) => typeof a === "number") ?? 0)] ?? forms.other);

// apart keeps an amount or a number whole in a text that runs from right to left.
const apart = (part) => (page.figures?.right && /[^0-9]/.test(part) ? "\u2068" + part + "\u2069" : String(part));

// station is this page's name for itself: one page works at a lane at a time. A slip, which has
// no lane, also has the session of whoever looks at it, be it the owner's.
export const station = sessionStorage.getItem("tillwire-station") ?? crypto.randomUUID();
sessionStorage.setItem("tillwire-station", station);

let onSignedOut = () => {};
export function signedOut(then) { onSignedOut = then; }

export async function call(method, path, body) {
  const lang = (path.includes("?") ? "&" : "?") + "lang=" + encodeURIComponent(page.lang);
  const request = { method, cache: "no-store", credentials: "same-origin", headers: {} };
  if (page.lane) request.headers["Tillwire-Station"] = station;
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(page.api + path + lang, request);
    const raw = await response.text();
    const drawing = response.headers.get("Content-Type") === "image/svg+xml";
    const parsed = drawing ? raw : raw ? JSON.parse(raw) : {};
    if (parsed.retry_after) parsed.say = text("wait", parsed.retry_after);
    if (response.status === 401 && parsed.code === "unauthorized") onSignedOut();
    return { ok: response.ok, status: response.status, body: parsed };
  } catch {
    return { ok: false, status: 0, body: { code: "silent", say: text("silent") } };
  }
}

// persist repeats a call that must arrive while the terminal is silent. It is
// only for calls that are safe to repeat: those with a request_id, and deletions.
export async function persist(method, path, body, tries = 5) {
  let answer = await call(method, path, body);
  for (let i = 1; i < tries && answer.status === 0; i++) {
    await new Promise((done) => setTimeout(done, 700));
    answer = await call(method, path, body);
  }
  return answer;
}

export const $ = (id) => document.getElementById(id);

// write changes a text only where it is another one: what is written again is read aloud again.
export function write(id, sentence) { if ($(id).textContent !== sentence) $(id).textContent = sentence; }

// say writes beneath the amount, where what is refused does not look like advice.
export function say(sentence, wrong = false) {
  write("hint", sentence);
  $("hint").classList.toggle("wrong", wrong);
}

// reach leaves to the keyboard and to screen readers what can be seen: the door and a lane
// that was taken over cover everything, a payment covers the entry.
export function reach() {
  const shut = !$("gate").hidden || !$("taken").hidden;
  for (const part of [document.querySelector(".top"), $("verdict")]) part.inert = shut;
  // With the entry goes the link that leads to it.
  for (const part of [document.querySelector(".skip"), $("till")]) part.inert = shut || !$("verdict").hidden;
}

// fill gives a node its attributes and its children; markup is never parsed from text.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

// svg makes a node of a drawing.
export const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// icon refers to a symbol that the page carries.
export const icon = (name, className = "i") => svg("svg", { class: className, "aria-hidden": "true" }, svg("use", { href: "#i-" + name }));
