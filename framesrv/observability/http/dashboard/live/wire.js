// The messages that browsers send and read, as protos/framesrv/v1/frames.proto has them. A few of
// its fields that no page needs are left out: what is not known here is skipped.

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

// Each field by its number: its name, and number, signed, bool, float, text, bytes or a message's
// name; with [] after it, it may come more than once.
const MESSAGES = {
  Duration: { 1: "seconds signed", 2: "nanos signed" },
  ImageLayout: { 1: "width number", 2: "height number", 3: "format number", 4: "stride number" },
  EncodedImage: { 1: "codec number", 2: "data bytes" },
  Frame: { 1: "stream_id text", 2: "sequence number", 3: "captured_at_ns signed", 5: "encoded EncodedImage" },

  Resize: { 1: "width number", 2: "height number", 4: "fit number" },
  Convert: { 1: "format number" },
  Rotate: { 1: "degrees number" },
  Flip: { 1: "horizontal bool", 2: "vertical bool" },
  Blur: { 1: "sigma float" },
  Op: { 1: "resize Resize", 3: "convert Convert", 4: "rotate Rotate", 5: "flip Flip", 6: "blur Blur" },
  Output: { 1: "name text", 2: "ops Op[]", 3: "encoding number", 4: "quality number" },
  Pipeline: { 1: "outputs Output[]", 2: "decode_mode number" },

  FrameError: { 1: "code number", 2: "reason text", 3: "message text", 4: "retry_after Duration" },
  Timings: { 1: "queue_ns number", 2: "decode_ns number", 3: "process_ns number", 4: "encode_ns number", 5: "total_ns number" },
  OutputImage: { 1: "name text", 2: "encoding number", 3: "layout ImageLayout", 4: "data bytes" },
  FrameResult: {
    1: "stream_id text", 2: "sequence number", 3: "status number", 4: "error FrameError",
    5: "outputs OutputImage[]", 6: "timings Timings", 7: "captured_at_ns signed", 8: "received_at_ns signed",
  },

  StreamConfig: {
    1: "stream_id text", 2: "pipeline Pipeline", 3: "pipeline_name text", 4: "drop_policy number",
    5: "max_in_flight_frames number", 6: "max_age Duration", 7: "publish bool",
  },
  FrameBatch: { 1: "frames Frame[]" },
  ProcessStreamRequest: { 1: "open StreamConfig", 2: "batch FrameBatch" },
  StreamReady: { 1: "session_id text", 2: "stream_id text", 3: "max_in_flight_frames number", 4: "max_batch_frames number" },
  ResultBatch: { 1: "results FrameResult[]" },
  GoAway: { 1: "reason text", 2: "grace Duration" },
  ProcessStreamResponse: { 1: "ready StreamReady", 2: "results ResultBatch", 3: "go_away GoAway" },

  Mosaic: { 1: "columns number", 2: "width number", 3: "height number", 4: "encoding number" },
  MergeWindow: { 1: "length Duration", 2: "lateness Duration", 3: "mosaic Mosaic", 5: "alone bool" },
  SubscribeRequest: { 1: "stream_ids text[]", 2: "output_names text[]", 3: "queue_frames number", 4: "merge MergeWindow", 5: "wait bool" },
  Gap: { 1: "stream_id text", 2: "dropped_frames number" },
  StreamEvent: { 1: "stream_id text", 2: "state number" },
  MergedFrame: {
    1: "merge_id text", 2: "window_open_ns signed", 3: "window_close_ns signed", 4: "complete bool",
    5: "fragments FrameResult[]", 6: "mosaic OutputImage",
  },
  SubscribeResponse: { 1: "frame FrameResult", 2: "merged MergedFrame", 3: "gap Gap", 4: "go_away GoAway", 5: "event StreamEvent" },
};

const FIELDS = Object.fromEntries(
  Object.entries(MESSAGES).map(([message, fields]) => [
    message,
    Object.entries(fields).map(([number, told]) => {
      const [name, type] = told.split(" ");
      return { number: Number(number), name, kind: type.replace("[]", ""), isMany: type.endsWith("[]") };
    }),
  ]),
);

const WIRE_TYPES = { number: VARINT, signed: VARINT, bool: VARINT, float: FIXED32 };
const EMPTY = { number: 0, signed: 0, bool: false, float: 0, text: "", bytes: new Uint8Array(0) };
const utf8 = new TextEncoder();
const text = new TextDecoder();

export const duration = (seconds) => ({
  seconds: Math.trunc(seconds),
  nanos: Math.round((seconds % 1) * 1e9),
});

// -- writing ---------------------------------------------------------------------------------------

export function encode(message, value) {
  const parts = [];
  for (const { number, name, kind, isMany } of FIELDS[message]) {
    const given = value[name];
    for (const one of isMany ? (given ?? []) : [given]) {
      if (one !== undefined && one !== EMPTY[kind]) writeField(parts, number, kind, one);
    }
  }
  return joined(parts);
}

function writeField(parts, number, kind, value) {
  const type = WIRE_TYPES[kind] ?? BYTES;
  parts.push(varint(number * 8 + type));
  if (type === VARINT) return parts.push(varint(value));
  if (type === FIXED32) return parts.push(new Uint8Array(new Float32Array([value]).buffer));
  const data = kind === "text" ? utf8.encode(value) : kind === "bytes" ? value : encode(kind, value);
  return parts.push(varint(data.length), data);
}

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) + 128);
    rest >>= 7n;
  }
  return Uint8Array.of(...bytes, Number(rest));
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// -- reading ---------------------------------------------------------------------------------------

// Bytes are views of what was given. Numbers beyond 2**53 are near enough: they are times.
export function decode(message, bytes) {
  const reader = new Reader(bytes);
  const found = {};
  for (const { name, kind, isMany } of FIELDS[message]) found[name] = isMany ? [] : EMPTY[kind];
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const type = tag % 8;
    const field = FIELDS[message].find(({ number }) => number === Math.floor(tag / 8));
    if (field === undefined || type !== (WIRE_TYPES[field.kind] ?? BYTES)) {
      reader.skip(type);
      continue;
    }
    const value = readField(reader, field.kind);
    if (field.isMany) found[field.name].push(value);
    else found[field.name] = value;
  }
  return found;
}

function readField(reader, kind) {
  switch (kind) {
    case "number":
      return reader.varint();
    case "signed":
      return signed(reader.varint());
    case "bool":
      return reader.varint() !== 0;
    case "float":
      return reader.float();
    case "bytes":
      return reader.bytes(reader.varint());
    case "text":
      return text.decode(reader.bytes(reader.varint()));
    default:
      return decode(kind, reader.bytes(reader.varint()));
  }
}

const signed = (number) => (number >= 2 ** 63 ? number - 2 ** 64 : number);

class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get isAtEnd() {
    return this.#at >= this.#bytes.length;
  }

  bytes(length) {
    if (this.#at + length > this.#bytes.length) throw new RangeError("the message is cut off");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  varint() {
    let value = 0;
    for (let place = 1; place < 2 ** 70; place *= 128) {
      const [byte] = this.bytes(1);
      value += (byte & 127) * place;
      if (byte < 128) return value;
    }
    throw new RangeError("a number has no end");
  }

  float() {
    const { buffer, byteOffset } = this.bytes(4);
    return new DataView(buffer, byteOffset).getFloat32(0, true);
  }

  skip(type) {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.bytes(8);
    else if (type === FIXED32) this.bytes(4);
    else if (type === BYTES) this.bytes(this.varint());
    else throw new RangeError("there is no such wire type");
  }
}
