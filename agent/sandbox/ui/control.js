// The fault buttons, and tables that keep themselves fresh.
const wrong = document.getElementById("wrong");
const form = document.getElementById("fault");

async function send(method, url, body) {
  wrong.hidden = true;
  const answer = await fetch(url, {
    method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) {
    wrong.textContent = (await answer.json()).say;
    wrong.hidden = false;
  }
  await refresh();
}

const put = (list) => send("PUT", "/_sandbox/faults", list);

for (const button of document.querySelectorAll("[data-faults]")) {
  button.addEventListener("click", () => put(JSON.parse(button.dataset.faults)));
}

// What the tables hold comes and goes with them, so the page listens for all of it.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-office]");
  if (button) send("POST", "/_sandbox/issuers", JSON.parse(button.dataset.office));
});
document.getElementById("publish")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(event.target);
  send("POST", "/_sandbox/issuers", { brand: data.get("brand"), do: "publish", version: Number(data.get("version")) });
});

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
