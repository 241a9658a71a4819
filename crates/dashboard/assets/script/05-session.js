// The session: it is renewed while somebody is there, and when it has ended the sign-in comes over the page, which stays as
// it is: nothing that was typed is lost.
const MaruSession = (() => {
  const RENEW_EVERY = 10 * 60e3;
  const dialog = document.querySelector("#session");
  const asScript = { headers: { "HX-Request": "true" } };
  let looked = Date.now();
  let asking = false;

  /// Whether the session holds; asks for the sign-in when it does not.
  async function holds() {
    looked = Date.now();
    let answer;
    try { answer = await fetch("/dashboard/session", asScript); } catch { return true; }
    if (answer.status !== 401) return true;
    ask();
    return false;
  }
  async function ask() {
    if (!dialog) { location.reload(); return; }
    if (asking) return;
    asking = true;
    const { user, domain } = dialog.dataset;
    const answer = await fetch(`/dashboard/login?${new URLSearchParams({ user: user || "", domain: domain || "" })}`, asScript);
    // Signed in meanwhile, in another window.
    if (answer.redirected) { asking = false; location.reload(); return; }
    show(await answer.text());
    dialog.showModal();
    dialog.querySelector("input[name=password]")?.focus();
  }
  function show(html) {
    // The server's own page, over the same connection as this script.
    dialog.replaceChildren(document.createRange().createContextualFragment(html));
  }
  async function signIn(form) {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), ...asScript });
    if (answer.status !== 204) {
      show(await answer.text());
      dialog.querySelector("input[name=password]")?.focus();
      return;
    }
    // Somebody else, or another project: the page is not theirs.
    if (answer.headers.get("X-Maru-Who") !== dialog.dataset.who) { location.reload(); return; }
    asking = false;
    looked = Date.now();
    dialog.close();
    dialog.replaceChildren();
    document.dispatchEvent(new CustomEvent("maru:signed-in", { detail: { said: form.dataset.welcome } }));
  }
  if (dialog) {
    dialog.addEventListener("submit", (event) => { event.preventDefault(); signIn(event.target); });
    // There is nothing to go back to without a session.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, () => { if (!asking && Date.now() - looked > RENEW_EVERY) holds(); }, { passive: true });
    }
  }
  return { holds, ask };
})();
