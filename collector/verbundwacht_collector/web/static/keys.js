/* Keys: single letters for what people do all day. They can be switched off (WCAG 2.1.4) and
   never act while somebody types or while Ctrl, Alt or the like is held. In the heatmap the
   arrow keys move and Tab leaves it: without this file its fields are plain links. */
(() => {
  "use strict";
  const OFF = "vw-keys-off", GO = { l: "/", w: "/alerts", s: "/hosts", b: "/findings" };
  // Only who may see the page has its link, and the key goes where a link goes.
  if (document.querySelector('nav a[href="/status"]')) GO.z = "/status";
  const help = document.getElementById("keys");
  const off = document.getElementById("keys-off"), hint = document.querySelector(".find kbd");
  const isOff = () => localStorage.getItem(OFF) === "1";
  let went = 0;

  function move(step) {
    const rows = [...document.querySelectorAll(".todo > li > a, .rows > li .id > a")];
    if (!rows.length) return;
    const here = rows.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step;
    rows[Math.min(rows.length - 1, Math.max(0, next))].focus();
  }
  function focus(id) {
    const field = document.getElementById(id);
    if (field) field.focus();
    return Boolean(field);
  }
  function take() {
    const form = document.querySelector('form[action$="/take"]');
    if (form) form.requestSubmit();
    return Boolean(form);
  }
  const ACTS = {
    "/": () => focus("q"),
    "?": () => help && (help.togglePopover(), true),
    j: () => (move(1), true),
    k: () => (move(-1), true),
    a: take,
    c: () => focus("comment"),
    g: () => ((went = Date.now()), true),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat && event.key !== "j" && event.key !== "k") return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (arrows(event) || isOff()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : "";
    const second = Date.now() - went < 1500 && GO[key];
    went = 0;
    if (second) {
      event.preventDefault();
      location.assign(second);
    } else if (Object.hasOwn(ACTS, key) && ACTS[key]()) event.preventDefault();
  });

  const grid = () => [...document.querySelectorAll("#heat tbody tr")].map((row) => [...row.querySelectorAll("a")]);
  function rove() {
    grid().flat().forEach((link, index) => (link.tabIndex = index ? -1 : 0));
  }
  function arrows(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key], here = event.target.closest("#heat tbody a");
    if (!step || !here) return false;
    const rows = grid(), y = rows.findIndex((row) => row.includes(here)), x = rows[y].indexOf(here);
    const next = (rows[y + step[0]] || [])[x + step[1]];
    event.preventDefault();
    if (!next) return true;
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return true;
  }
  document.addEventListener("vw:parts", rove);
  rove();

  function show() {
    const button = document.getElementById("keys-open");
    if (button) button.hidden = false;
    if (hint) hint.hidden = isOff();
    if (off) off.checked = isOff();
  }
  if (off)
    off.addEventListener("change", () => {
      localStorage.setItem(OFF, off.checked ? "1" : "0");
      show();
    });
  document.addEventListener("htmx:afterSettle", show);
  show();
})();
