// A server's screen, by noVNC.

import RFB from "../vendor/novnc/core/rfb.js";
import keysyms from "../vendor/novnc/core/input/keysymdef.js";
import { bind, connect, leave, screen, tell } from "./frame.js";

const SHIFT = 0xffe1;
const RETURN = 0xff0d;
const TAB = 0xff09;
// The server has an English keyboard: these need its shift key.
const SHIFTED = /[A-Z~!@#$%^&*()_+{}|:"<>?]/;

let rfb = null;
let socket = null;

async function open() {
  leave(socket);
  if (rfb) rfb.disconnect();
  rfb = null;
  screen.replaceChildren();
  socket = await connect();
  if (!socket) return;
  const own = new RFB(screen, socket, { shared: true });
  rfb = own;
  own.scaleViewport = true;
  own.background = "#14110d";
  own.addEventListener("connect", () => { if (rfb === own) { tell("connected", "good"); own.focus(); } });
}

function press(keysym) {
  rfb.sendKey(keysym, null);
}

async function type(text) {
  for (const character of text.replaceAll("\r\n", "\n")) {
    if (!rfb) return;
    if (character === "\n") press(RETURN);
    else if (character === "\t") press(TAB);
    else {
      const isShifted = SHIFTED.test(character);
      if (isShifted) rfb.sendKey(SHIFT, null, true);
      press(keysyms.lookup(character.codePointAt(0)));
      if (isShifted) rfb.sendKey(SHIFT, null, false);
    }
    // A guest's keyboard has a short memory.
    await new Promise((resolve) => { setTimeout(resolve, 8); });
  }
  if (rfb) rfb.focus();
}

bind({ again: open, type, keys: () => rfb && rfb.sendCtrlAltDel() });
window.addEventListener("pagehide", () => leave(socket));
open();
