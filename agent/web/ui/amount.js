// The amount as it is typed. It is text until it is sent, so no zero is lost and
// no rounding can happen; minor units are made by moving the point in the text.

const maxDigits = 12; // of minor units, as the terminal takes them

// most is what the register asks for at once, in minor units. The terminal takes
// more; at a counter it is a slip of the finger. Where a meal costs a hundred
// thousand, a slip begins later.
const small = ["COP", "IDR", "KHR", "KRW", "LAK", "MMK", "MNT", "TZS", "UGX", "UZS", "VND"];
export const most = (currency) => (small.includes(currency) ? 9_999_999_999 : 99_999_999);

export class Amount {
  constructor(exponent) {
    this.exponent = exponent;
    this.text = "";
    this.kept = false; // a suggestion: the first key replaces it
  }

  // use goes on in a currency of another exponent. What was typed stays as it reads,
  // and is dropped where the currency has no such amount.
  use(exponent) {
    this.exponent = exponent;
    const [whole, frac] = this.text.split(".");
    if (this.kept || (frac !== undefined && (exponent === 0 || frac.length > exponent)) || whole.length + exponent > maxDigits) this.clear();
  }

  // key takes one key and reports whether it changed anything.
  key(name) {
    if (name === "Backspace") {
      if (this.text === "") return false;
      this.text = this.kept ? "" : this.text.slice(0, -1);
      this.kept = false;
      return true;
    }
    const before = this.kept ? "" : this.text;
    const next = extend(before, name === "," ? "." : name, this.exponent);
    if (next === null) return false;
    this.text = next;
    this.kept = false;
    return true;
  }

  clear() {
    const had = this.text !== "";
    this.text = "";
    this.kept = false;
    return had;
  }

  // suggest offers an amount that Enter takes and any digit replaces.
  suggest(minor) {
    this.text = fromMinor(minor, this.exponent);
    this.kept = true;
  }

  // minor is the amount in minor units, an exact integer.
  minor() {
    return toMinor(this.text, this.exponent);
  }

  // rest is what completes the typed text to a full amount, for the eye.
  rest() {
    if (this.exponent === 0) return "";
    const [, frac] = this.text.split(".");
    if (frac === undefined) return "." + "0".repeat(this.exponent);
    return "0".repeat(this.exponent - frac.length);
  }
}

function extend(text, key, exponent) {
  if (key === ".") {
    if (exponent === 0 || text.includes(".")) return null;
    return (text === "" ? "0" : text) + ".";
  }
  if (!/^[0-9]+$/.test(key)) return null;
  if (text === "0") text = ""; // a leading zero gives way; the value stays the same
  const next = text === "" && /^0+$/.test(key) ? "0" : text + key;
  const [whole, frac = ""] = next.split(".");
  if (frac.length > exponent || whole.length + exponent > maxDigits) return null;
  return next;
}

export function toMinor(text, exponent) {
  const clean = text.trim().replace(",", ".");
  if (!/^[0-9]*(\.[0-9]*)?$/.test(clean) || clean === "" || clean === ".") return 0;
  const [whole, frac = ""] = clean.split(".");
  if (frac.length > exponent || whole.length + exponent > maxDigits) return 0;
  return Number(whole + frac.padEnd(exponent, "0"));
}

export function fromMinor(minor, exponent) {
  if (minor < 0) return "-" + fromMinor(-minor, exponent);
  const digits = String(minor).padStart(exponent + 1, "0");
  return exponent === 0 ? digits : digits.slice(0, -exponent) + "." + digits.slice(-exponent);
}

const english = { group: ",", point: ".", gap: "" };

// written is an amount for people, in groups and with the sign where the page's
// language has it. A text that runs from right to left does not turn it round.
export function written(money, exponent, signs, { group, point, lakh, behind, gap, right } = english) {
  const [whole, frac] = fromMinor(money.value, exponent).split(".");
  const number = whole.replace(lakh ? /\B(?=([0-9]{2})*[0-9]{3}$)/g : /\B(?=([0-9]{3})+$)/g, group) + (frac === undefined ? "" : point + frac);
  const sign = signs[money.currency] ?? money.currency;
  const space = sign === money.currency && gap === "" ? " " : gap;
  const text = behind ? number + space + sign : sign + space + number;
  return right ? "\u2066" + text + "\u2069" : text;
}
