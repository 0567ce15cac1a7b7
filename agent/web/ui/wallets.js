// What the shop's wallets can do, and the tiles to choose one of them by.

import { $, element, page, text } from "./api.js";

export const wallet = (name) => (name ? page.names?.[name] ?? name : "");

export class Wallets {
  constructor() { this.take(page); }

  // take brings in what the terminal says now: all wallets, the currencies to choose
  // from, and which wallets this lane shows codes of, its own first.
  take({ wallets, currencies, shows }) {
    this.all = wallets;
    this.currencies = currencies;
    this.shows = shows;
  }

  // showing lists the wallets that give a code to show in a currency.
  showing(currency) {
    return this.shows.map((name) => this.all.find((w) => w.name === name)).filter((w) => w && takes(w, currency));
  }

  // taking names the wallets that can be paid with in a currency, one way or another.
  taking(currency) { return this.all.filter((w) => (w.scan || this.shows.includes(w.name)) && takes(w, currency)).map((w) => wallet(w.name)); }

  // elsewhere names the wallets that show codes, but not in this currency.
  elsewhere(currency) {
    return this.all.filter((w) => this.shows.includes(w.name) && !takes(w, currency)).map((w) => wallet(w.name) + " (" + w.currencies.join(", ") + ")");
  }

  // scans says whether the code on a customer's phone can be charged in a currency.
  scans(currency) { return this.all.some((w) => w.scan && takes(w, currency)); }
}

export const takes = (w, currency) => w.currencies.length === 0 || w.currencies.includes(currency);

// tiles makes a button for each wallet; its number is the key that presses it. F2 presses the
// first one, the lane's own, and says so: nobody should find out by the code on the display.
export function tiles(list, pick) {
  return list.map((w, i) => element("button", { type: "button", class: "wallet", "data-wallet": w.name, onclick: () => pick(w.name) },
    i < 9 ? element("kbd", {}, String(i + 1)) : "", element("span", {}, wallet(w.name), w.state === "down" ? element("small", {}, text("line.down")) : ""), i === 0 ? element("kbd", { class: "push" }, "F2") : ""));
}

// Chooser asks which wallet's code to show: before a payment is opened, or before it is
// sold without a line.
export class Chooser {
  constructor(pick) {
    this.list = [];
    this.usual = pick;
    this.pick = (name) => { const { then } = this; $("choose").close(); then(name); };
    $("choose").addEventListener("close", () => {
      if (this.open) return; // asked anew in the meantime
      this.list = [];
      if ($("choose").contains(document.activeElement)) document.activeElement.blur();
    });
  }

  get open() { return $("choose").open; }

  ask(list, amount, elsewhere, then = this.usual) {
    this.list = list;
    this.then = then;
    $("choose-amount").textContent = amount;
    $("choose-other").hidden = elsewhere.length === 0;
    $("choose-other").textContent = text("choose_other", elsewhere.join(" · "));
    $("choose-tiles").replaceChildren(...tiles(list, this.pick));
    if (!this.open) $("choose").showModal();
    $("choose-tiles").firstElementChild.focus();
  }

  close() { $("choose").close(); }
}
