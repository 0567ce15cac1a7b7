// Light, dark, or as the browser wishes. The choice is kept in a cookie, so that
// the terminal sends the next page in it and nothing flashes.

export function theme(button) {
  const root = document.documentElement;
  button?.addEventListener("click", () => {
    const wish = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const now = root.dataset.theme || wish;
    root.dataset.theme = now === "dark" ? "light" : "dark";
    document.cookie = "tillwire-theme=" + root.dataset.theme + "; path=/; max-age=31536000; samesite=strict";
  });
}
