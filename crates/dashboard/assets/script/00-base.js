// What pages can't do without script: live middles, dialogs, toasts, copying. Everything else is plain HTML, or htmx.
"use strict";
(() => {
  const script = document.currentScript;
  const root = document.documentElement;
  root.classList.add("scripted");
  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ── Toasts ────────────────────────────────────────────────────────────────────────────────────────────────────────
  const SAID = "maru-said";
  function toast(words, bad = false) {
    const place = find("#toasts");
    if (!place || !words) return;
    // What is outside an open dialog is behind its backdrop, and not told by screen readers.
    (findAll("dialog[open]").at(-1) ?? document.body).append(place);
    // The same said again is said once, for longer.
    for (const other of place.children) if (other.textContent === words) other.remove();
    const line = document.createElement("div");
    line.className = bad ? "toast bad" : "toast";
    line.textContent = words;
    place.append(line);
    setTimeout(() => line.remove(), bad ? 9000 : 4500);
  }

  document.addEventListener("close", () => { const place = find("#toasts"); if (place) document.body.append(place); }, true);

  // ── Times in the visitor's own zone ───────────────────────────────────────────────────────────────────────────────
  const clock = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "medium" });
  const near = new Intl.RelativeTimeFormat(root.lang, { numeric: "auto" });
  function inWords(at) {
    const seconds = (at - Date.now()) / 1000;
    for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
      if (Math.abs(seconds) >= length) return near.format(Math.trunc(seconds / length), unit);
    }
    return near.format(Math.trunc(seconds), "second");
  }
  function tellTimes(within = document) {
    for (const time of findAll("time[datetime]", within)) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = clock.format(at);
      const words = Math.abs(at - Date.now()) < 7 * 86400e3 ? inWords(at) : clock.format(at);
      if (time.textContent !== words) time.textContent = words;
    }
  }

  // ── Live middles ──────────────────────────────────────────────────────────────────────────────────────────────────
  const main = find("#main");
  let source = null;
  let lost = 0;
  function state(word) {
    const sign = find("#live");
    if (!sign) return;
    if (word) sign.dataset.state = word; else delete sign.dataset.state;
    sign.dataset.tip = word === "off" ? sign.dataset.off : sign.dataset.on;
  }
  function show(html, mark) {
    Idiomorph.morph(main, html, {
      morphStyle: "innerHTML",
      // What is being typed stays. Of anything else that has the focus, the library would leave all of its inside as it was.
      ignoreActiveValue: Boolean(document.activeElement?.matches("input, textarea, select")),
      callbacks: {
        beforeNodeMorphed: (from) => !(from instanceof Element && (from.hasAttribute("data-keep") || from.id === "page-problem")),
        beforeNodeRemoved: (node) => !(node instanceof Element && node.hasAttribute("data-keep-here")),
        // Whether something is folded out is the visitor's affair, and so is what was typed.
        beforeAttributeUpdated: (name, node) =>
          !(name === "open" && node.tagName === "DETAILS") && !(name === "value" && node === document.activeElement),
      },
    });
    if (mark) main.dataset.shown = mark;
    htmx.process(main);
    settled(main);
  }
  function watch() {
    if (source) source.close();
    source = null;
    if (!main || main.dataset.shown === undefined || document.hidden) return;
    const of = location.pathname + location.search;
    const opened = new EventSource(`/dashboard/live?of=${encodeURIComponent(of)}&shown=${main.dataset.shown}`);
    source = opened;
    opened.onopen = () => { lost = 0; state("on"); };
    opened.addEventListener("middle", (event) => show(event.data, event.lastEventId));
    opened.addEventListener("gone", async () => {
      opened.close();
      if (!(await MaruSession.holds())) return;
      // Renewed since, or what the page shows is no more.
      if (await refresh()) watch(); else location.reload();
    });
    opened.onerror = () => {
      if (source !== opened) return;
      opened.close();
      lost += 1;
      if (lost > 1) { state("off"); MaruSession.holds(); }
      setTimeout(() => { if (source === opened) watch(); }, Math.min(500 * 2 ** lost, 15000));
    };
  }
  async function refresh() {
    if (!main || main.dataset.shown === undefined) return false;
    const answer = await fetch(location.href, { headers: { "X-Maru-Middle": "1" } });
    const isGood = answer.ok && !answer.redirected;
    if (isGood) show(await answer.text());
    return isGood;
  }
  // The same page in another state, in place: its address says which.
  async function go(address) {
    history.replaceState(null, "", address);
    await refresh();
    watch();
  }
  document.addEventListener("visibilitychange", watch);
  document.addEventListener("maru:moved", watch);
  document.addEventListener("maru:signed-in", (event) => { toast(event.detail.said); refresh(); watch(); });
  window.addEventListener("pagehide", () => source && source.close());
  document.addEventListener("htmx:pushedIntoHistory", watch);
  window.addEventListener("popstate", () => location.reload());

  // ── Dialogs ───────────────────────────────────────────────────────────────────────────────────────────────────────
  const dialog = find("#dialog");
  function close() {
    if (!dialog) return;
    dialog.close();
    find("#dialog-body").replaceChildren();
    dialog.classList.remove("wide");
  }
  if (dialog) {
    dialog.addEventListener("close", () => find("#dialog-body").replaceChildren());
    dialog.addEventListener("mousedown", (event) => { if (event.target === dialog && !find("form[data-typed]", dialog)) close(); });
    dialog.addEventListener("input", (event) => { const form = event.target.closest("form"); if (form) form.dataset.typed = ""; });
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    const place = event.detail.target;
    if (place.id === "dialog-body") {
      dialog.classList.toggle("wide", Boolean(find("[data-wide]", place)));
      if (!dialog.open) {
        // What was said before is not about what is asked now.
        findAll("#toasts > :not(.bad)").forEach((line) => line.remove());
        dialog.append(...findAll("#toasts"));
        dialog.showModal();
      }
      findAll(".menu[open]").forEach((menu) => menu.removeAttribute("open"));
      // Of a question without fields: its answer, or the way back where the answer destroys something.
      const first = find("[autofocus], .field input, .field select, .field textarea, .quota-field input", place)
        || find(find(".main.danger", place) ? ".form-end [data-close]" : ".form-end .main", place);
      if (first) first.focus();
    }
    settled(place);
  });
  // A dialog's commands unfold below what is seen of it.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("#dialog-body > .command-line[open]")) event.target.scrollIntoView({ block: "end" });
  }, true);
  // Refusals go into their form's own place for it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, elt } = event.detail;
    if (xhr.status < 400) return;
    // The session ended: the page stays as it is, with what was typed, until its visitor is back.
    if (xhr.status === 401 && !xhr.responseText) { event.detail.isError = false; MaruSession.ask(); return; }
    const form = elt.closest("form") || elt;
    const place = find(".problem-place", form) || find("#page-problem") || event.detail.target;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    event.detail.target = place;
    event.detail.swapOverride = "innerHTML";
    place.scrollIntoView({ block: "nearest" });
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => toast(find("#live")?.dataset.off || "No connection", true));
  }
  document.addEventListener("maru:done", (event) => {
    const said = event.detail.said;
    sessionStorage.setItem(SAID, JSON.stringify({ said, at: Date.now() }));
    toast(said);
    close();
    find("#page-problem")?.replaceChildren();
    findAll(".menu[open]").forEach((menu) => menu.removeAttribute("open"));
    // Who leaves needs no new state of a page that may be gone.
    if (!event.detail.leaves) refresh();
  });

  // ── Clicks ────────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("click", async (event) => {
    const at = (selector) => event.target.closest(selector);
    if (at("[data-close]")) {
      event.preventDefault();
      // Of a form that fills a page: the page that it is below of.
      const above = findAll(".crumbs a").at(-1);
      if (dialog?.open) close(); else if (above) location.assign(above.href); else history.back();
    }
    const copied = at("[data-copy]");
    if (copied) {
      try { await navigator.clipboard.writeText(copied.dataset.copy); } catch { copyByHand(copied.dataset.copy); }
      toast(script.dataset.copied);
    }
    const inPlace = at("a[data-in-place]");
    if (inPlace && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      go(inPlace.getAttribute("href"));
    }
    const saved = at("[data-save]");
    if (saved) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([find(saved.dataset.save).textContent], { type: "application/octet-stream" }));
      link.download = saved.dataset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      toast(saved.dataset.said);
    }
    const opener = at("[data-menu]");
    if (opener) opener.setAttribute("aria-expanded", String(document.body.classList.toggle("nav-open")));
    else if (!at("#nav")) document.body.classList.remove("nav-open");
    const step = at("[data-to-step]");
    // The launch wizard says itself what is missing: its steps are open in any order.
    if (step) goToStep(step.closest("form"), Number(step.dataset.toStep), !step.closest("#launch") || step.hasAttribute("data-next"));
    for (const menu of findAll(".menu[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
  function copyByHand(text) {
    const area = document.createElement("textarea");
    area.value = text;
    (dialog?.open ? dialog : document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") findAll(".menu[open]").forEach((menu) => { menu.removeAttribute("open"); find("summary", menu).focus(); });
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && find("#search")) { event.preventDefault(); find("#search").focus(); }
  });

  // ── Menus of rows ────────────────────────────────────────────────────────────────────────────────────────────────
  // A table scrolls sideways where it is wider than its place, which would cut its menus off: they are placed in the window.
  const ROOM = 8;
  function placeMenu(menu) {
    if (!menu.closest(".table-frame, .table-scroll")) return;
    const [opener, items] = [find("summary", menu).getBoundingClientRect(), find(".menu-items", menu)];
    const below = innerHeight - opener.bottom - 2 * ROOM;
    const above = opener.top - 2 * ROOM;
    const upwards = below < Math.min(items.scrollHeight, 320) && above > below;
    Object.assign(items.style, {
      position: "fixed",
      top: upwards ? "auto" : `${opener.bottom}px`,
      bottom: upwards ? `${innerHeight - opener.top + 4}px` : "auto",
      left: "auto",
      width: "max-content",
      maxWidth: `${document.documentElement.clientWidth - 2 * ROOM}px`,
      right: `${Math.max(ROOM, document.documentElement.clientWidth - opener.right)}px`,
      maxHeight: `${upwards ? above : below}px`,
    });
    if (items.getBoundingClientRect().left < ROOM) Object.assign(items.style, { left: `${ROOM}px`, right: "auto" });
  }
  document.addEventListener("toggle", (event) => { if (event.target.matches(".menu[open]")) placeMenu(event.target); }, true);
  // It goes along with its row, and away when that is out of sight.
  document.addEventListener("scroll", () => {
    for (const menu of findAll(":is(.table-frame, .table-scroll) .menu[open]")) {
      const opener = find("summary", menu).getBoundingClientRect();
      if (opener.bottom < 0 || opener.top > innerHeight) menu.removeAttribute("open");
      else placeMenu(menu);
    }
  }, { capture: true, passive: true });
  window.addEventListener("resize", () => findAll(".menu[open]").forEach(placeMenu));

  // ── Wide tables ───────────────────────────────────────────────────────────────────────────────────────────────────
  function shadeEdges() {
    for (const frame of findAll(".table-frame, .table-scroll")) {
      frame.classList.toggle("more-right", frame.scrollLeft + frame.clientWidth < frame.scrollWidth - 2);
    }
  }
  document.addEventListener("scroll", (event) => { if (event.target.matches?.(".table-frame, .table-scroll")) shadeEdges(); }, { capture: true, passive: true });
  window.addEventListener("resize", shadeEdges);

  // ── Forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  // A file input's name, in the page's language.
  document.addEventListener("change", (event) => {
    const name = event.target.matches(".file input") && event.target.parentElement.querySelector(".file-name");
    if (name) name.textContent = event.target.files[0]?.name ?? name.dataset.none;
  });
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.matches("[data-submit]")) input.form.requestSubmit();
    if (input.matches("[data-select-all]")) {
      for (const box of findAll("tbody input[name=id]")) box.checked = input.checked;
    }
    if (input.matches("[data-select-all], tbody input[name=id]")) countSelected();
    showIfs(input.closest("form"));
  });
  function countSelected() {
    const list = find("#list");
    if (!list) return;
    const count = findAll("tbody input[name=id]:checked", list).length;
    list.classList.toggle("has-selection", count > 0);
    const place = find("[data-selected]", list);
    if (place) place.textContent = count ? ` (${count})` : "";
  }
  // data-if="name=value value": shown, and sent, only while the form's field has one of the values.
  function showIfs(form) {
    if (!form) return;
    for (const part of findAll("[data-if]", form)) {
      const [name, values] = part.dataset.if.split("=");
      const chosen = new FormData(form).getAll(name);
      // "name=" is for a box that is not ticked.
      if (chosen.length === 0) chosen.push("");
      const isShown = values === undefined ? chosen[0] !== "" : values.split(" ").some((value) => chosen.includes(value));
      part.hidden = !isShown;
      for (const input of findAll("input, select, textarea", part)) input.disabled = !isShown || input.hasAttribute("data-out");
    }
  }
  // The button of a form that needs a name typed (data-must-be) or a box ticked (data-needs) first.
  function allow(form) {
    const button = form && find(".form-end [type=submit]", form);
    const names = form ? findAll("[data-must-be]", form) : [];
    if (!button || !(names.length || button.dataset.needs) || button.hasAttribute("data-blocked")) return;
    const isTyped = names.every((input) => input.value.trim() === input.dataset.mustBe.trim());
    const isTicked = !button.dataset.needs || Boolean(find(`[name="${button.dataset.needs}"]`, form)?.checked);
    button.disabled = !isTyped || !isTicked;
  }
  document.addEventListener("input", (event) => allow(event.target.closest("form")));
  // Steps of a long form: [data-step="N"] fieldsets, [data-to-step="N"] buttons.
  function goToStep(form, number, isChecked) {
    const steps = findAll("[data-step]", form);
    const now = steps.findIndex((step) => step.classList.contains("now"));
    if (isChecked && number > now) {
      for (const step of steps.slice(0, number)) {
        const wrong = findAll("input, select, textarea", step).find((input) => !input.checkValidity());
        if (wrong) { show1(form, steps.indexOf(step)); wrong.reportValidity(); return; }
      }
    }
    show1(form, number);
  }
  function show1(form, number) {
    const steps = findAll("[data-step]", form);
    steps.forEach((step, index) => step.classList.toggle("now", index === number));
    findAll(".steps button", form).forEach((button, index) => {
      if (index === number) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    });
    const last = number === steps.length - 1;
    for (const button of findAll("[data-next]", form)) { button.hidden = last; button.dataset.toStep = number + 1; }
    for (const button of findAll("[data-previous]", form)) { button.hidden = number === 0; button.dataset.toStep = number - 1; }
    for (const button of findAll("[data-last]", form)) button.hidden = !last;
    find("input, select, textarea", steps[number])?.focus();
  }

  // ── Where one is ──────────────────────────────────────────────────────────────────────────────────────────────────
  find("#nav [aria-current]")?.scrollIntoView({ block: "nearest" });

  // ── Theme ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  for (const button of findAll("[data-theme-switch]")) {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    button.value = isDark ? "light" : "dark";
  }

  // ── After each change of the page ─────────────────────────────────────────────────────────────────────────────────
  function settled(place) {
    tellTimes(place);
    findAll(".menu[open]", place).forEach(placeMenu);
    countSelected();
    shadeEdges();
    for (const form of findAll("form", place)) {
      showIfs(form);
      allow(form);
      if (find("[data-step]", form) && !find("[data-step].now", form)) show1(form, 0);
    }
    document.dispatchEvent(new CustomEvent("maru:settled", { detail: { place } }));
  }
  settled(document);
  // The tab that one is on is seen, where a window has no room for all.
  for (const tab of findAll(".tabs [aria-current]")) {
    tab.parentElement.scrollLeft += Math.max(0, tab.getBoundingClientRect().right - tab.parentElement.getBoundingClientRect().right + 24);
  }
  setInterval(tellTimes, 20000);
  try {
    const last = JSON.parse(sessionStorage.getItem(SAID) || "null");
    if (last && Date.now() - last.at < 3000) toast(last.said);
  } catch { /* nothing was said */ }
  sessionStorage.removeItem(SAID);
  const said = new URLSearchParams(location.search).get("said");
  if (said) { toast(said); const clean = new URL(location.href); clean.searchParams.delete("said"); history.replaceState(null, "", clean); }
  if (find("dialog") && main) watch();
})();
