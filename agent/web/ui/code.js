// Draws a code that the terminal sent as SVG text. The text is read, not parsed as
// markup: the page's policy forbids that, and a code is one path on a white card.

const svgns = "http://www.w3.org/2000/svg";

export function drawCode(text, title) {
  const box = /viewBox="(0 0 \d+ \d+)"/.exec(text);
  const path = /<path fill="#000" d="([MHhVvz0-9 .,-]+)"/.exec(text);
  if (!box || !path) return null;
  const svg = document.createElementNS(svgns, "svg");
  svg.setAttribute("viewBox", box[1]);
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  const size = box[1].split(" ")[2];
  const card = document.createElementNS(svgns, "rect");
  for (const [name, value] of [["width", size], ["height", size], ["fill", "#fff"]]) card.setAttribute(name, value);
  const dark = document.createElementNS(svgns, "path");
  dark.setAttribute("fill", "#000");
  dark.setAttribute("d", path[1]);
  svg.append(card, dark);
  return svg;
}

// fit gives every module the same whole number of screen pixels; uneven modules
// are what scanners stumble over. A tablet that is turned gets another number.
export function fit(svg) {
  const modules = Number(svg.getAttribute("viewBox").split(" ")[2]);
  const measure = () => {
    if (!svg.isConnected) return removeEventListener("resize", measure);
    svg.style.width = svg.style.height = "";
    const pixels = Math.floor((svg.getBoundingClientRect().width * devicePixelRatio) / modules);
    if (pixels >= 1) svg.style.width = svg.style.height = (pixels * modules) / devicePixelRatio + "px";
  };
  measure();
  addEventListener("resize", measure);
}
