// A job from its begin to its outcome: the functions that runtime.c calls.

const LONGEST_FIELD = 4096;
const FOREVER = 0xffffffff;

let request;
let env;
/** What is going on: the top level, or the answer. */
let phase = "start";
let failsOnRejection = true;
/** Whether the job ends where its handler would be asked. */
let isTrial = false;
const fetchListeners = list();
const background = list();

/** Keeps the job alive after its answer until `promise` is settled; its failure goes to the log. */
const waitUntil = (value) => {
  const entry = { isDone: false };
  push(background, entry);
  const settled = isObject(value) && native.isPromise(value) ? value : promiseOf(value);
  native.then(settled, () => { entry.isDone = true; }, (error) => {
    entry.isDone = true;
    note("in waitUntil", error);
  });
};
const promiseOf = (value) => {
  const { promise, resolve } = native.promise();
  resolve(value);
  return promise;
};

class ExecutionContext {
  waitUntil(promise) { waitUntil(promise); }
  passThroughOnException() {}
}
class FetchEvent extends Event {
  #answer = undefined;
  get request() { return request; }
  respondWith(answer) {
    if (this.#answer !== undefined) throw domError("InvalidStateError", "respondWith was already called");
    this.#answer = { value: answer };
  }
  waitUntil(promise) { waitUntil(promise); }
  passThroughOnException() {}
  static answerOf(event) { return event.#answer; }
}
const answerOf = FetchEvent.answerOf;
delete FetchEvent.answerOf;
expose("FetchEvent", FetchEvent);

expose("addEventListener", function addEventListener(type, listener) {
  if (isListener(listener) && `${type}` === "fetch") push(fetchListeners, listener);
});
expose("removeEventListener", function removeEventListener(type, listener) {
  for (let at = 0; `${type}` === "fetch" && at < fetchListeners.length; at++) {
    if (fetchListeners[at] === listener) {
      removeAt(fetchListeners, at);
      return;
    }
  }
});
expose("self", globalThis);
expose("navigator", { userAgent: "Sealwork" });

const begin = (head, secret, body) => {
  timeOrigin = native.now();
  request = arrivedRequest(head.request, head.body_len === null ? null : body);
  ({ env } = head);
  failsOnRejection = head.rejections !== "log";
  isTrial = head.trial === true;
  if (head.evaluation === "refuse") refuseEvaluation();
  if (head.secret_len !== null) define(env, "secret", secret, true);
};

/** Calls the handler of the module, or the listener. A promise of the answer; null if there is none. */
const dispatchJob = (exports) => {
  phase = "answer";
  const main = exports.default;
  if (isObject(main)) {
    const handler = main.fetch;
    if (typeof handler === "function") {
      return answerPromise(isTrial ? new Response() : apply(handler, main, [request, env, new ExecutionContext()]));
    }
  }
  if (fetchListeners.length === 0) return null;
  if (isTrial) return answerPromise(new Response());
  const event = new FetchEvent("fetch");
  aimEvent(event, globalThis, true);
  for (let at = 0; at < fetchListeners.length && answerOf(event) === undefined; at++) {
    const listener = fetchListeners[at];
    if (typeof listener === "function") apply(listener, globalThis, [event]);
    else apply(listener.handleEvent, listener, [event]);
  }
  const answer = answerOf(event);
  return answerPromise(answer === undefined ? undefined : answer.value);
};
const answerPromise = (value) => {
  if (!isObject(value) || isResponse(value)) return native.resolved(value);
  return native.isPromise(value) ? value : promiseOf(value);
};

/** Whether a rejection that nobody handled fails the job, whose answer is ready. */
const failsWith = (reason) => {
  if (!failsOnRejection) note("unhandled rejection", reason);
  return failsOnRejection;
};

let status;
let headersText;
/** The response as it is at this moment, and a promise of its body. */
const take = (response) => {
  if (!isResponse(response)) {
    throw new $.TypeError(`the handler gave ${response === undefined ? "nothing" : inspect(response, 1)}, not a Response`);
  }
  const parts = responseParts(response);
  if (parts.status === 0) throw new $.TypeError("the handler gave a network error (Response.error)");
  ({ status } = parts);
  headersText = headersToJSON(parts.headers);
  return takeBody(response);
};

const answer = (body) =>
  native.output(`{"outcome":"response","status":${status},"headers":${headersText},"body_len":${native.size(body)}}`, body);

/** One step of what is outstanding: a timer whose time has come, or the next answer. False if
    nothing is. */
const turn = () => {
  keptThisTurn.length = 0;
  turnNumber += 1;
  const left = runTimer();
  if (left === 0) return true;
  if (left === undefined && mapSize(openCalls) === 0) return false;
  const arrived = native.wait(left ?? FOREVER);
  if (arrived !== undefined) answered(arrived);
  return true;
};

const inBackground = () => {
  for (let at = 0; at < background.length; at++) if (!background[at].isDone) return true;
  return false;
};

const MESSAGES = {
  __proto__: null,
  js_no_fetch_handler: "the module exports no `fetch` function by default and listens to no `fetch` event",
  js_never_settled: "the answer can never come: nothing that it could wait for is outstanding",
};
const cut = (value) => {
  const text = toWellFormed(value);
  return text.length > LONGEST_FIELD ? slice(text, 0, LONGEST_FIELD) : text;
};
/** A property as text, whatever reading it does. */
const field = (thrown, key) => {
  try {
    const value = thrown[key];
    return typeof value === "string" ? cut(value) : "";
  } catch {
    return "";
  }
};
/** Line and column of the first place that a stack of the engine names in the user's module. */
const placeIn = (stack) => {
  const found = regexpExec(PLACE, stack);
  return found === null ? null : { line: +found[1], column: +found[2] };
};
const PLACE = /main\.js:(\d+):(\d+)/;

const fail = (given, thrown) => {
  let code = given;
  const isError = isObject(thrown);
  const name = isError ? field(thrown, "name") : "";
  let message = isError ? field(thrown, "message") : thrown === undefined && MESSAGES[code] !== undefined ? MESSAGES[code] : cut(inspect(thrown));
  const stack = isError ? field(thrown, "stack") : "";
  if (native.exhausted() && (thrown === null || (name === "InternalError" && message === "out of memory"))) {
    code = "js_out_of_memory";
    message = "the job used up its memory";
  }
  const place = placeIn(stack);
  const at = place === null ? "" : `,"line":${place.line},"column":${place.column}`;
  native.output(`{"outcome":"${code}","phase":"${phase}","name":${stringify(name)},"message":${stringify(message)},"stack":${stringify(stack)}${at}}`);
};

return {
  __proto__: null,
  begin, dispatch: dispatchJob, failsWith, take, answer, turn, inBackground, fail,
  note: (error) => note("uncaught", error),
};
