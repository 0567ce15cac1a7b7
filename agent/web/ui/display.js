// The customer's display. It shows whole screens and takes them off by itself: a
// payable code never stays when the terminal is silent, its time is over, or an
// older screen arrives late.

import { $, element, page, text } from "./api.js";
import { drawCode, fit } from "./code.js";
import { audible, wake } from "./sound.js";
import { Stream } from "./stream.js";
import { announce } from "./voice.js";

const icons = { idle: "dots", scan: "phone", qr: "qr", progress: "dots", paid: "tick", unpaid: "cross", wait: "hourglass" };

const nothing = { amount: "", currency: "", lang: page.lang, say: page.wait, brand: "", app: "" };
const turnEvery = 4000; // ms that a language stays where several take turns

let current = null; // the screen as it was sent
let drawn = nothing; // the screen whose words are shown
let turn = 0; // which of its languages
let ends = 0; // performance.now() at which its code must be gone
let forget = 0; // timer that gives up the last customer's language
let life = 1; // how long the code was given, for the bar

const stream = new Stream(page.url + "/events" + (page.chosen ? "?lang=" + encodeURIComponent(page.lang) : ""),
  { screen: show, broken: blank }, (lost) => { if (lost) blank(); });
setInterval(beat, 10_000);
setInterval(tick, 200);
setInterval(nextLanguage, turnEvery);
// A kiosk's browser lets its page be heard at once, another one after a touch.
wake();
addEventListener("pointerdown", wake);

function show(screen) {
  if (current && current.boot === screen.boot && screen.generation < current.generation) return;
  // Another language of the shop: the page's own words follow it while nobody pays.
  if (screen.kind === "idle" && screen.lang && screen.lang !== page.lang) return location.reload();
  const news = !current || current.boot !== screen.boot || screen.generation > current.generation;
  const before = current?.kind;
  current = screen;
  life = Math.max(screen.ttl_ms, 1);
  ends = performance.now() + screen.ttl_ms;
  const svg = screen.svg && screen.ttl_ms > 0 ? drawCode(screen.svg, screen.say) : null;
  if (screen.svg && !svg) return blank();
  draw(screen.kind, screen, svg, screen.test);
  beat();
  // A page that is opened on a verdict has not seen it happen.
  if (news && screen.kind === "paid" && before && before !== "paid") announce(screen);
  clearTimeout(forget);
  // The next customer finds the shop's language again.
  if (screen.kind === "idle" && location.search) forget = setTimeout(() => location.replace(location.pathname), 20_000);
}

// blank shows nothing that could be wrong: no code, no verdict, no amount.
function blank() {
  ends = 0;
  draw("wait", nothing, null, false);
}

function draw(kind, screen, svg, test) {
  const { amount, currency } = screen;
  document.body.dataset.kind = kind;
  drawn = screen;
  turn = 0;
  $("icon").firstElementChild.setAttribute("href", "#i-" + (icons[kind] ?? "dots"));
  $("amount").textContent = amount;
  $("amount").style.setProperty("--len", Math.max(amount.length, 5));
  $("unit").textContent = amount.includes(currency) ? "" : currency;
  $("test").hidden = !test && !page.test;
  $("code").hidden = !svg;
  $("code").replaceChildren(...(svg ? [svg] : []));
  $("left").hidden = !svg;
  speak();
  if (svg) fit(svg);
  tick();
}

// speak puts up the words of the screen in the language whose turn it is.
function speak() {
  const says = [drawn, ...(drawn.turns ?? [])];
  const { lang = page.lang, say, brand = "", marks = [], app = "" } = says[turn % says.length];
  for (const id of ["say", "brand", "app"]) $(id).lang = lang;
  $("say").textContent = say;
  $("brand").textContent = brand;
  $("app").textContent = $("code").hidden ? "" : app;
  $("marks").replaceChildren(...marks.map((name) => element("li", {}, name)));
}

// nextLanguage is the next one's turn. It is no news: screen readers heard the first.
function nextLanguage() {
  if (!drawn.turns?.length) return;
  turn += 1;
  $("screen").setAttribute("aria-live", "off");
  speak();
  $("screen").setAttribute("aria-live", "polite");
}

function tick() {
  if ($("code").hidden) return;
  const left = ends - performance.now();
  if (left <= 0 || stream.lost) return blank();
  $("seconds").textContent = text("seconds", Math.ceil(left / 1000));
  $("bar").style.setProperty("--part", Math.round((left / life) * 100) + "%");
}

// beat tells the terminal that this page lives, which screen it shows, and whether it
// says payments aloud, so that the register need not.
async function beat() {
  if (!current) return;
  await fetch(page.url + "/beat", {
    method: "POST", cache: "no-store", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ stream: current.stream, generation: current.generation, sound: page.announce && audible() }),
  }).catch(() => {});
}
