// A server's serial port, by xterm.js.

import { Terminal } from "../vendor/xterm/xterm.mjs";
import { FitAddon } from "../vendor/xterm/addon-fit.mjs";
import { bind, connect, leave, screen, tell } from "./frame.js";

// Read out by screen readers.
Terminal.strings.promptLabel = document.getElementById("console").dataset.input;

const terminal = new Terminal({
  cursorBlink: true,
  scrollback: 5000,
  fontSize: 14,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
  theme: { background: "#14110d", foreground: "#e9e3d9", cursor: "#f2a765", selectionBackground: "#5a4630" },
});
const fit = new FitAddon();
const encoder = new TextEncoder();
let socket = null;

async function open() {
  leave(socket);
  socket = await connect();
  if (!socket) return;
  const own = socket;
  own.addEventListener("open", () => { tell("connected", "good"); terminal.focus(); });
  own.addEventListener("message", (event) => terminal.write(new Uint8Array(event.data)));
}

terminal.loadAddon(fit);
terminal.open(screen);
fit.fit();
new ResizeObserver(() => fit.fit()).observe(screen);
terminal.onData((data) => {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(data));
});
bind({ again: open, type: (text) => { terminal.paste(text); terminal.focus(); }, keys: () => {} });
window.addEventListener("pagehide", () => leave(socket));
open();
