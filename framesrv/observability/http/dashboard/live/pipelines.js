// What the page has the server do, by the names of its form. The server's default needs no words.

const GRAY8 = 5;

const jpeg = (...ops) => ({ outputs: [{ name: "page", ops, encoding: 1, quality: 85 }] });

export const PIPELINES = {
  blur: jpeg({ blur: { sigma: 6 } }),
  grey: jpeg({ resize: { width: 640 } }, { convert: { format: GRAY8 } }),
  small: jpeg({ resize: { width: 160 } }),
  mirror: jpeg({ flip: { horizontal: true } }),
  turn: jpeg({ rotate: { degrees: 180 } }),
  same: jpeg(),
};
