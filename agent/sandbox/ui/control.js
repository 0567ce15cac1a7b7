// The fault buttons, and tables that keep themselves fresh.
const wrong = document.getElementById("wrong");
const form = document.getElementById("fault");

async function put(list) {
  wrong.hidden = true;
  const answer = await fetch("/_sandbox/faults", {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(list),
  });
  if (!answer.ok) {
    wrong.textContent = (await answer.json()).say;
    wrong.hidden = false;
  }
  await refresh();
}

for (const button of document.querySelectorAll("[data-faults]")) {
  button.addEventListener("click", () => put(JSON.parse(button.dataset.faults)));
}

const kind = form.elements.kind;
function fit() {
  for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(kind.value);
}
kind.addEventListener("change", fit);
fit();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(form);
  const fault = { wallet: data.get("wallet"), operation: data.get("operation"), kind: data.get("kind"), count: Number(data.get("count")) };
  for (const name of ["after_bytes", "delay_ms", "status"]) {
    const label = form.elements[name].closest("label");
    if (!label.hidden) fault[name] = Number(data.get(name));
  }
  const now = (await (await fetch("/_sandbox/faults")).json()).faults.filter((f) => f.left > 0);
  await put([...now.map(({ left, ...f }) => ({ ...f, count: left })), fault]);
});

async function refresh() {
  try {
    const page = await (await fetch("/_sandbox/")).text();
    const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("live");
    document.getElementById("live").replaceWith(document.importNode(fresh, true));
  } catch {
    wrong.textContent = "The sandbox does not answer.";
    wrong.hidden = false;
  }
}
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
