// WeakRef as the standard has it: what a script has made a reference to, or got from one, stays until
// its turn is over. The engine by itself forgets an object with its last strong reference.

const keptThisTurn = list();
const derefNow = uncurry(globalThis.WeakRef.prototype.deref);

class WeakRef extends globalThis.WeakRef {
  constructor(target) {
    super(target);
    push(keptThisTurn, target);
  }
  deref() {
    const target = derefNow(this);
    if (target !== undefined) push(keptThisTurn, target);
    return target;
  }
}
expose("WeakRef", WeakRef);
