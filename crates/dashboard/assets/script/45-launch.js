// The launch wizard: its button works from every step, long lists are filtered, networks are numbered as they are ticked,
// files are read into text fields. And a private key that is shown once is not closed away by mistake.
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ── Steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  // What is wrong may be in a step that is out of sight, where a browser can't show it.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-launch]");
    if (!button) return;
    if (unkept()) {
      goTo(button.form, unkept().closest("[data-step]"));
      keepOpen(event);
      return;
    }
    const wrong = findAll("input, select, textarea", button.form).find((input) => !input.checkValidity());
    if (!wrong) return;
    event.preventDefault();
    goTo(button.form, wrong.closest("[data-step]"));
    wrong.reportValidity();
  });
  function goTo(form, step) {
    if (step) find(`.steps [data-to-step="${step.dataset.step}"]`, form).click();
  }
  function markSteps() {
    const form = find("#launch");
    if (!form) return;
    const missing = new Set(findAll("#launch-review [data-to-step]", form).map((button) => button.dataset.toStep));
    for (const step of findAll("[data-step]", form)) {
      const isWhole = !missing.has(step.dataset.step) && findAll("input, select, textarea", step).every((input) => input.checkValidity());
      const button = find(`.steps [data-to-step="${step.dataset.step}"]`, form);
      button.classList.toggle("done", isWhole && step.dataset.seen !== undefined);
    }
    // Nothing is launched before all that it needs is chosen; what is missing stands above, with the way there.
    find("[data-launch]", form).disabled = missing.size > 0;
  }
  function seen() {
    const now = find("#launch [data-step].now");
    if (now) now.dataset.seen = "";
    markSteps();
  }
  document.addEventListener("click", (event) => { if (event.target.closest("#launch [data-to-step]")) setTimeout(seen); });
  document.addEventListener("change", (event) => { if (event.target.closest("#launch")) setTimeout(seen); });
  document.addEventListener("maru:settled", () => setTimeout(seen));
  // As a page, it has settled before this script was there.
  setTimeout(seen);

  // ── Enter ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("keydown", (event) => {
    const input = event.target;
    if (event.key !== "Enter" || event.isComposing || !input.matches("#launch input:not([type=file])")) return;
    const button = input.id && find(`[data-enter="#${CSS.escape(input.id)}"]`);
    event.preventDefault();
    // Launching is never a slip of the finger: in a field, Enter goes on to the next step.
    if (button) button.click(); else if (input.name) find("#launch [data-next]:not([hidden])")?.click();
  });

  // ── Long lists ────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-filter]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const choice of findAll(".choice", find(event.target.dataset.filter))) {
      choice.hidden = Boolean(wanted) && !choice.textContent.toLowerCase().includes(wanted) && !find(":checked", choice);
    }
  });

  // ── Order ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  // A form sends ticks in the order of the page, so what is ticked goes behind what was ticked before.
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches("[data-ordered] input[type=checkbox]")) return;
    const choice = input.closest(".choice");
    const list = choice.parentElement;
    const first = findAll(".choice", list).find((other) => other !== choice && !find(":checked", other));
    list.insertBefore(choice, first || null);
    input.focus();
  }, true);

  // ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("change", async (event) => {
    const input = event.target;
    if (!input.matches("[data-read-into]") || !input.files.length) return;
    const area = find(input.dataset.readInto);
    const flag = input.dataset.readBase64 && find(input.dataset.readBase64);
    const bytes = new Uint8Array(await input.files[0].arrayBuffer());
    let isText = true;
    try {
      area.value = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      isText = false;
      // Compressed, say: text fields hold no such bytes.
      let binary = "";
      for (const byte of bytes) binary += String.fromCharCode(byte);
      area.value = flag ? btoa(binary) : "";
    }
    if (flag) flag.checked = !isText;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // ── A private key that is shown once ──────────────────────────────────────────────────────────────────────────────
  const dialog = find("#dialog");
  const unkept = () => find(".private-key:not([data-kept])");
  document.addEventListener("click", (event) => {
    const saved = event.target.closest("[data-save], [data-copy]");
    const part = saved && saved.closest(".private-actions") && saved.closest(".private-key");
    if (part) part.dataset.kept = "saved";
    const closes = event.target.closest("[data-close]");
    if (closes && dialog?.open && unkept()) keepOpen(event);
  }, true);
  function keepOpen(event) {
    event.preventDefault();
    event.stopPropagation();
    unkept().scrollIntoView({ block: "center" });
    find("[data-save]", unkept())?.focus();
    // Asked twice, it is meant.
    unkept().dataset.kept = "asked";
  }
  if (dialog) {
    dialog.addEventListener("cancel", (event) => { if (unkept()) keepOpen(event); });
    document.addEventListener("mousedown", (event) => { if (event.target === dialog && unkept()) keepOpen(event); }, true);
  }
})();
