// What pages do beyond being read: they stay live, and answer to keys. Without
// this file everything can still be read and done.
"use strict";
(() => {
  const FULL_EVERY = 60000; // relative times grow old even if nothing happens
  const waiting = new Set(); // parts that would change under the pointer

  const parts = () => document.querySelectorAll("[data-live]");
  const title = document.title.replace(/ · Forecare$/, "");

  function refresh(part) {
    if (!part.isConnected || document.hidden) return;
    if (part.hasAttribute("data-live-calm") && busy(part)) {
      waiting.add(part.id);
      const pill = document.getElementById("changed");
      if (pill) pill.hidden = false;
      return;
    }
    waiting.delete(part.id);
    htmx.trigger(part, "live");
  }

  // A part is busy while somebody points into its list, writes, or has a form
  // of it open.
  function busy(part) {
    const at = document.activeElement;
    return part.querySelector("tbody:hover") !== null || (at && at !== document.body && part.contains(at) && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
  }
  const writing = (part) => [...part.querySelectorAll("textarea, input:not([type=hidden])")].some((e) => e === document.activeElement || (e.type !== "checkbox" && e.value !== e.defaultValue));

  const timers = new Map();
  function soon(part, after) {
    if (timers.has(part.id)) return;
    timers.set(part.id, setTimeout(() => {
      timers.delete(part.id);
      const now = document.getElementById(part.id);
      if (!now) return;
      if (writing(now)) soon(now, 5000);
      else refresh(now);
    }, after));
  }

  function heard(kind, id) {
    for (const part of parts()) {
      const kinds = part.dataset.live.split(" ");
      if (kind !== "resync" && !kinds.includes(kind)) continue;
      if (part.dataset.liveId && kind === "device" && id && id !== part.dataset.liveId) continue;
      soon(part, 700);
    }
  }

  // One stream per visible page. A hidden page gives its connection back,
  // because a browser has six of them per host, and catches up when it is seen.
  let stream = null, broken = 0;
  const mark = document.getElementById("live");
  function quiet(isBroken) {
    if (!mark) return;
    if (!isBroken) {
      clearTimeout(broken);
      broken = 0;
      mark.hidden = true;
    } else if (!broken) { // a moment of grace, but every new failure is no new moment
      broken = setTimeout(() => { mark.hidden = false; }, 4000);
    }
  }
  function listen() {
    if (stream || document.hidden || !document.body.dataset.events) return;
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("hello", (e) => {
      quiet(false);
      if (JSON.parse(e.data).again) heard("resync");
    });
    for (const kind of ["case", "finding", "device", "message", "registry", "stats", "resync"]) {
      stream.addEventListener(kind, (e) => heard(kind, JSON.parse(e.data).id));
    }
    stream.onerror = () => {
      quiet(true);
      if (stream.readyState === EventSource.CLOSED) { // refused: signed out, or too many
        stream = null;
        setTimeout(listen, 15000);
      }
    };
  }
  function hush() {
    if (stream) stream.close();
    stream = null;
    quiet(false);
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return hush();
    listen();
    heard("resync");
  });
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", listen);
  setInterval(() => parts().forEach((p) => soon(p, 0)), FULL_EVERY);
  for (const p of parts()) if (p.dataset.liveEvery) setInterval(() => {
    const now = document.getElementById(p.id);
    if (now && now.dataset.liveEvery) soon(now, 0); // it may no longer want it
  }, p.dataset.liveEvery * 1000);

  // A refresh that failed leaves the page as it was.
  document.addEventListener("htmx:before:response", (e) => {
    const { response } = e.detail.ctx;
    if (response.status === 401) location.reload();
    if (response.status >= 400) {
      e.preventDefault();
      quiet(true);
    }
  });
  document.addEventListener("htmx:error", () => quiet(true));

  // The number in the title and in the navigation follow.
  document.addEventListener("htmx:after:swap", () => {
    for (const pill of document.querySelectorAll("#changed")) pill.hidden = waiting.size === 0;
    document.dispatchEvent(new Event("forecare:drawn"));
  });
  document.addEventListener("pointerout", (e) => {
    if (!waiting.size || !e.target.closest("tbody")) return;
    for (const id of waiting) {
      const part = document.getElementById(id);
      if (part) soon(part, 400);
    }
  });

  document.addEventListener("click", async (e) => {
    if (e.target.closest("[data-live-now]")) {
      for (const id of waiting) {
        const part = document.getElementById(id);
        waiting.delete(id);
        if (part) htmx.trigger(part, "live");
      }
      return;
    }
    const copy = e.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent);
      copy.textContent = "Copied";
      return;
    }
    const menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(e.target)) menu.open = false;
  });
  if (navigator.clipboard) for (const b of document.querySelectorAll("[data-copy]")) b.hidden = false;

  // Keys: j and k walk a list, Enter opens, / searches, Escape lets go.
  function rows() {
    return [...document.querySelectorAll("[data-keys] tbody tr")];
  }
  function go(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((r) => r.classList.contains("is-at"));
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (at >= 0) all[at].classList.remove("is-at");
    next.classList.add("is-at");
    next.querySelector("[data-open]").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName);
    if (e.key === "Escape") {
      if (typing) e.target.blur();
      for (const d of document.querySelectorAll(".menu[open]")) d.open = false;
      return;
    }
    if (typing) return;
    if (e.key === "j") go(1);
    else if (e.key === "k") go(-1);
    else if (e.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { search.focus(); search.select(); e.preventDefault(); }
    } else if (e.key === "Enter" && e.target === document.body) {
      const link = document.querySelector("tr.is-at [data-open]");
      if (link) link.click();
    }
  });
  document.addEventListener("focusin", (e) => {
    const row = e.target.closest("[data-keys] tbody tr");
    for (const r of rows()) r.classList.toggle("is-at", r === row);
  });

  listen();
})();
