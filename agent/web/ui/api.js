// Calls to the terminal. Every answer is {ok, status, body}; a terminal that does
// not answer is status 0, never an exception.

export const page = JSON.parse(document.body.dataset.page || "{}");
export const words = page.words || {};

// text is a sentence of the page with its arguments.
export function text(key, ...args) {
  return form(words[key] ?? key, args).replace(/\{(\d)\}/g, (_, n) => apart(args[n - 1] ?? ""));
}

// form is the plural form that the first number among the arguments takes.
const plural = new Intl.PluralRules(page.lang || "en");
const form = (forms, args) => (typeof forms === "string" ? forms : forms[plural.select(args.find((a) => typeof a === "number") ?? 0)] ?? forms.other);

// apart keeps an amount or a number whole in a text that runs from right to left.
const apart = (part) => (page.figures?.right && /[^0-9]/.test(part) ? "\u2068" + part + "\u2069" : String(part));

// station is this page's name for itself: one page works at a lane at a time.
export const station = sessionStorage.getItem("tillwire-station") ?? crypto.randomUUID();
sessionStorage.setItem("tillwire-station", station);

let onSignedOut = () => {};
export function signedOut(then) { onSignedOut = then; }

export async function call(method, path, body) {
  const lang = (path.includes("?") ? "&" : "?") + "lang=" + encodeURIComponent(page.lang);
  const request = { method, cache: "no-store", credentials: "same-origin", headers: { "Tillwire-Station": station } };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(page.api + path + lang, request);
    const raw = await response.text();
    const parsed = raw ? JSON.parse(raw) : {};
    if (response.status === 401 && parsed.code === "unauthorized") onSignedOut();
    return { ok: response.ok, status: response.status, body: parsed };
  } catch {
    return { ok: false, status: 0, body: { code: "silent", say: text("silent") } };
  }
}

// persist repeats a call that must arrive while the terminal is silent. It is
// only for calls that are safe to repeat: those with a request_id, and deletions.
// An answer with again set came after a silence: what it refuses may have been done before.
export async function persist(method, path, body, tries = 5) {
  let answer = await call(method, path, body);
  for (let i = 1; i < tries && answer.status === 0; i++) {
    await new Promise((done) => setTimeout(done, 700));
    answer = { ...(await call(method, path, body)), again: true };
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

// element makes a node with text children; markup is never parsed from text.
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const svgns = "http://www.w3.org/2000/svg";

// icon refers to a symbol that the page carries.
export function icon(name, className = "i") {
  const svg = document.createElementNS(svgns, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svgns, "use");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}
