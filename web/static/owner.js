// The page works without this script. It offers to tell the owner by a push
// message, where the browser can, and keeps a second tap from sending twice.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.classList.add("sent");
    setTimeout(() => { delete form.dataset.sent; form.classList.remove("sent"); }, 8000);
  });
}

const box = document.querySelector("[data-push]");
if (box && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  const status = box.querySelector("[role=status]");
  const button = box.querySelector("button");
  box.hidden = false;
  const on = () => { status.textContent = box.dataset.done; button.hidden = true; };
  const key = Uint8Array.from(atob(box.dataset.push.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  navigator.serviceWorker.getRegistration("/o/").then((known) => known && known.pushManager.getSubscription()).then((s) => s && on());
  button.addEventListener("click", async () => {
    try {
      if ((await Notification.requestPermission()) !== "granted") throw new Error("denied");
      await navigator.serviceWorker.register("/o/push.js", { scope: "/o/" });
      const worker = await navigator.serviceWorker.ready;
      const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      const answer = await fetch(`/o/${box.dataset.token}/push`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(subscription),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      on();
    } catch {
      status.textContent = box.dataset.refused;
    }
  });
}
