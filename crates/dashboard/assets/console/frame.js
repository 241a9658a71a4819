// What both consoles share: the ticket and the connection, the words for its state, paste, full screen.

const place = document.getElementById("console");
const words = document.getElementById("console-words");
const badge = document.getElementById("console-state");
const paste = document.getElementById("console-paste");
const text = document.getElementById("console-text");

export const screen = document.getElementById("console-screen");

/** Shows a state: one of the words that the page brought along, and how that is. */
export function tell(state, mood) {
  words.textContent = place.dataset[state];
  badge.className = `badge ${mood}`;
}

/** A connection to the console, with a ticket of its own; nothing when there is none to be had. */
export async function connect() {
  tell("connecting", "busy");
  let ticket = "";
  try {
    const answer = await fetch(place.dataset.ticket, { method: "POST" });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    ({ ticket } = await answer.json());
  } catch {
    tell("refused", "bad");
    return null;
  }
  const address = new URL("/console/websockify", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("token", ticket);
  const socket = new WebSocket(address, ["binary"]);
  socket.binaryType = "arraybuffer";
  let wasOpen = false;
  socket.addEventListener("open", () => { wasOpen = true; });
  socket.addEventListener("close", (event) => {
    if (socket.isLeft) return;
    // As the relay says it: 1001 the machine went, 1008 another user came.
    if (!wasOpen) tell("refused", "bad");
    else if (event.code === 1001) tell("stopped", "idle");
    else if (event.code === 1008) tell("taken", "warn");
    else tell("closed", "bad");
  });
  return socket;
}

/** Leaves a connection without a word about it. */
export function leave(socket) {
  if (!socket) return;
  socket.isLeft = true;
  socket.close();
}

/** Binds the buttons: `again` reconnects, `type` takes pasted text, `keys` sends Ctrl+Alt+Del. */
export function bind({ again, type, keys }) {
  place.addEventListener("click", (event) => {
    const button = event.target.closest("[data-console]");
    if (!button) return;
    switch (button.dataset.console) {
      case "again": again(); break;
      case "keys": keys(); break;
      case "full":
        if (document.fullscreenElement) document.exitFullscreen();
        else place.requestFullscreen();
        break;
      case "paste":
        paste.hidden = !paste.hidden;
        if (!paste.hidden) text.focus();
        break;
      default:
    }
  });
  paste.addEventListener("submit", (event) => {
    event.preventDefault();
    type(text.value);
    text.value = "";
    paste.hidden = true;
  });
}
