/* News without a reload. The stream says only that something happened; the page then asks for
   itself again and takes over its parts. Figures change in place; the list waits behind a
   button, because nothing may move under somebody's cursor. One window listens for all. */
(() => {
  "use strict";
  const bar = document.getElementById("live");
  if (!bar || !window.EventSource) return;
  const FIGURES = ["urteil", "zahlen", "melder", "felder", "offen"];
  const SPACING_MS = 2000, POLL_MS = 60000, HELD = "vw-hold";
  const byId = (id) => document.getElementById(id);
  const fresh = byId("live-new"), hold = byId("live-hold");
  let waiting = null, timer = 0, asked = 0, spacing = SPACING_MS, lost = false;
  const held = () => sessionStorage.getItem(HELD) === "1";

  function state() {
    const text = held() ? bar.dataset.held : lost ? bar.dataset.lost : bar.dataset.current;
    byId("live-state").textContent = text.replace("{t}", document.querySelector(".foot time").textContent);
    byId("live-state").className = `live${held() || lost ? " off" : ""}`;
    hold.setAttribute("aria-pressed", String(held()));
  }

  const rows = (root) => [...root.querySelectorAll("#treffer > ol > li a")].map((a) => a.getAttribute("href"));

  function offer(next) {
    const here = byId("treffer"), there = next.getElementById("treffer");
    waiting = there && here && there.innerHTML !== here.innerHTML ? there : null;
    const known = new Set(rows(document)), count = rows(next).filter((href) => !known.has(href)).length;
    const label = count === 0 ? bar.dataset.changed : count === 1 ? bar.dataset.one : bar.dataset.many.replace("{n}", count);
    fresh.classList.toggle("gone", !waiting);
    fresh.querySelector("span").textContent = waiting ? label : "";
    if (byId("live-said").textContent !== (waiting ? label : "")) byId("live-said").textContent = waiting ? label : "";
  }

  function figures(next) {
    const old = FIGURES.map(byId).filter(Boolean);
    if (old.some((part) => part.matches(":hover") || part.contains(document.activeElement))) return;
    for (const part of old) {
      const other = next.getElementById(part.id);
      if (!other) continue;
      const open = part.querySelector("details[open]");
      part.replaceWith(document.importNode(other, true));
      if (open) byId(part.id).querySelector("details").open = true;
    }
    document.dispatchEvent(new Event("vw:parts"));
  }

  async function refresh() {
    timer = 0;
    if (held() || document.hidden) return;
    asked = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-VW-Live": "1" }, redirect: "manual" });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      /* A page that is slow to make is asked for less often: at most a tenth of the time. */
      spacing = Math.max(SPACING_MS, 10 * (Date.now() - asked));
      if (held()) return;
      offer(next);
      figures(next);
      document.querySelector(".foot time").replaceWith(document.importNode(next.querySelector(".foot time"), true));
      lost = false;
    } catch {
      lost = true;
    }
    state();
  }

  function ask() {
    if (!timer) timer = setTimeout(refresh, Math.max(100, asked + spacing - Date.now()));
  }

  fresh.addEventListener("click", () => {
    if (!waiting) return;
    byId("treffer").replaceWith(document.importNode(waiting, true));
    waiting = null;
    fresh.classList.add("gone");
    byId("live-said").textContent = "";
    const first = document.querySelector("#treffer a");
    if (first) first.focus();
  });
  hold.addEventListener("click", () => {
    sessionStorage.setItem(HELD, held() ? "0" : "1");
    state();
    ask();
  });
  document.addEventListener("htmx:afterSwap", () => {
    waiting = null;
    fresh.classList.add("gone");
  });
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, POLL_MS);

  const others = "BroadcastChannel" in window ? new BroadcastChannel("vw-live") : null;
  if (others) others.addEventListener("message", ask);
  function listen() {
    const source = new EventSource(`/events?after=${bar.dataset.after}`);
    for (const kind of ["alerts", "resync"])
      source.addEventListener(kind, () => {
        ask();
        if (others) others.postMessage(kind);
      });
    source.addEventListener("end", () => {
      source.close();
      ask();
    });
    /* Closed for good: the session ended, or five windows listen already. */
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, POLL_MS);
    });
    /* Never settled: the lock is free again when this window goes. */
    return new Promise(() => {});
  }
  if (navigator.locks) navigator.locks.request("vw-live", listen);
  else listen();
  bar.hidden = false;
  state();
})();
