// Puts a slip on paper: by the browser, or by the lane's own printer where it has one.

import { $, call } from "./api.js";

$("print").addEventListener("click", () => print());
$("paper")?.addEventListener("click", async () => {
  $("paper").disabled = true;
  const answer = await call("POST", $("paper").dataset.print, {});
  $("said").textContent = answer.ok ? $("paper").dataset.done : answer.body.say;
  $("paper").disabled = false;
});
