// The network topology: moving and zooming its picture, cards in place, and lighting up what belongs together. Without it the
// picture is a plain one, with links.
(() => {
  const canvas = () => document.getElementById("topology-canvas");
  const picture = () => document.getElementById("topology-picture");
  const card = () => document.getElementById("topology-card");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const CLOSEST = 3;

  // ── What is seen: a part of the picture, as wide and high as the canvas over the scale ──────────────────────────────
  let seen = null;
  let isMoved = false;
  // Whether all of it is wanted, however small.
  let isWhole = false;
  let shownView = "";
  let gliding = 0;

  // Its smallest text is 12 pixels high, and never less than 11 on the screen unless one zooms out.
  const READABLE = 11 / 12;
  const LOWEST = 360;
  const size = () => [Number(picture().dataset.width), Number(picture().dataset.height)];
  // The part of the canvas that no card lies on.
  function freeWidth() {
    const [place, panel] = [canvas(), card().getBoundingClientRect()];
    const isBeside = panel.width > 0 && panel.width < place.clientWidth * 0.7;
    return isBeside ? panel.left - place.getBoundingClientRect().left - 12 : place.clientWidth;
  }
  // The stage is as high as its picture and the open card need, within the window.
  function stretch() {
    const stage = canvas().closest(".topology-stage");
    if (matchMedia("(max-width: 720px)").matches) { stage.style.height = ""; return; }
    const [width, height] = size();
    const shown = height * Math.max(Math.min(stage.clientWidth / width, 1), READABLE);
    const beside = card().childElementCount ? card().scrollHeight + 28 : 0;
    stage.style.height = `${Math.round(Math.min(Math.max(shown, beside, LOWEST), Math.max(innerHeight - 200, LOWEST)))}px`;
  }
  function whole() {
    const [width, height] = size();
    const free = freeWidth();
    return placed(Math.min(free / width, canvas().clientHeight / height, 1), free);
  }
  // What is shown at first: everything if it can be read then, else its beginning.
  function start() {
    const [width, height] = size();
    const free = freeWidth();
    const fitting = Math.min(free / width, canvas().clientHeight / height, 1);
    return placed(Math.max(fitting, READABLE), free);
  }
  const atRest = () => (isWhole ? whole() : start());
  function placed(scale, free) {
    const [width, height] = size();
    const [w, h] = [canvas().clientWidth / scale, canvas().clientHeight / scale];
    return { x: -Math.max((free / scale - width) / 2, 0), y: -Math.max((h - height) / 2, 0), w, h };
  }
  const scale = () => canvas().clientWidth / seen.w;
  function apply() {
    const box = [seen.x, seen.y, seen.w, seen.h].map((number) => number.toFixed(2)).join(" ");
    if (picture().getAttribute("viewBox") !== box) picture().setAttribute("viewBox", box);
    shade();
  }
  // An edge is shaded where the picture goes on behind it. Its own margin is nothing to see.
  function shade() {
    const [width, height] = size();
    const margin = 20;
    const { classList } = canvas();
    classList.toggle("more-left", seen.x > margin);
    classList.toggle("more-above", seen.y > margin);
    classList.toggle("more-right", seen.x + seen.w < width - margin);
    classList.toggle("more-below", seen.y + seen.h < height - margin);
  }
  function glide(to) {
    cancelAnimationFrame(gliding);
    const from = seen;
    if (calm.matches || Object.keys(to).every((key) => Math.abs(to[key] - from[key]) < 0.5)) { seen = to; apply(); return; }
    const start = performance.now();
    const step = (now) => {
      if (!picture()) return;
      const share = Math.min((now - start) / 180, 1);
      const eased = 1 - (1 - share) ** 3;
      seen = Object.fromEntries(Object.keys(to).map((key) => [key, from[key] + (to[key] - from[key]) * eased]));
      apply();
      if (share < 1) gliding = requestAnimationFrame(step);
    };
    gliding = requestAnimationFrame(step);
  }
  function fit(softly) {
    isMoved = false;
    const to = atRest();
    if (softly) glide(to); else { cancelAnimationFrame(gliding); seen = to; apply(); }
  }
  function showAll() { isWhole = true; fit(true); }
  function moveBy(x, y) {
    cancelAnimationFrame(gliding);
    isMoved = true;
    seen = { ...seen, x: seen.x + x / scale(), y: seen.y + y / scale() };
    apply();
  }
  // Zooms around a point of the canvas. Whether there was anything to zoom.
  function zoom(factor, x, y, softly) {
    const now = scale();
    const farthest = Math.min(canvas().clientWidth / whole().w, 1) * 0.6;
    const next = Math.min(Math.max(now * factor, farthest), CLOSEST);
    if (Math.abs(next - now) < 1e-4) return false;
    const [w, h] = [canvas().clientWidth / next, canvas().clientHeight / next];
    const to = { x: seen.x + x / now - x / next, y: seen.y + y / now - y / next, w, h };
    isMoved = true;
    if (softly) glide(to); else { cancelAnimationFrame(gliding); seen = to; apply(); }
    return true;
  }
  const zoomMiddle = (factor) => zoom(factor, canvas().clientWidth / 2, canvas().clientHeight / 2, true);

  // ── After each change of the page ─────────────────────────────────────────────────────────────────────────────────
  const known = new WeakSet();
  function settle() {
    const place = canvas();
    if (!place || !picture()) { seen = null; return; }
    stretch();
    if (!known.has(place)) { known.add(place); attach(place); }
    const view = place.closest(".topology-stage").dataset.view + picture().getAttribute("class");
    if (!seen || view !== shownView) { isWhole = false; fit(false); }
    else { apply(); if (!isMoved) fit(true); }
    shownView = view;
  }
  function resized() {
    if (!seen || !canvas() || !canvas().clientWidth) return;
    if (!isMoved) { stretch(); fit(false); return; }
    const before = lastWidth / seen.w;
    seen = { ...seen, w: canvas().clientWidth / before, h: canvas().clientHeight / before };
    apply();
  }
  let lastWidth = 0;

  // ── Pointers, wheel, keys ─────────────────────────────────────────────────────────────────────────────────────────
  const pointers = new Map();
  let isDragged = false;
  function attach(place) {
    lastWidth = place.clientWidth;
    new ResizeObserver(() => { resized(); lastWidth = place.clientWidth; }).observe(place);
    place.addEventListener("dragstart", (event) => event.preventDefault());
    place.addEventListener("wheel", (event) => {
      if (event.shiftKey) { event.preventDefault(); moveBy(event.deltaY || event.deltaX, 0); return; }
      const lines = event.deltaMode === 1 ? 24 : 1;
      const factor = Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0022));
      const isAtRest = !isMoved && factor < 1;
      const frame = place.getBoundingClientRect();
      // Who sees all of it and scrolls on, scrolls the page.
      if (!isAtRest && zoom(factor, event.clientX - frame.left, event.clientY - frame.top) || event.ctrlKey) event.preventDefault();
    }, { passive: false });
    place.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button !== 0) return;
      if (pointers.size === 0) isDragged = false;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, far: 0 });
    });
    place.addEventListener("pointermove", (event) => {
      const pointer = pointers.get(event.pointerId);
      if (!pointer) return;
      const [x, y] = [event.clientX - pointer.x, event.clientY - pointer.y];
      pointer.far += Math.hypot(x, y);
      if (!isDragged && pointer.far > 5) {
        isDragged = true;
        place.classList.add("dragging");
        for (const id of pointers.keys()) { try { place.setPointerCapture(id); } catch { /* gone by now */ } }
      }
      if (isDragged && pointers.size === 1) moveBy(-x, -y);
      if (pointers.size === 2) pinch(place, event);
      pointer.x = event.clientX;
      pointer.y = event.clientY;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      place.addEventListener(name, (event) => {
        pointers.delete(event.pointerId);
        if (pointers.size === 0) place.classList.remove("dragging");
      });
    }
    // A button that is let go elsewhere, before the picture was taken hold of.
    window.addEventListener("pointerup", (event) => pointers.delete(event.pointerId));
    // The end of a drag is no click.
    place.addEventListener("click", (event) => {
      if (isDragged) { event.preventDefault(); event.stopPropagation(); }
      isDragged = false;
    }, true);
    place.addEventListener("pointerover", (event) => light(event.target.closest(".place")));
    place.addEventListener("pointerleave", () => light(null));
    place.addEventListener("focusin", (event) => {
      const node = event.target.closest(".place");
      light(node);
      if (node && event.target.matches(":focus-visible")) reveal(event.target);
    });
    place.addEventListener("focusout", () => light(null));
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const moves = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] };
      const move = moves[event.key];
      if (move) moveBy(...move);
      else if (event.key === "+" || event.key === "=") zoomMiddle(1.3);
      else if (event.key === "-" || event.key === "_") zoomMiddle(1 / 1.3);
      else if (event.key === "0") showAll();
      else return;
      event.preventDefault();
    });
  }
  function pinch(place, event) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const mine = pointers.get(event.pointerId);
    const before = Math.hypot(mine.x - other.x, mine.y - other.y);
    const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const frame = place.getBoundingClientRect();
    if (before > 0) zoom(after / before, (event.clientX + other.x) / 2 - frame.left, (event.clientY + other.y) / 2 - frame.top);
    moveBy((mine.x - event.clientX) / 2, (mine.y - event.clientY) / 2);
  }
  // Moves the picture so that a node is seen, and no card lies on it.
  function reveal(node) {
    const to = revealing(node);
    if (!to) return;
    isMoved = true;
    glide(to);
  }
  function revealing(node) {
    if (!node || !seen) return null;
    const free = canvas().getBoundingClientRect();
    let [right, bottom] = [free.right, free.bottom];
    const panel = card().getBoundingClientRect();
    if (panel.width > 0 && panel.width < free.width * 0.7) right = Math.min(right, panel.left);
    else if (panel.width > 0) bottom = Math.min(bottom, panel.top);
    const at = node.getBoundingClientRect();
    const edge = 24;
    const along = (low, high, from, to) => {
      if (high - low > to - from - 2 * edge || low < from + edge) return low - from - edge;
      return high > to - edge ? high - to + edge : 0;
    };
    const [x, y] = [along(at.left, at.right, free.left, right), along(at.top, at.bottom, free.top, bottom)];
    if (!x && !y) return null;
    return { ...seen, x: seen.x + x / scale(), y: seen.y + y / scale() };
  }

  // ── What belongs together ─────────────────────────────────────────────────────────────────────────────────────────
  function light(place) {
    const svg = picture();
    if (!svg) return;
    const key = place?.querySelector(".node")?.id;
    if ((svg.dataset.lit || "") === (key || "")) return;
    for (const lit of svg.querySelectorAll(".lit")) lit.classList.remove("lit");
    svg.classList.toggle("lighting", Boolean(key));
    svg.dataset.lit = key || "";
    if (!key) return;
    place.classList.add("lit");
    for (const link of svg.querySelectorAll(".link")) {
      const { network, device } = link.dataset;
      if (network !== key && device !== key) continue;
      link.classList.add("lit");
      document.getElementById(`at-${network === key ? device : network}`)?.classList.add("lit");
    }
  }

  // ── Cards ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  function mark(key) {
    for (const node of picture().querySelectorAll(".node.open")) node.classList.remove("open");
    document.getElementById(key)?.classList.add("open");
  }
  async function open(node) {
    mark(node.id);
    history.replaceState(null, "", node.getAttribute("href"));
    await htmx.ajax("GET", node.dataset.card, { target: "#topology-card", swap: "innerHTML" });
    document.dispatchEvent(new CustomEvent("maru:moved"));
    document.getElementById("card-title")?.focus({ preventScroll: true });
    const before = seen;
    stretch();
    if (!isMoved) { seen = atRest(); apply(); }
    const to = revealing(document.getElementById(node.id));
    isMoved ||= Boolean(to);
    const after = to || seen;
    seen = before;
    apply();
    glide(after);
  }
  function close() {
    const address = new URL(location.href);
    const key = address.searchParams.get("open");
    address.searchParams.delete("open");
    history.replaceState(null, "", address);
    card().replaceChildren();
    stretch();
    if (!isMoved) fit(true);
    mark("");
    document.getElementById(key)?.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("maru:moved"));
  }
  document.addEventListener("click", (event) => {
    if (!canvas()) return;
    const zoomer = event.target.closest("[data-zoom]");
    if (zoomer) {
      if (zoomer.dataset.zoom === "fit") showAll();
      else zoomMiddle(zoomer.dataset.zoom === "in" ? 1.4 : 1 / 1.4);
    }
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const node = event.target.closest("#topology-picture a[data-card]");
    if (node) { event.preventDefault(); open(node); }
    if (event.target.closest("[data-card-close]")) { event.preventDefault(); close(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !canvas() || document.querySelector("dialog[open]")) return;
    if (card()?.childElementCount) close();
  });

  document.addEventListener("maru:settled", settle);
  settle();
})();
