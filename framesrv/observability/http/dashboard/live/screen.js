// Pictures as they come, on a canvas. While one is decoded the next one waits, and only the newest.

const TYPES = { 1: "image/jpeg", 2: "image/png", 3: "image/webp" };
const RAW = 4;

// By pixel format: bytes a pixel, and where red, green and blue are. Of planar ones the grey is shown.
const PIXELS = {
  1: [3, 2, 1, 0], 2: [3, 0, 1, 2], 3: [4, 0, 1, 2], 4: [4, 2, 1, 0],
  5: [1, 0, 0, 0], 6: [1, 0, 0, 0], 7: [1, 0, 0, 0],
};

export class Screen {
  #canvas;
  #next = null;
  #isBusy = false;
  drawn = 0;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  show(output) {
    this.#next = output;
    if (!this.#isBusy) this.#work();
  }

  async #work() {
    this.#isBusy = true;
    while (this.#next !== null) {
      const output = this.#next;
      this.#next = null;
      try {
        this.#draw(output.encoding === RAW ? unpacked(output) : await decoded(output));
      } catch {
        // A picture that this browser cannot read: the one before it stays.
      }
    }
    this.#isBusy = false;
  }

  #draw(picture) {
    const canvas = this.#canvas;
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    const context = canvas.getContext("2d");
    if (picture instanceof ImageData) {
      context.putImageData(picture, 0, 0);
    } else {
      context.drawImage(picture, 0, 0);
      picture.close();
    }
    this.drawn += 1;
    canvas.dataset.drawn = this.drawn;
  }
}

// An encoding of 0 is JPEG.
const decoded = ({ encoding, data }) => createImageBitmap(new Blob([data], { type: TYPES[encoding || 1] }));

function unpacked({ layout, data }) {
  const { width, height, format } = layout;
  const [size, red, green, blue] = PIXELS[format];
  const stride = layout.stride || width * size;
  const picture = new ImageData(width, height);
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0, from = y * stride; x < width; x += 1, from += size, to += 4) {
      picture.data[to] = data[from + red];
      picture.data[to + 1] = data[from + green];
      picture.data[to + 2] = data[from + blue];
      picture.data[to + 3] = 255;
    }
  }
  return picture;
}
