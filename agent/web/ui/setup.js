// Shows the partner's fields only where they count, and goes on to the register
// once the terminal has started anew.

const mode = document.getElementById("mode");
const partner = document.getElementById("partner");
if (mode) {
  const look = () => { partner.hidden = mode.value !== "partner"; };
  mode.addEventListener("change", look);
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
