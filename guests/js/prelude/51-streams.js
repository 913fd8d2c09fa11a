// ReadableStream with its default reader: no byte streams, no pipes, chunks are counted (README.md).

const highWaterMarkOf = (strategy) => {
  if (strategy?.size !== undefined) missing("the size function of a queuing strategy");
  const mark = strategy?.highWaterMark === undefined ? 1 : +strategy.highWaterMark;
  if (!(mark >= 0)) throw new $.RangeError("the highWaterMark of a stream must not be negative");
  return mark;
};

class ReadableStream {
  #source;
  #queue = list();
  #waiting = list();
  #state = "readable";
  #error = undefined;
  #highWaterMark;
  #pulling = false;
  #pullAgain = false;
  #reader = null;
  #disturbed = false;
  #closed = native.promise();
  constructor(source = {}, strategy = undefined) {
    if (source === null || !isObject(source)) throw new $.TypeError("the source of a stream must be an object");
    if (source.type !== undefined) missing("ReadableStream of bytes");
    this.#source = source;
    this.#highWaterMark = highWaterMarkOf(strategy);
    native.then(this.#closed.promise, undefined, () => {});
    const controller = newController(this);
    // Whatever it begins with, the first pull comes after the start.
    this.#pulling = this.#pullAgain = true;
    const started = native.promise();
    started.resolve(source.start === undefined ? undefined : apply(source.start, source, [controller]));
    this.#afterPull(started.promise);
  }
  static from() { return missing("ReadableStream.from"); }
  get locked() { return this.#reader !== null; }
  getReader(options = undefined) {
    if (options?.mode !== undefined) missing("ReadableStreamBYOBReader");
    return new ReadableStreamDefaultReader(this);
  }
  cancel(reason = undefined) {
    if (this.#reader !== null) return native.rejected(new $.TypeError("the stream is locked to a reader"));
    return this.#cancel(reason);
  }
  tee() {
    const reader = lockStream(this, {});
    const branches = list();
    let isReading = false;
    const pull = () => {
      if (isReading) return;
      isReading = true;
      native.then(readStream(this, reader), (result) => {
        isReading = false;
        for (let at = 0; at < 2; at++) {
          if (result.done) closeStream(branches[at]);
          else enqueue(branches[at], result.value);
        }
      }, (error) => { for (let at = 0; at < 2; at++) failStream(branches[at], error); });
    };
    push(branches, new ReadableStream({ pull }));
    push(branches, new ReadableStream({ pull }));
    return [branches[0], branches[1]];
  }
  pipeTo() { return missing("ReadableStream.pipeTo"); }
  pipeThrough() { return missing("ReadableStream.pipeThrough"); }
  values(options = undefined) { return new StreamIterator(this, !!options?.preventCancel); }

  #settleWaiting() {
    while (this.#waiting.length > 0 && (this.#queue.length > 0 || this.#state !== "readable")) {
      const waiting = this.#waiting[0];
      removeAt(this.#waiting, 0);
      if (this.#queue.length > 0) {
        const value = this.#queue[0];
        removeAt(this.#queue, 0);
        waiting.resolve({ value, done: false });
      } else if (this.#state === "errored") waiting.reject(this.#error);
      else waiting.resolve({ value: undefined, done: true });
    }
    if (this.#queue.length === 0 && this.#state === "closed") this.#closed.resolve(undefined);
    if (this.#state === "errored") this.#closed.reject(this.#error);
  }
  #wanted() { return this.#highWaterMark - this.#queue.length; }
  #afterPull(pulled) {
    native.then(pulled, () => {
      this.#pulling = false;
      const again = this.#pullAgain;
      this.#pullAgain = false;
      if (again) this.#pull();
    }, (error) => this.#fail(error));
  }
  #pull() {
    const isWanted = this.#waiting.length > 0 || this.#wanted() > 0;
    if (!isWanted || this.#state !== "readable" || this.#source.pull === undefined) return;
    if (this.#pulling) {
      this.#pullAgain = true;
      return;
    }
    this.#pulling = true;
    let pulled;
    try {
      pulled = apply(this.#source.pull, this.#source, [newController(this)]);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const done = native.promise();
    done.resolve(pulled);
    this.#afterPull(done.promise);
  }
  #fail(error) {
    if (this.#state !== "readable") return;
    this.#state = "errored";
    this.#error = error;
    this.#queue = list();
    this.#settleWaiting();
  }
  #cancel(reason) {
    this.#disturbed = true;
    if (this.#state === "errored") return native.rejected(this.#error);
    if (this.#state === "closed") return native.resolved(undefined);
    this.#state = "closed";
    this.#queue = list();
    this.#settleWaiting();
    const done = native.promise();
    try {
      done.resolve(this.#source.cancel === undefined ? undefined : apply(this.#source.cancel, this.#source, [reason]));
    } catch (error) {
      done.reject(error);
    }
    return native.then(done.promise, () => undefined, undefined);
  }

  static enqueue(stream, chunk) {
    if (stream.#state !== "readable") throw new $.TypeError("the stream is closed");
    push(stream.#queue, chunk);
    stream.#settleWaiting();
    stream.#pull();
  }
  static close(stream) {
    if (stream.#state !== "readable") return;
    stream.#state = "closed";
    stream.#settleWaiting();
  }
  static fail(stream, error) { stream.#fail(error); }
  static wanted(stream) {
    if (stream.#state === "errored") return null;
    return stream.#state === "closed" && stream.#queue.length === 0 ? 0 : stream.#wanted();
  }
  static lock(stream, reader) {
    if (stream.#reader !== null) throw new $.TypeError("the stream is locked to a reader");
    stream.#reader = reader;
    return reader;
  }
  static release(stream, reader) {
    if (stream.#reader !== reader) return;
    stream.#reader = null;
    const waiting = stream.#waiting;
    stream.#waiting = list();
    for (let at = 0; at < waiting.length; at++) waiting[at].reject(new $.TypeError("the reader was released"));
  }
  static read(stream, reader) {
    if (stream.#reader !== reader) return native.rejected(new $.TypeError("the reader was released"));
    stream.#disturbed = true;
    const waiting = native.promise();
    push(stream.#waiting, waiting);
    stream.#settleWaiting();
    stream.#pull();
    return waiting.promise;
  }
  static cancelFrom(stream, reason) { return stream.#cancel(reason); }
  static closedOf(stream) { return stream.#closed.promise; }
  static isDisturbed(stream) { return stream.#disturbed; }
  static isStream(value) { return isObject(value) && #queue in value; }
}
const enqueue = ReadableStream.enqueue;
const closeStream = ReadableStream.close;
const failStream = ReadableStream.fail;
const wantedBy = ReadableStream.wanted;
const lockStream = ReadableStream.lock;
const releaseStream = ReadableStream.release;
const readStream = ReadableStream.read;
const cancelStream = ReadableStream.cancelFrom;
const closedOfStream = ReadableStream.closedOf;
const isDisturbed = ReadableStream.isDisturbed;
const isStream = ReadableStream.isStream;
for (const name of ["enqueue", "close", "fail", "wanted", "lock", "release", "read", "cancelFrom", "closedOf", "isDisturbed", "isStream"]) {
  delete ReadableStream[name];
}
define(ReadableStream.prototype, asyncIteratorSymbol, ReadableStream.prototype.values);

let controllerFor = null;
class ReadableStreamDefaultController {
  #stream;
  constructor() {
    if (controllerFor === null) throw new $.TypeError("Illegal constructor");
    this.#stream = controllerFor;
    controllerFor = null;
  }
  get desiredSize() { return wantedBy(this.#stream); }
  enqueue(chunk) { enqueue(this.#stream, chunk); }
  close() { closeStream(this.#stream); }
  error(error = undefined) { failStream(this.#stream, error); }
}
const newController = (stream) => {
  controllerFor = stream;
  return new ReadableStreamDefaultController();
};

class ReadableStreamDefaultReader {
  #stream;
  constructor(stream) {
    if (!isStream(stream)) throw new $.TypeError("a reader needs a ReadableStream");
    lockStream(stream, this);
    this.#stream = stream;
  }
  get closed() { return closedOfStream(this.#stream); }
  read() { return readStream(this.#stream, this); }
  releaseLock() { releaseStream(this.#stream, this); }
  cancel(reason = undefined) { return cancelStream(this.#stream, reason); }
}

class StreamIterator {
  #stream;
  #key = {};
  #isKept;
  constructor(stream, isKept) {
    lockStream(stream, this.#key);
    this.#stream = stream;
    this.#isKept = isKept;
  }
  next() {
    return native.then(readStream(this.#stream, this.#key), (result) => {
      if (result.done) releaseStream(this.#stream, this.#key);
      return result;
    }, undefined);
  }
  return(value) {
    const canceled = this.#isKept ? native.resolved(undefined) : cancelStream(this.#stream, value);
    releaseStream(this.#stream, this.#key);
    return native.then(canceled, () => ({ value, done: true }), undefined);
  }
  [asyncIteratorSymbol]() { return this; }
}

/** A stream of one chunk. */
const streamOf = (bytes) => new ReadableStream({
  start(controller) {
    if (native.size(bytes) > 0) controller.enqueue(new $.Uint8Array(bytes));
    controller.close();
  },
});

/** All bytes of a stream of BufferSource chunks: a promise of an ArrayBuffer. */
const collect = (stream) => {
  const done = native.promise();
  const key = {};
  const parts = list();
  const step = () => native.then(readStream(stream, key), take, done.reject);
  const take = (result) => {
    if (result.done) {
      done.resolve(concatBytes(parts));
      return;
    }
    try {
      push(parts, copyBytes(result.value));
    } catch (error) {
      done.reject(error);
      return;
    }
    step();
  };
  lockStream(stream, key);
  step();
  return done.promise;
};

expose("ReadableStream", ReadableStream);
expose("ReadableStreamDefaultController", ReadableStreamDefaultController);
expose("ReadableStreamDefaultReader", ReadableStreamDefaultReader);
