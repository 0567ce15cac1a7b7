// Short tones, made here: a verdict must be heard by someone who is bagging goods.

let context;

// wake must run inside a click or key press; browsers keep sound off before that.
export function wake() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

function tone(frequency, start, length, loud = 0.22, kind = "sine") {
  const at = context.currentTime + start;
  const voice = context.createOscillator();
  const level = context.createGain();
  voice.type = kind;
  voice.frequency.value = frequency;
  level.gain.setValueAtTime(0, at);
  level.gain.linearRampToValueAtTime(loud, at + 0.012);
  level.gain.exponentialRampToValueAtTime(0.001, at + length);
  voice.connect(level).connect(context.destination);
  voice.start(at);
  voice.stop(at + length);
}

const tunes = {
  tick: () => tone(880, 0, 0.06, 0.08),
  good: () => { tone(659, 0, 0.16); tone(880, 0.12, 0.18); tone(1319, 0.24, 0.42); },
  bad: () => { tone(233, 0, 0.28, 0.24, "triangle"); tone(175, 0.24, 0.5, 0.24, "triangle"); },
  paid: () => { for (const [note, at] of [[784, 0.7], [1047, 0.86], [1568, 1.02], [1047, 1.3], [1568, 1.46]]) tone(note, at, 0.3); },
  doubt: () => { tone(587, 0, 0.15); tone(587, 0.24, 0.15); },
  no: () => tone(196, 0, 0.14, 0.16, "triangle"),
};

export function play(name) {
  if (context?.state === "running") tunes[name]?.();
}

// audible holds while the browser lets the page be heard.
export const audible = () => context?.state === "running";
