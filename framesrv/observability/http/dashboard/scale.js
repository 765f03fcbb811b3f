// From values to pixels, and round numbers for the axes.

// A round step that leaves at most `most` lines: 1, 2 or 5 times a power of ten.
function step(top, most) {
  const rough = top / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((times) => times * power >= rough * 0.999) ?? 10);
}

// The lines of the axis, from 0 to the first that is not below the largest value.
function ticks(largest, least, most = 4) {
  const by = step(Math.max(largest, least), most);
  const lines = Math.ceil(Math.max(largest, least) / by - 1e-9);
  return Array.from({ length: lines + 1 }, (_, index) => index * by);
}

// An axis is { lines, height(value) }: what to draw, and how high a value is, from 0 to 1.
export function linear(largest, least) {
  const lines = ticks(largest, least);
  return { lines, height: (value) => value / lines.at(-1) };
}

// For what may be a hundred times as much the next moment: each step up is ten times as much.
export function logarithmic(largest, smallest, least) {
  const low = Math.floor(Math.log10(Math.max(smallest, 0.01)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(largest, least, 0.01)) - 1e-9), low + 1);
  const within = high - low > 2 ? [1] : [1, 2, 5]; // lines between the powers of ten, if few
  const lines = [];
  for (let power = low; power < high; power += 1) lines.push(...within.map((by) => by * 10 ** power));
  lines.push(10 ** high);
  const height = (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
  return { lines, height };
}

// Pieces of a line, broken where a value is missing or where nobody has looked for a while.
export function pieces(points, key, gapMs) {
  const found = [];
  let before = -Infinity;
  for (const point of points) {
    const value = point[key];
    if (value === null || value === undefined) {
      before = -Infinity;
      continue;
    }
    if (point.at_ms - before > gapMs) found.push([]);
    found.at(-1).push(point);
    before = point.at_ms;
  }
  return found;
}

// The point nearest to a time, or undefined where there is none within a reach.
export function nearest(points, at, reachMs) {
  let found;
  let distance = reachMs;
  for (const point of points) {
    const away = Math.abs(point.at_ms - at);
    if (away <= distance) [found, distance] = [point, away];
  }
  return found;
}
