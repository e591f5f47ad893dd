// Keeps the page for use without a network: its files and the default model at once, other models once they are used.
// `web/prepare.py` fills in the version, which follows from all files, and the list.

const VERSION = "@VERSION@", FILES = /*FILES*/[]/*FILES*/;
const NAME = `satsim-${VERSION}`;

self.addEventListener("install", event => event.waitUntil((async () => {
  const cache = await caches.open(NAME);
  await Promise.all(FILES.map(async file => {
    const answer = await fetch(file, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
    await cache.put(file, answer);
  }));
})())); // a newer version waits until no window shows an older one, so that files of two never mix

self.addEventListener("activate", event => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("satsim-") && name !== NAME) await caches.delete(name);
  await self.clients.claim();
})()));

self.addEventListener("fetch", event => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  event.respondWith((async () => {
    const cache = await caches.open(NAME), kept = await cache.match(event.request, { ignoreSearch: true });
    if (kept) return kept;
    const answer = await fetch(event.request);
    if (answer.ok && address.pathname.endsWith(".onnx")) await cache.put(event.request, answer.clone());
    return answer;
  })());
});
