// Event, EventTarget, AbortController, AbortSignal, and what throws when nobody catches.

class Event {
  #type;
  #cancelable;
  #canceled = false;
  #stopped = false;
  #target = null;
  #timeStamp = native.now();
  constructor(type, init = undefined) {
    this.#type = `${type}`;
    this.#cancelable = !!init?.cancelable;
  }
  get type() { return this.#type; }
  get target() { return this.#target; }
  get currentTarget() { return this.#target; }
  get srcElement() { return this.#target; }
  get bubbles() { return false; }
  get cancelable() { return this.#cancelable; }
  get composed() { return false; }
  get defaultPrevented() { return this.#canceled; }
  get eventPhase() { return this.#target === null ? 0 : 2; }
  get isTrusted() { return false; }
  get timeStamp() { return this.#timeStamp; }
  composedPath() { return this.#target === null ? [] : [this.#target]; }
  preventDefault() { if (this.#cancelable) this.#canceled = true; }
  stopPropagation() {}
  stopImmediatePropagation() { this.#stopped = true; }
  static aim(event, target) { event.#target = target; event.#stopped = false; }
  static isStopped(event) { return event.#stopped; }
  static isCanceled(event) { return event.#canceled; }
}
const aimEvent = Event.aim;
const isEventStopped = Event.isStopped;
const isEventCanceled = Event.isCanceled;
delete Event.aim;
delete Event.isStopped;
delete Event.isCanceled;

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    super(type, init);
    this.#detail = init?.detail ?? null;
  }
  get detail() { return this.#detail; }
}

class EventTarget {
  #listeners = list();
  addEventListener(type, callback, options = undefined) {
    if (callback === null || callback === undefined) return;
    const name = `${type}`;
    for (let at = 0; at < this.#listeners.length; at++) {
      if (this.#listeners[at].type === name && this.#listeners[at].callback === callback) return;
    }
    const signal = isObject(options) ? options.signal : undefined;
    if (signal !== undefined && isAborted(signal)) return;
    push(this.#listeners, { type: name, callback, once: isObject(options) && !!options.once, gone: false });
    if (signal !== undefined) whenAborted(signal, () => this.removeEventListener(name, callback));
  }
  removeEventListener(type, callback) {
    const name = `${type}`;
    for (let at = 0; at < this.#listeners.length; at++) {
      const listener = this.#listeners[at];
      if (listener.type === name && listener.callback === callback) {
        listener.gone = true;
        removeAt(this.#listeners, at);
        return;
      }
    }
  }
  dispatchEvent(event) {
    dispatch(this, event);
    return !isEventCanceled(event);
  }
  static listenersOf(target) { return target.#listeners; }
}
const listenersOf = EventTarget.listenersOf;
delete EventTarget.listenersOf;

const dispatch = (target, event) => {
  aimEvent(event, target);
  const listeners = listenersOf(target);
  const now = list();
  for (let at = 0; at < listeners.length; at++) push(now, listeners[at]);
  for (let at = 0; at < now.length && !isEventStopped(event); at++) {
    const listener = now[at];
    if (listener.type !== event.type || listener.gone) continue;
    if (listener.once) {
      listener.gone = true;
      for (let own = 0; own < listeners.length; own++) if (listeners[own] === listener) removeAt(listeners, own);
    }
    try {
      const { callback } = listener;
      if (typeof callback === "function") apply(callback, target, [event]);
      else apply(callback.handleEvent, callback, [event]);
    } catch (error) {
      reportError(error);
    }
  }
};

/** An error that no caller is left to catch: as in a browser, it goes to the log. */
const reportError = (error) => note("uncaught", error);

let mayMakeSignal = false;
const addListener = uncurry(EventTarget.prototype.addEventListener);
const removeListener = uncurry(EventTarget.prototype.removeEventListener);

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #steps = list();
  #handler = null;
  /** Calls the handler, at the place among the listeners that it got when it was set. */
  #callHandler = (event) => apply(this.#handler, this, [event]);
  constructor() {
    super();
    if (!mayMakeSignal) throw new $.TypeError("Illegal constructor: use an AbortController");
    mayMakeSignal = false;
  }
  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  get onabort() { return this.#handler; }
  set onabort(value) {
    const handler = typeof value === "function" ? value : null;
    if (handler === null) removeListener(this, "abort", this.#callHandler);
    else if (this.#handler === null) addListener(this, "abort", this.#callHandler);
    this.#handler = handler;
  }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }
  static abort(reason = undefined) {
    const signal = newSignal();
    abortSignal(signal, reason);
    return signal;
  }
  static timeout(milliseconds) {
    const wait = trunc(+milliseconds);
    if (!(wait >= 0 && wait <= MOST_MILLISECONDS)) throw new $.TypeError("the time of a signal is out of range");
    const signal = newSignal();
    afterAll(wait, () => abortSignal(signal, domError("TimeoutError", "the time of the signal is over")));
    return signal;
  }
  static any(signals) {
    const joined = newSignal();
    forEachOf(signals, (signal) => {
      if (isAborted(signal)) abortSignal(joined, signal.reason);
      else whenAborted(signal, () => abortSignal(joined, signal.reason));
    });
    return joined;
  }
  static fire(signal, reason) {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? domError("AbortError", "the operation was aborted") : reason;
    const steps = signal.#steps;
    signal.#steps = list();
    for (let at = 0; at < steps.length; at++) steps[at]();
    dispatch(signal, new Event("abort"));
  }
  static isAborted(signal) { return signal.#aborted; }
  static reasonOf(signal) { return signal.#reason; }
  static after(signal, step) { push(signal.#steps, step); }
  static isSignal(value) { return isObject(value) && #aborted in value; }
}
const abortSignal = AbortSignal.fire;
const isAborted = AbortSignal.isAborted;
const abortReason = AbortSignal.reasonOf;
const whenAborted = AbortSignal.after;
const isSignal = AbortSignal.isSignal;
for (const name of ["fire", "isAborted", "reasonOf", "after", "isSignal"]) delete AbortSignal[name];
const newSignal = () => {
  mayMakeSignal = true;
  return new AbortSignal();
};

class AbortController {
  #signal = newSignal();
  get signal() { return this.#signal; }
  abort(reason = undefined) { abortSignal(this.#signal, reason); }
}

expose("Event", Event);
expose("CustomEvent", CustomEvent);
expose("EventTarget", EventTarget);
expose("AbortSignal", AbortSignal);
expose("AbortController", AbortController);
expose("reportError", (error) => reportError(error));
