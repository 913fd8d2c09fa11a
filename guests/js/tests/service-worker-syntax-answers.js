addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
async function handle(request) {
  return new Response(`worker ${await request.text()}`);
}
