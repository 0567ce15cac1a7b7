// The event stream. Browsers do not reliably notice a dead connection, so silence
// decides: the terminal sends a beat every two seconds.

const silence = 4500; // ms without a beat before the connection counts as lost; a page says so within five seconds

export class Stream {
  // on: {name: handler}; state(lost) is called when the connection comes or goes. Three names
  // are no events: broken is called when the connection breaks, refused when the terminal is
  // there and gives no stream, as it does once the session has ended, and begun when a stream
  // is there that takes up no earlier one: what ended before it is not told again.
  constructor(url, on, state) {
    this.url = url;
    this.on = on;
    this.state = state;
    this.last = "";
    this.heard = performance.now();
    this.lost = false;
    this.watch = setInterval(() => this.look(), 250);
    this.open();
  }

  open() {
    const mark = this.last ? (this.url.includes("?") ? "&" : "?") + "after=" + this.last : "";
    const source = new EventSource(this.url + mark);
    this.source = source;
    for (const name of ["beat", ...Object.keys(this.on)]) {
      source.addEventListener(name, (event) => {
        if (source !== this.source) return;
        this.alive();
        if (event.lastEventId) this.last = event.lastEventId;
        this.on[name]?.(JSON.parse(event.data));
      });
    }
    source.addEventListener("open", () => { if (source === this.source && !mark) this.on.begun?.(); });
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      this.on.broken?.();
      // A browser gives up for good when the answer is an error; we do not.
      if (source.readyState !== EventSource.CLOSED) return;
      this.again();
      this.on.refused?.();
    });
  }

  again() {
    this.source.close();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), 1000);
  }

  alive() {
    this.heard = performance.now();
    if (this.lost) {
      this.lost = false;
      this.state(false);
    }
  }

  look() {
    if (performance.now() - this.heard <= silence) return;
    if (!this.lost) {
      this.lost = true;
      this.state(true);
    }
    if (this.source.readyState === EventSource.OPEN) {
      // Open, yet silent for too long: the browser has not noticed.
      this.heard = performance.now() - silence + 2000;
      this.again();
    }
  }

  close() {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.source.close();
  }
}
