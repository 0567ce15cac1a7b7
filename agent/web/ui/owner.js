// The owner's pages are plain pages; this only switches the theme and keeps the
// first page fresh while somebody looks at it.

import { theme } from "./theme.js";

theme(document.getElementById("theme"));
document.querySelector('.tabs [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
if (location.pathname === "/owner") {
  setInterval(() => {
    const busy = document.activeElement && document.activeElement !== document.body;
    if (document.visibilityState === "visible" && !busy) location.reload();
  }, 30_000);
}
