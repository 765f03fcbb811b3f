// The camera of this computer, as JPEG pictures.

import { el } from "../dom.js";

const QUALITY = 0.85;
const HEIGHTS = { 320: 240, 640: 480, 1280: 720 };

export class Source {
  #video;
  #canvas = document.createElement("canvas");
  #stream = null;
  #timer = 0;
  #isBusy = false;

  constructor(video) {
    this.#video = video;
  }

  // tick() is called so many times a second, while the camera runs.
  async start({ width, fps }, tick) {
    this.stop();
    if (!navigator.mediaDevices) throw new Error("NoDevices");
    const wanted = { width: { ideal: width }, height: { ideal: HEIGHTS[width] } };
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.#timer = setInterval(tick, 1000 / fps);
  }

  stop() {
    clearInterval(this.#timer);
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  get about() {
    return `${this.#video.videoWidth} x ${this.#video.videoHeight}`;
  }

  // Null: there is none now, or the one before is still being encoded.
  async jpeg() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (this.#isBusy || !width || !this.#stream) return null;
    this.#isBusy = true;
    try {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#canvas.getContext("2d").drawImage(this.#video, 0, 0);
      const blob = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", QUALITY));
      return blob === null ? null : new Uint8Array(await blob.arrayBuffer());
    } finally {
      this.#isBusy = false;
    }
  }

  explained({ name, message }) {
    const strong = (text) => el("strong", {}, text);
    if (message === "NoDevices")
      return [strong("This page may not use a camera."), " Browsers allow that over HTTPS, or on localhost, only."];
    if (name === "NotAllowedError")
      return [strong("The camera was not allowed."), " Allow it beside the address of this page, and start again."];
    if (name === "NotFoundError") return [strong("No camera was found.")];
    if (name === "NotReadableError") return [strong("The camera cannot be used."), " Another program may have it."];
    return [strong("The camera cannot be used."), ` ${message}`];
  }
}
