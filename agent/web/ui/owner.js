// The owner's pages are plain pages; this only switches the theme, keeps the first
// page fresh while somebody looks at it, and looks again at what is under way.

import { theme } from "./theme.js";

theme(document.getElementById("theme"));
document.querySelector('.tabs [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
if (document.querySelector("[data-running]")) setTimeout(() => location.replace(location.href), 1_000);
if (location.pathname === "/owner" && !location.search.includes("day=")) {
  setInterval(() => {
    const busy = document.activeElement && document.activeElement !== document.body || document.querySelector("main details[open]");
    if (document.visibilityState === "visible" && !busy) location.reload();
  }, 30_000);
}
