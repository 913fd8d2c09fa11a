// The prime factors of `{"num": n}`, as a list with commas: an Oyster job as its users write them.
export default {
  async fetch(request, env) {
    let { num } = await request.json();
    if (!Number.isSafeInteger(num) || num < 2) return new Response("num must be a whole number from 2 on");
    const factors = [];
    for (let divisor = 2; divisor * divisor <= num; ) {
      if (num % divisor === 0) {
        factors.push(divisor);
        num /= divisor;
      } else {
        divisor += divisor === 2 ? 1 : 2;
      }
    }
    factors.push(num);
    return new Response(factors);
  },
};
