// fetch: each request is a call to the host; answers come while the job waits.

const openCalls = new $.Map();
const unsent = list();

const fetchFailed = (head) => {
  const error = new $.TypeError(`fetch failed: ${head.message}`);
  define(error, "code", head.error);
  return error;
};

const TOO_LARGE = -2;
const DONE = -3;

/** Sends what the host has room for; the rest waits for an answer. */
const sendCalls = () => {
  while (unsent.length > 0) {
    const next = unsent[0];
    const id = next.isDone ? DONE : native.call(next.head, next.body);
    if (id === -1 && mapSize(openCalls) > 0) return;
    removeAt(unsent, 0);
    if (id >= 0) mapSet(openCalls, id, next);
    else if (id === -1) next.reject(fetchFailed({ error: "calls_refused", message: "the job may send no requests" }));
    else if (id === TOO_LARGE) next.reject(fetchFailed({ error: "request_too_large", message: "the request has more than 16 MiB" }));
  }
};

const answered = (answer) => {
  const { id, head, body } = answer;
  const call = mapGet(openCalls, id);
  mapDelete(openCalls, id);
  sendCalls();
  if (call === undefined || call.isDone) return;
  call.isDone = true;
  if (hasOwn(head, "error")) call.reject(fetchFailed(head));
  else call.resolve(arrivedResponse(head, body));
};

const fetch = (input, init = undefined) => {
  let parts;
  let bytes;
  try {
    const request = new Request(input, init);
    parts = requestParts(request);
    if (parts.signal !== undefined && isAborted(parts.signal)) return native.rejected(abortReason(parts.signal));
    if (parts.url.scheme !== "http" && parts.url.scheme !== "https") {
      throw new $.TypeError(`fetch knows http and https, not ${parts.url.scheme}`);
    }
    bytes = takeBody(request);
  } catch (error) {
    return native.rejected(error);
  }
  const { promise, resolve, reject } = native.promise();
  const head = `{"kind":"fetch","method":${stringify(parts.method)},"url":${stringify(serializeURL(parts.url, false))}` +
    `,"redirect":"${parts.redirect}","headers":${headersToJSON(parts.headers)}}`;
  const call = { head, body: undefined, resolve, reject, isDone: false };
  if (parts.signal !== undefined) {
    whenAborted(parts.signal, () => {
      call.isDone = true;
      reject(abortReason(parts.signal));
    });
  }
  native.then(bytes, (body) => {
    call.body = body;
    push(unsent, call);
    sendCalls();
  }, reject);
  return promise;
};
expose("fetch", function (input, init = undefined) { return fetch(input, init); });
define(globalThis.fetch, "name", "fetch");
