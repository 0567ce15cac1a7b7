// Signing in: a name, a PIN. The page is covered until somebody is signed in.

import { $, call, element, reach, text } from "./api.js";

export class Gate {
  constructor(entered) {
    this.entered = entered;
    this.me = null;
    const form = $("gate-form");
    form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    form.addEventListener("click", (event) => {
      const key = event.target.closest("[data-pin]")?.dataset.pin;
      if (key) this.press(key);
    });
    // The field keeps the keyboard: Enter must not press the digit again that was touched last.
    form.addEventListener("mousedown", (event) => { if (event.target.closest("[data-pin]")) event.preventDefault(); });
    $("pin")?.addEventListener("input", () => this.full());
    for (const choice of form.querySelectorAll("[name=person]")) {
      choice.addEventListener("change", () => { this.clear(); $("pin").focus(); });
    }
    const last = localStorage.getItem("tillwire-person");
    if (last) form.querySelector(`[name=person][value="${CSS.escape(last)}"]`)?.click();
  }

  closed() { return this.me === null; }

  // begin looks whether the browser is still signed in. The page is locked before
  // it asks: a PIN that is being typed when the answer comes must not be lost.
  async begin() {
    this.lock();
    const answer = await call("GET", "/session");
    if (answer.ok) this.enter(answer.body);
  }

  lock() {
    this.me = null;
    $("gate").hidden = false;
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
    $("taken").hidden = true;
    reach();
    this.clear();
    $("pin")?.focus();
  }

  enter(person) {
    this.me = person;
    localStorage.setItem("tillwire-person", person.id);
    $("gate").hidden = true;
    reach();
    $("me").textContent = person.name;
    $("me").hidden = false;
    $("lock").hidden = false;
    $("staff").hidden = person.role === "cashier";
    this.clear();
    this.entered(person);
  }

  clear() {
    if ($("pin")) $("pin").value = "";
    $("gate-wrong").textContent = "";
  }

  press(key) {
    const pin = $("pin");
    pin.value = key === "Backspace" ? pin.value.slice(0, -1) : (pin.value + key).slice(0, 6);
    this.full();
  }

  full() {
    $("gate-wrong").textContent = "";
    if (/^[0-9]{6}$/.test($("pin").value)) this.submit();
  }

  async submit() {
    const person = document.querySelector("[name=person]:checked")?.value;
    const pin = $("pin")?.value ?? "";
    if (!person) return this.wrong(text("pick"));
    if (pin.length !== 6 || this.sending) return;
    this.sending = true;
    const answer = await call("POST", "/session", { person, pin });
    this.sending = false;
    if (answer.ok) return this.enter(answer.body);
    $("pin").value = "";
    this.wrong(answer.body.say);
    $("pin").focus();
  }

  wrong(say) { $("gate-wrong").textContent = say; }

  async leave() {
    await call("DELETE", "/session");
    this.lock();
  }

  // team lets a manager forgive wrong PINs.
  async team() {
    const answer = await call("GET", "/people");
    if (!answer.ok) return;
    $("team-list").replaceChildren(...answer.body.people.filter((p) => !p.disabled && p.role !== "owner").map((p) =>
      element("li", { class: "row" }, element("span", {}, p.name), element("small", {}, p.locked > 0 ? text("locked", p.locked) : ""),
        p.locked > 0 ? element("button", { class: "push", onclick: async () => { await call("POST", "/people/" + p.id + "/unlock", {}); this.team(); } }, text("unlock")) : "")));
    if (!$("team").open) $("team").showModal();
  }
}

