// Shows only the fields that count for what was chosen, and goes on to the register
// once the terminal has started anew.

const mode = document.getElementById("mode");
const protocol = document.getElementById("protocol");
const verify = document.getElementById("alipay_mode");
if (mode) {
  const look = () => {
    document.getElementById("partner").hidden = mode.value !== "partner";
    for (const part of document.querySelectorAll("[data-protocol]")) part.hidden = part.dataset.protocol !== protocol.value;
    for (const part of document.querySelectorAll("[data-alipay]")) part.hidden = part.dataset.alipay !== verify.value;
  };
  for (const choice of [mode, protocol, verify]) choice.addEventListener("change", look);
  look();
  document.querySelector('[aria-invalid="true"]')?.focus();
}

const next = document.body.dataset.done;
if (next) {
  setInterval(async () => {
    const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
    if (answer?.ok) location.assign(next);
  }, 1500);
}
