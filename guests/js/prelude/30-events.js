// Event, EventTarget, AbortController, AbortSignal, and what throws when nobody catches.

class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #canceled = false;
  #propagates = true;
  #stopped = false;
  #target = null;
  #isUnderWay = false;
  #isPassive = false;
  #isTrusted = false;
  #timeStamp = native.now();
  constructor(type, init = undefined) {
    need(arguments.length, 1, "Event");
    this.#type = `${type}`;
    this.#bubbles = !!init?.bubbles;
    this.#cancelable = !!init?.cancelable;
    this.#composed = !!init?.composed;
  }
  get type() { return this.#type; }
  get target() { return this.#target; }
  get currentTarget() { return this.#isUnderWay ? this.#target : null; }
  get srcElement() { return this.#target; }
  get bubbles() { return this.#bubbles; }
  get cancelable() { return this.#cancelable; }
  get composed() { return this.#composed; }
  get defaultPrevented() { return this.#canceled; }
  get returnValue() { return !this.#canceled; }
  set returnValue(value) { if (!value) preventDefault(this); }
  get cancelBubble() { return !this.#propagates; }
  set cancelBubble(value) { if (value) this.#propagates = false; }
  get eventPhase() { return this.#isUnderWay ? 2 : 0; }
  get isTrusted() { return this.#isTrusted; }
  get timeStamp() { return this.#timeStamp; }
  composedPath() { return this.#isUnderWay ? [this.#target] : []; }
  preventDefault() { preventDefault(this); }
  stopPropagation() { this.#propagates = false; }
  stopImmediatePropagation() {
    this.#propagates = false;
    this.#stopped = true;
  }
  static prevent(event) { if (event.#cancelable && !event.#isPassive) event.#canceled = true; }
  static aim(event, target, isTrusted) {
    if (event.#isUnderWay) throw domError("InvalidStateError", "the event is under way already");
    event.#target = target;
    event.#isUnderWay = true;
    event.#isTrusted = isTrusted;
  }
  static land(event) {
    event.#isUnderWay = event.#stopped = false;
    event.#propagates = true;
  }
  static setPassive(event, isPassive) { event.#isPassive = isPassive; }
  static isStopped(event) { return event.#stopped; }
  static isCanceled(event) { return event.#canceled; }
}
const preventDefault = Event.prevent;
const aimEvent = Event.aim;
const landEvent = Event.land;
const setPassive = Event.setPassive;
const isEventStopped = Event.isStopped;
const isEventCanceled = Event.isCanceled;
for (const name of ["prevent", "aim", "land", "setPassive", "isStopped", "isCanceled"]) delete Event[name];

class CustomEvent extends Event {
  #detail;
  constructor(type, init = undefined) {
    need(arguments.length, 1, "CustomEvent");
    super(type, init);
    this.#detail = init?.detail ?? null;
  }
  get detail() { return this.#detail; }
}

class EventTarget {
  #listeners = list();
  addEventListener(type, callback, options = undefined) {
    if (!isListener(callback)) return;
    const name = `${type}`;
    const { capture, once, passive, signal } = listenerOptions(options);
    if (this.#place(name, callback, capture) >= 0) return;
    if (signal !== undefined && isAborted(signal)) return;
    push(this.#listeners, { type: name, callback, capture, once: !!once, passive: !!passive, gone: false });
    if (signal !== undefined) whenAborted(signal, () => this.#remove(name, callback, capture));
  }
  removeEventListener(type, callback, options = undefined) {
    this.#remove(`${type}`, callback, listenerOptions(options).capture);
  }
  #place(type, callback, capture) {
    for (let at = 0; at < this.#listeners.length; at++) {
      const listener = this.#listeners[at];
      if (listener.type === type && listener.callback === callback && listener.capture === capture) return at;
    }
    return -1;
  }
  #remove(type, callback, capture) {
    const at = this.#place(type, callback, capture);
    if (at < 0) return;
    this.#listeners[at].gone = true;
    removeAt(this.#listeners, at);
  }
  dispatchEvent(event) {
    dispatch(this, event);
    return !isEventCanceled(event);
  }
  static listenersOf(target) { return target.#listeners; }
}
const listenersOf = EventTarget.listenersOf;
delete EventTarget.listenersOf;

/** Whether it can be called, later; null and undefined are no listener and no error. */
const isListener = (callback) => {
  if (callback === null || callback === undefined) return false;
  if (!isObject(callback)) throw new $.TypeError("a listener is a function or an object with `handleEvent`");
  return true;
};
const listenerOptions = (given) => {
  if (!isObject(given)) return { __proto__: null, capture: !!given };
  const { capture, once, passive, signal } = given;
  return { __proto__: null, capture: !!capture, once, passive, signal };
};

const dispatch = (target, event, isTrusted = false) => {
  aimEvent(event, target, isTrusted);
  const listeners = listenersOf(target);
  const now = list();
  for (let at = 0; at < listeners.length; at++) if (listeners[at].capture) push(now, listeners[at]);
  for (let at = 0; at < listeners.length; at++) if (!listeners[at].capture) push(now, listeners[at]);
  for (let at = 0; at < now.length && !isEventStopped(event); at++) {
    const listener = now[at];
    if (listener.type !== event.type || listener.gone) continue;
    if (listener.once) {
      listener.gone = true;
      for (let own = 0; own < listeners.length; own++) if (listeners[own] === listener) removeAt(listeners, own);
    }
    setPassive(event, listener.passive);
    try {
      const { callback } = listener;
      if (typeof callback === "function") apply(callback, target, [event]);
      else apply(callback.handleEvent, callback, [event]);
    } catch (error) {
      reportError(error);
    }
    setPassive(event, false);
  }
  landEvent(event);
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
  /** The signals that are aborted with this one. */
  #followers = list();
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
    const sources = list();
    forEachOf(signals, (signal) => {
      if (!isSignal(signal)) throw new $.TypeError("AbortSignal.any takes signals");
      push(sources, signal);
    });
    const joined = newSignal();
    for (let at = 0; at < sources.length; at++) {
      if (!sources[at].#aborted) continue;
      joined.#mark(sources[at].#reason, list());
      return joined;
    }
    for (let at = 0; at < sources.length; at++) push(sources[at].#followers, joined);
    return joined;
  }
  /** Those that follow are aborted before anybody hears of it, and heard of after their source. */
  static fire(signal, reason) {
    const marked = list();
    signal.#mark(reason === undefined ? domError("AbortError", "the operation was aborted") : reason, marked);
    for (let at = 0; at < marked.length; at++) marked[at].#tell();
  }
  #mark(reason, marked) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    push(marked, this);
    for (let at = 0; at < this.#followers.length; at++) this.#followers[at].#mark(reason, marked);
  }
  #tell() {
    const steps = this.#steps;
    this.#steps = list();
    for (let at = 0; at < steps.length; at++) steps[at]();
    dispatch(this, new Event("abort"), true);
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
const anySignal = AbortSignal.any;
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
