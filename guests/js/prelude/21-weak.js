// WeakRef as the standard has it: what a script has made a reference to, or got from one, stays until
// its turn is over. The engine by itself forgets an object with its last strong reference.

const keptThisTurn = list();
let turnNumber = 0;
const derefNow = uncurry(globalThis.WeakRef.prototype.deref);

class WeakRef extends globalThis.WeakRef {
  // Once a turn: a loop over a cache must not fill memory with what is kept already.
  #keptIn = turnNumber;
  constructor(target) {
    super(target);
    push(keptThisTurn, target);
  }
  deref() {
    const target = derefNow(this);
    if (target !== undefined && this.#keptIn !== turnNumber) {
      this.#keptIn = turnNumber;
      push(keptThisTurn, target);
    }
    return target;
  }
}
expose("WeakRef", WeakRef);
