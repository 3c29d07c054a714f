/* Verbundwacht: everything works without this file; it only makes forms answer without a reload.
   The CSRF token goes into a header of every request that htmx makes, and after a swap the
   focus moves to the message, so that a screen reader hears what happened. */
(() => {
  "use strict";
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf"]');
    if (token) event.detail.headers["X-VW-CSRF"] = token.content;
    const parameters = event.detail.parameters;
    if (event.detail.verb === "get")
      for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
  });

  let focused = null;
  document.addEventListener("htmx:beforeSwap", () => {
    focused = document.activeElement && document.activeElement.id;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const target = document.getElementById("meldung") || (focused && document.getElementById(focused));
    if (target) target.focus();
  });
})();
