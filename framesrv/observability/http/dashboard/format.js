// Numbers, times and sizes as text, always with their unit.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const twoDigits = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const upToTwoDigits = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const NONE = "–";
const GAP = "\u00a0"; // number and unit stay on one line

export const plain = (number) => upToTwoDigits.format(number);
export const count = (number) => whole.format(number);

// Three digits that mean something: 0.42, 4.2, 42, 420.
function short(number) {
  if (number === 0) return "0";
  if (number < 0.995) return twoDigits.format(number);
  return number < 9.95 ? oneDigit.format(number) : whole.format(number);
}

// To one digit where that is much: 0.3, 4.2, 42.
export const rate = (number) => (number < 9.95 && number > 0 ? oneDigit : whole).format(number);

export const perSecond = (number) => (number < 99.95 && number > 0 ? oneDigit : whole).format(number);

export function milliseconds(number) {
  if (number === null || number === undefined) return NONE;
  if (number < 0.0095 && number > 0) return `${whole.format(number * 1000)}${GAP}µs`;
  return number < 9999.5 ? `${short(number)}${GAP}ms` : `${oneDigit.format(number / 1000)}${GAP}s`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(number) {
  let size = 0;
  while (number >= 1024 && size < SIZES.length - 1) {
    number /= 1024;
    size += 1;
  }
  return `${size && number < 99.95 ? oneDigit.format(number) : whole.format(number)}${GAP}${SIZES[size]}`;
}

export function percent(share) {
  if (share === null || share === undefined) return NONE;
  const number = share * 100;
  // 99.996 % is not yet all of them.
  const shown = number === 0 || number === 100 ? whole.format(number) : oneDigit.format(floor(number));
  return `${shown}${GAP}%`;
}

const floor = (number) => Math.floor(number * 10) / 10;

const STEPS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

// The two largest units: 3 d 4 h, 12 min 5 s.
export function duration(seconds) {
  if (seconds < 1) return `${twoDigits.format(Math.max(seconds, 0))}${GAP}s`;
  let rest = Math.floor(seconds);
  const first = STEPS.findIndex(([size]) => rest >= size);
  return STEPS.slice(first, first + 2)
    .map(([size, unit]) => {
      const number = Math.floor(rest / size);
      rest -= number * size;
      return [number, unit];
    })
    .filter(([number], index) => number || !index)
    .map(([number, unit]) => `${number}${GAP}${unit}`)
    .join(" ");
}

export const ago = (milliseconds) =>
  milliseconds < 1000 ? "now" : `${duration(milliseconds / 1000)} ago`;

export const age = (seconds) => (seconds === null ? NONE : ago(seconds * 1000));

export const clock = (at) => clockTime.format(at);
export const moment = (at) => dayAndTime.format(at);
