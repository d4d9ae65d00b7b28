// Shows a push message and opens what it is about.
self.addEventListener("push", (event) => {
  let m = {};
  try { m = event.data.json(); } catch { /* an empty message still has to be shown */ }
  event.waitUntil(self.registration.showNotification(m.title || "Forecare", {
    body: m.body || "", tag: m.tag, lang: m.lang, dir: m.dir || "auto", data: { url: m.url },
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = event.notification.data && event.notification.data.url;
  // Only our own pages: what a message says is not trusted further.
  if (url && new URL(url).origin === self.location.origin) event.waitUntil(self.clients.openWindow(url));
});
