// Timers. Time moves only between two turns of the job, in whole milliseconds.

const LONGEST_DELAY = 0x7fffffff;
const MOST_MILLISECONDS = 0x1fffffffffffff;
const timers = list();
let lastTimer = 0;

const startTimer = (callback, delay, args, repeats) => {
  let wait = trunc(+delay);
  if (!(wait >= 1)) wait = repeats ? 1 : 0;
  if (wait > LONGEST_DELAY) wait = 1;
  const id = ++lastTimer;
  insertTimer({ id, callback, args, every: repeats ? wait : -1, due: native.now() + wait });
  return id;
};

/** Calls back after any time, also one that is too long for a timer. */
const afterAll = (wait, callback) => {
  if (wait > LONGEST_DELAY) startTimer(() => afterAll(wait - LONGEST_DELAY, callback), LONGEST_DELAY, [], false);
  else startTimer(callback, wait, [], false);
};

/** Kept in the order of their time; those of the same time in the order of their start. */
const insertTimer = (timer) => {
  let at = timers.length;
  push(timers, timer);
  for (; at > 0 && timers[at - 1].due > timer.due; at--) timers[at] = timers[at - 1];
  timers[at] = timer;
};

const stopTimer = (id) => {
  for (let at = 0; at < timers.length; at++) {
    if (timers[at].id === +id) {
      removeAt(timers, at);
      return;
    }
  }
};

const asCallback = (callback) => {
  if (typeof callback !== "function") throw new $.TypeError("the callback of a timer must be a function");
  return callback;
};

expose("setTimeout", function setTimeout(callback, delay = 0, ...args) {
  return startTimer(asCallback(callback), delay, args, false);
});
expose("setInterval", function setInterval(callback, delay = 0, ...args) {
  return startTimer(asCallback(callback), delay, args, true);
});
expose("clearTimeout", function clearTimeout(id) { stopTimer(id); });
expose("clearInterval", function clearInterval(id) { stopTimer(id); });

/** Runs the first timer if its time has come. Undefined if there is none, else the time to wait. */
const runTimer = () => {
  if (timers.length === 0) return undefined;
  const timer = timers[0];
  const left = timer.due - native.now();
  if (left > 0) return left;
  removeAt(timers, 0);
  if (timer.every > 0) {
    timer.due = native.now() + timer.every;
    insertTimer(timer);
  }
  apply(timer.callback, undefined, timer.args);
  return 0;
};

let timeOrigin = 0;
class Performance {
  now() { return native.now() - timeOrigin; }
  get timeOrigin() { return timeOrigin; }
  toJSON() { return { timeOrigin }; }
}
expose("Performance", Performance);
expose("performance", new Performance());
