// The same without a module's export: a listener, as older samples have it.
addEventListener("fetch", (event) => {
  event.respondWith(answer(event.request));
});

async function answer(request) {
  return new Response((await request.text()).toUpperCase());
}
