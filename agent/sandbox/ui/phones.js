// Makes a customer and opens their phone.
const words = JSON.parse(document.body.dataset.words);
const form = document.getElementById("make");
const wrong = form.querySelector(".wrong");

// minor turns what a person types into minor units without floating point. What
// the currency has no coin for is left off.
function minor(text, digits) {
  const [whole, part = ""] = text.trim().split(".");
  return Number(whole + part.padEnd(digits, "0").slice(0, digits));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.hidden = true;
  const data = new FormData(form);
  const body = {
    wallet: data.get("wallet"), name: data.get("name").trim(),
    currency: form.wallet.selectedOptions[0].dataset.currency,
    balance: minor(data.get("balance"), Number(form.wallet.selectedOptions[0].dataset.digits)), behaviour: data.get("behaviour"),
  };
  try {
    const answer = await fetch("/_sandbox/customers", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const made = await answer.json();
    if (!answer.ok) throw new Error(made.say);
    location.href = "/phone/" + made.id + "?lang=" + document.documentElement.lang;
  } catch (error) {
    wrong.textContent = words.failed + " " + error.message;
    wrong.hidden = false;
  }
});
