// The customer's display. It shows whole screens and takes them off by itself: a
// payable code never stays when the terminal is silent, its time is over, or an
// older screen arrives late.

import { $, page, text } from "./api.js";
import { drawCode, fit } from "./code.js";
import { Stream } from "./stream.js";

const icons = { idle: "dots", scan: "phone", qr: "qr", progress: "dots", paid: "tick", unpaid: "cross", wait: "hourglass" };

const nothing = { amount: "", currency: "", brand: "", app: "" };
let current = null; // the screen as it was sent
let ends = 0; // performance.now() at which its code must be gone
let forget = 0; // timer that gives up the last customer's language
let life = 1; // how long the code was given, for the bar

const stream = new Stream(page.url + "/events?lang=" + encodeURIComponent(page.lang), { screen: show, broken: blank }, (lost) => { if (lost) blank(); });
setInterval(beat, 10_000);
setInterval(tick, 200);

function show(screen) {
  if (current && current.boot === screen.boot && screen.generation < current.generation) return;
  current = screen;
  life = Math.max(screen.ttl_ms, 1);
  ends = performance.now() + screen.ttl_ms;
  const svg = screen.svg && screen.ttl_ms > 0 ? drawCode(screen.svg, screen.say) : null;
  if (screen.svg && !svg) return blank();
  draw(screen.kind, screen.kind === "idle" ? page.welcome : screen.say, screen, svg, screen.test);
  beat();
  clearTimeout(forget);
  // The next customer finds the shop's language again.
  if (screen.kind === "idle" && location.search) forget = setTimeout(() => location.replace(location.pathname), 20_000);
}

// blank shows nothing that could be wrong: no code, no verdict, no amount.
function blank() {
  ends = 0;
  draw("wait", page.wait, nothing, null, false);
}

function draw(kind, say, { amount, currency, brand, app }, svg, test) {
  document.body.dataset.kind = kind;
  $("icon").firstElementChild.setAttribute("href", "#i-" + (icons[kind] ?? "dots"));
  $("say").textContent = say;
  $("amount").textContent = amount;
  $("amount").style.setProperty("--len", Math.max(amount.length, 5));
  $("unit").textContent = amount.includes(currency) ? "" : currency;
  $("brand").textContent = brand;
  $("app").textContent = svg ? app : "";
  $("test").hidden = !test && !page.test;
  $("code").hidden = !svg;
  $("code").replaceChildren(...(svg ? [svg] : []));
  $("left").hidden = !svg;
  if (svg) fit(svg);
  tick();
}

function tick() {
  if ($("code").hidden) return;
  const left = ends - performance.now();
  if (left <= 0 || stream.lost) return blank();
  $("seconds").textContent = text("seconds", Math.ceil(left / 1000));
  $("bar").style.setProperty("--part", Math.round((left / life) * 100) + "%");
}

// beat tells the terminal that this page lives and which screen it shows.
async function beat() {
  if (!current) return;
  await fetch(page.url + "/beat", {
    method: "POST", cache: "no-store", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ stream: current.stream, generation: current.generation }),
  }).catch(() => {});
}
