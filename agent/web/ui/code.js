// Draws a code that the terminal sent as SVG text. The text is read, not parsed as
// markup: the page's policy forbids that, and a code is one path on a white card.

import { svg } from "./api.js";

export function drawCode(text, title) {
  const box = /viewBox="(0 0 \d+ \d+)"/.exec(text);
  const path = /<path fill="#000" d="([MHhVvz0-9 .,-]+)"/.exec(text);
  if (!box || !path) return null;
  const size = box[1].split(" ")[2];
  return svg("svg", { viewBox: box[1], "shape-rendering": "crispEdges", role: "img", "aria-label": title },
    svg("rect", { width: size, height: size, fill: "#fff" }), svg("path", { fill: "#000", d: path[1] }));
}

// fit gives every module the same whole number of screen pixels; uneven modules
// are what scanners stumble over. A tablet that is turned gets another number.
export function fit(code) {
  const modules = Number(code.getAttribute("viewBox").split(" ")[2]);
  const measure = () => {
    if (!code.isConnected) return removeEventListener("resize", measure);
    code.style.width = code.style.height = "";
    const pixels = Math.floor((code.getBoundingClientRect().width * devicePixelRatio) / modules);
    if (pixels >= 1) code.style.width = code.style.height = (pixels * modules) / devicePixelRatio + "px";
  };
  measure();
  addEventListener("resize", measure);
}
