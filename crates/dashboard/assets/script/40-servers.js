// Servers' logs: the page that shows one asks for its end while it is looked at, less often when nothing is written.
(() => {
  const OFTEN = 2000;
  const RARELY = 8000;
  let shown = "";
  let quiet = 0;
  let timer = 0;

  function log() { return document.getElementById("server-log"); }
  function plan(place) {
    clearTimeout(timer);
    if (place && !document.hidden) timer = setTimeout(look, quiet > 15 ? RARELY : OFTEN);
  }
  async function look() {
    const place = log();
    if (!place || document.hidden) return;
    try {
      const answer = await fetch(`${place.dataset.log}&shown=${shown}`);
      if (answer.status === 200 && !answer.redirected) {
        const isAtEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 24;
        shown = answer.headers.get("x-maru-mark") || "";
        place.textContent = await answer.text();
        if (isAtEnd) place.scrollTop = place.scrollHeight;
        quiet = 0;
      } else {
        quiet += 1;
      }
    } catch {
      quiet += 1;
    }
    plan(log());
  }

  const place = log();
  if (!place) return;
  shown = place.dataset.mark;
  place.scrollTop = place.scrollHeight;
  document.addEventListener("visibilitychange", () => { quiet = 0; plan(log()); });
  plan(place);
})();
