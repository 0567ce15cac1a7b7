// The keyboard. Everything can be done from it, and nothing depends on the focus.

const wedgeGap = 45; // ms between two keys of a scanner that types; no hand is as fast
const wedgeLeast = 16; // characters of the shortest payment code; an amount has 13 at most

export function keys({ gate, taken, amount, verdict, chooser, draw, run, scan, press, wake }) {
  let burst = ""; // what may be a scanner typing
  let picking = 0; // timer of a tile's digit, until it is known to be no part of a burst
  let before = ""; // the amount as it was when the burst began
  let last = 0;

  const typed = (key) => {
    const now = performance.now();
    if (now - last > wedgeGap) { burst = ""; before = amount.text; }
    last = now;
    if (/^[\x20-\x7e]$/.test(key)) burst += key;
    else if (key !== "Enter") last = 0;
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    wake();
    clearTimeout(picking);
    if (gate.closed() || taken()) return;
    if (event.key === "F1" || event.key === "F5") event.preventDefault(); // never the browser's help or reload
    // What is not seen any more may still hold the focus until the next frame.
    const seen = (selector) => { const node = event.target.closest(selector); return node?.checkVisibility() && !node.closest("[inert]") ? node : null; };
    const field = seen("input, textarea, select, dialog");
    if ((field || document.querySelector("dialog[open]")) && !chooser.open) {
      if (event.key === "F8") { event.preventDefault(); }
      return;
    }
    // A key that is held down answers no question, and chooses nothing that came up under it.
    if (event.repeat && /^(Enter| |Escape|F\d+)$/.test(event.key) && (verdict.payment || chooser.open)) { event.preventDefault(); return; }
    const button = seen("button, a");
    typed(event.key);
    if (event.key === "Enter" && burst.length >= wedgeLeast) {
      event.preventDefault();
      const code = burst;
      burst = "";
      if (chooser.open) chooser.close();
      if (!verdict.payment) { amount.text = before; draw(); }
      return scan(code);
    }
    const choice = chooser.open ? chooser.list : verdict.choice;
    if (choice.length > 0 && /^[0-9]$/.test(event.key)) {
      event.preventDefault();
      const one = verdict.silent ? null : choice[Number(event.key) - 1];
      // A scanner that types begins with a digit, too: only one that stays alone counts.
      if (one && burst.length === 1) picking = setTimeout(() => run("pick", one.name), wedgeGap + 15);
      return;
    }
    if ((event.key === "Enter" || event.key === " ") && button) return; // the button itself
    if (event.key === "F2" && choice.length > 0) { event.preventDefault(); return verdict.silent ? undefined : run("pick", choice[0].name); }
    if (chooser.open) return; // the dialog's own keys
    const action = verdict.payment ? inPayment(event, verdict) : inEntry(event);
    if (action === null) return;
    event.preventDefault();
    if (action.key) {
      if (verdict.payment) run("typed");
      press(action.key);
    } else run(action.run);
  });
}

const everywhere = { F5: "menu", F8: "search", F10: "lock", "?": "help" };

function inEntry(event) {
  const named = { Enter: "scan", F2: "show", F1: "park", F3: "currency", F9: "receipt", Escape: "clear", ...everywhere }[event.key];
  if (named) return { run: named };
  if (/^[0-9.,]$/.test(event.key) || event.key === "Backspace") return { key: event.key };
  return null;
}

// In a payment a key does what a button on the screen says; digits begin the next
// sale once this one has ended.
function inPayment(event, verdict) {
  const key = event.key === "Escape" ? "Esc" : event.key;
  const has = (name) => verdict.allowed().some(([known]) => known === name);
  const match = verdict.allowed().find(([, hint]) => hint === key);
  if (verdict.silent) return match ? {} : everywhere[key] ? { run: everywhere[key] } : null;
  if (match) return { run: match[0] };
  // Out of what has ended as with Enter; out of what goes on only by an act of its own.
  if (key === "Esc" && has("new")) return { run: "new" };
  if (key === "Esc" && has("next")) return { run: "works" };
  if (key === "F4" && verdict.allowed().some(([name]) => name.startsWith("cancel"))) return { run: "cancel" };
  if (key === "Esc" && has("other")) return { run: "other" };
  if (/^[0-9]$/.test(key) && !verdict.payment.held) return { key };
  return everywhere[event.key] ? { run: everywhere[event.key] } : null;
}
