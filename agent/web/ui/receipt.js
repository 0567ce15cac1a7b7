document.getElementById("print").addEventListener("click", () => print());

// The lane's own printer, where it has one.
const paper = document.getElementById("paper");
paper?.addEventListener("click", async () => {
  const said = document.getElementById("said");
  paper.disabled = true;
  try {
    const answer = await fetch(`/api/v1${paper.dataset.print}?lang=${document.documentElement.lang}`, { method: "POST", credentials: "same-origin" });
    said.textContent = answer.ok ? paper.dataset.done : (await answer.json()).say;
  } catch (silence) {
    said.textContent = String(silence);
  }
  paper.disabled = false;
});
