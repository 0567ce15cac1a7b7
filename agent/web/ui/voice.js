// A success is said aloud, in the page's language: a shop that hears its payments
// notices the one that went to a code somebody stuck over its own. Where no voice
// speaks the language, a tone of its own says it.

import { exponent, page, text } from "./api.js";
import { fromMinor } from "./amount.js";
import { play } from "./sound.js";

// spoken is an amount with its currency's name. The digits go in as text: no number
// of the page ever rounds money.
function spoken({ value, currency }) {
  const digits = fromMinor(value, exponent(currency));
  try {
    return new Intl.NumberFormat(page.lang, { style: "currency", currency, currencyDisplay: "name" }).format(digits);
  } catch {
    return digits + " " + currency;
  }
}

// voice is one that speaks the page's language; browsers may know it only later.
function voice() {
  const lang = page.lang.toLowerCase();
  const all = globalThis.speechSynthesis?.getVoices() ?? [];
  const same = (v) => v.lang.toLowerCase().replace("_", "-");
  return all.find((v) => same(v) === lang) ?? all.find((v) => same(v).split("-")[0] === lang.split("-")[0]);
}

// announce says that an amount has come in.
export function announce(amount) {
  if (!page.announce) return;
  const speaker = voice();
  if (!speaker) return play("paid");
  const sentence = new SpeechSynthesisUtterance(text("voice.paid", spoken(amount)));
  sentence.voice = speaker;
  sentence.lang = speaker.lang;
  sentence.onerror = (event) => { if (event.error !== "interrupted" && event.error !== "canceled") play("paid"); };
  speechSynthesis.cancel(); // the newest is what counts
  speechSynthesis.speak(sentence);
}

globalThis.speechSynthesis?.getVoices(); // asks for the list, so that it is there when it is needed
