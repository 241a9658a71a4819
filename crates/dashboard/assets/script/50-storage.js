// An image's file on its way from the browser: looked into before, sent as it is, with how far it is, and checked after.
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  // Larger files would have to be held as a whole to be hashed.
  const HASH_LIMIT = 256 * 2 ** 20;
  // The form whose file is being sent, and how to stop it.
  let sending = null;

  // ── Before: what the file is ──────────────────────────────────────────────────────────────────────────────────────
  async function bytesOf(file, from, to) {
    return new Uint8Array(await file.slice(Math.max(0, from), to).arrayBuffer());
  }
  const has = (bytes, at, text) => [...text].every((sign, index) => bytes[at + index] === sign.charCodeAt(0));
  async function formatOf(file) {
    const head = await bytesOf(file, 0, 33000);
    const tail = await bytesOf(file, file.size - 512, file.size);
    if (has(head, 0, "QFI\xfb")) return "qcow2";
    if (has(head, 0, "KDMV") || has(head, 0, "# Disk DescriptorFile")) return "vmdk";
    if (has(head, 0, "vhdxfile")) return "vhdx";
    if (has(head, 0, "conectix") || has(tail, 0, "conectix")) return "vhd";
    if (has(head, 64, "\x7f\x10\xda\xbe")) return "vdi";
    return has(head, 32769, "CD001") ? "iso" : "raw";
  }
  async function isPacked(file) {
    const head = await bytesOf(file, 0, 8);
    return ["\x1f\x8b", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "BZh", "PK\x03\x04", "7z\xbc\xaf"].some((sign) => has(head, 0, sign));
  }
  function note(form, words, mood) {
    const place = find("[data-upload-note]", form);
    place.textContent = words;
    place.className = `note ${mood}`;
    place.hidden = !words;
  }
  async function look(form, file) {
    if (!file) return note(form, "", "");
    try {
      const name = find("[name=name]", form);
      if (name && !name.value) name.value = file.name.replace(/\.(qcow2|img|raw|iso|vmdk|vdi|vhdx?)$/i, "");
      if (await isPacked(file)) return note(form, form.dataset.packed, "warn");
      const format = await formatOf(file);
      const select = find("[name=format]", form);
      if (select && !("byHand" in select.dataset)) select.value = format;
      note(form, form.dataset.found.replace("{format}", format).replace("{size}", sizeOf(file.size)), "good");
    } catch {
      // It can't be read: sending it says so.
    }
  }

  // ── While: how far it is ──────────────────────────────────────────────────────────────────────────────────────────
  function sizeOf(bytes) {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
    return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
  }
  function clockOf(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }
  // The rate of the last seconds, not of the whole: it is what the rest will come with.
  function meter() {
    const seen = [{ at: performance.now(), bytes: 0 }];
    return (bytes) => {
      const at = performance.now();
      seen.push({ at, bytes });
      while (seen.length > 2 && at - seen[0].at > 8000) seen.shift();
      const seconds = (at - seen[0].at) / 1000;
      return seconds > 0 ? (bytes - seen[0].bytes) / seconds : 0;
    };
  }
  function send(form, file, address) {
    return new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      const [bar, rate] = [find(".upload-progress progress", form), find("[data-upload-rate]", form)];
      const rateOf = meter();
      let told = 0;
      xhr.upload.addEventListener("progress", (event) => {
        const now = performance.now();
        if (now - told < 250 && event.loaded < file.size) return;
        told = now;
        const speed = rateOf(event.loaded);
        bar.value = file.size ? (event.loaded / file.size) * 100 : 100;
        const left = speed > 0 ? ` · ${form.dataset.left.replace("{time}", clockOf((file.size - event.loaded) / speed))}` : "";
        rate.textContent = `${sizeOf(event.loaded)} / ${sizeOf(file.size)} · ${sizeOf(speed)}/s${left}`;
      });
      xhr.upload.addEventListener("load", () => {
        find("[data-upload-state]", form).textContent = form.dataset.checking;
        bar.removeAttribute("value");
      });
      xhr.addEventListener("load", () => {
        // Somewhere else: the session has ended meanwhile.
        if (!xhr.responseURL.endsWith("/file")) reject({ isAway: true });
        else if (xhr.status < 300) resolve(xhr.responseText);
        else reject({ html: xhr.responseText });
      });
      xhr.addEventListener("error", () => reject({ words: form.dataset.broken }));
      xhr.addEventListener("abort", () => reject({ words: form.dataset.cancelled }));
      xhr.open("POST", `${address}/file`);
      xhr.setRequestHeader("Content-Type", "application/octet-stream");
      xhr.setRequestHeader("HX-Request", "true");
      xhr.send(file);
      sending = { form, stop: () => xhr.abort() };
    });
  }

  // ── After: is it the same? ────────────────────────────────────────────────────────────────────────────────────────
  async function sumOf(file) {
    if (!crypto.subtle || file.size > HASH_LIMIT) return null;
    const digest = await crypto.subtle.digest("SHA-512", await file.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  async function showOutcome(form, html, sum) {
    const place = document.createElement("div");
    place.innerHTML = html;
    form.replaceWith(place);
    htmx.process(place);
    place.tabIndex = -1;
    place.focus();
    const sums = find("[data-sha512]", place);
    if (!sums) return;
    const own = await sum;
    const which = own === null ? "unknown" : own === sums.dataset.sha512 ? "same" : "other";
    find(`[data-sum=${which}]`, sums).hidden = false;
  }

  // ── The whole ─────────────────────────────────────────────────────────────────────────────────────────────────────
  const form = (path, body) =>
    fetch(path, { method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(body) });
  function refuse(of, html, words) {
    const place = find(".problem-place", of);
    if (html) place.innerHTML = html;
    else {
      const line = document.createElement("p");
      line.className = "note bad";
      line.textContent = words;
      place.replaceChildren(line);
    }
    place.scrollIntoView({ block: "nearest" });
  }
  async function upload(of, file) {
    of.classList.add("sending");
    find(".problem-place", of).replaceChildren();
    find("[data-upload-name]", of).textContent = file.name;
    find("[data-upload-state]", of).textContent = of.dataset.sending;
    find("[data-upload-rate]", of).textContent = "";
    find(".upload-progress progress", of).value = 0;
    find(".upload-progress", of).hidden = false;
    sending = { form: of, stop: () => {} };
    let [address, html, sum] = [null, null, null];
    try {
      const answer = await form(of.action, new FormData(of));
      if (answer.redirected) throw { isAway: true };
      address = answer.headers.get("hx-redirect");
      if (!answer.ok || !address) throw { html: await answer.text() };
      // Both read the file; the hash is done long before the network is.
      sum = sumOf(file).catch(() => null);
      html = await send(of, file, address);
    } catch (failure) {
      sending = null;
      if (failure.isAway) { location.reload(); return; }
      refuse(of, failure.html, failure.words || of.dataset.broken);
      of.classList.remove("sending");
      find(".upload-progress", of).hidden = true;
      const id = address && address.split("/").pop();
      // Without its data it is not what was asked for.
      if (id && !("keeps" in of.dataset)) await form("/dashboard/images/delete", { id }).catch(() => null);
      return;
    }
    sending = null;
    await showOutcome(of, html, sum);
  }
  // Before htmx sees it, which would send the form alone.
  document.addEventListener("submit", (event) => {
    const of = event.target;
    if (!of.matches("form[data-upload]") || new FormData(of).get("source") !== "file") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const input = find("[data-upload-file]", of);
    const [file] = input.files;
    input.setCustomValidity(file ? "" : of.dataset.choose);
    if (!file) { input.reportValidity(); return; }
    if (!sending) upload(of, file);
  }, true);
  document.addEventListener("change", (event) => {
    const of = event.target.closest("form[data-upload]");
    if (!of) return checkSize(event.target);
    if (event.target.matches("[data-upload-file]")) { event.target.setCustomValidity(""); look(of, event.target.files[0]); }
    if (event.target.matches("[name=format]")) event.target.dataset.byHand = "";
  });
  // Another source needs another size: what is said of the size is asked for anew.
  function checkSize(input) {
    const of = input.closest("form[data-checks-size]");
    if (!of || !input.matches("[name=source], [name=image], [name=snapshot], [name=volume], [name=backup]")) return;
    const address = find("#f-size", of).getAttribute("hx-get");
    htmx.ajax("GET", `${address}?${new URLSearchParams(new FormData(of))}`, { target: "#c-size", swap: "innerHTML" });
  }
  // Closing the dialog ends what is under way: only if that is meant.
  document.addEventListener("click", (event) => {
    if (!sending || !event.target.closest("[data-close], [data-stop]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (confirm(sending.form.dataset.sure)) sending?.stop();
  }, true);
  document.addEventListener("cancel", (event) => { if (sending) event.preventDefault(); }, true);
  window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
})();
