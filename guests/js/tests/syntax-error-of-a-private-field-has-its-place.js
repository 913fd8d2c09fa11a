class A {
  m() {
    return this.#z;
  }
}
export default { fetch() { return new Response(); } };
