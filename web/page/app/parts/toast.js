// Short messages at the edge, and the way back where something can be undone.
import { html, render } from '../ui.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

// While a dialog is open all else on the page is inert, so the messages move into the dialog on top: there they
// can be seen, heard and clicked. That is why they are not drawn where the page is, but in an element of their own.
const box = document.createElement('div');
box.className = 'toasts';
box.setAttribute('role', 'status');
box.setAttribute('aria-live', 'polite');

let list = []; // {text, undo, kind, key, timer}
let last = 0;
let before = null; // what had the focus before a message had it

// settle puts the box into the dialog on top, or into the page.
function settle() {
  const dialogs = [...document.querySelectorAll('dialog:modal')];
  const host = document.activeElement?.closest('dialog:modal') || dialogs.at(-1) || document.body;
  if (box.parentNode !== host) host.append(box);
}

const watch = new MutationObserver(settle);

// toast shows a text for some seconds. undo, if given, is called by its button. kind: 'error' stays until it is closed.
export function toast(text, { undo, kind = 'info' } = {}) {
  const one = { text, undo, kind, key: ++last };
  settle();
  if (!list.length) watch.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['open'] });
  // A screen reader says what comes into a region that is there already.
  requestAnimationFrame(() => {
    list = [...list.slice(-2), one];
    run(one);
    draw();
  });
}

// failed shows what went wrong.
export const failed = (err) => toast(t('app.failed', { why: err.message }), { kind: 'error' });

function run(one) {
  if (one.kind !== 'error') one.timer = setTimeout(remove, one.undo ? 10_000 : 5000, one);
}

// Nobody who points at a message, or is in it with the keyboard, loses it meanwhile.
const pause = () => list.forEach((one) => clearTimeout(one.timer));
const goOn = () => list.forEach((one) => { clearTimeout(one.timer); run(one); });

function remove(one) {
  const inside = box.contains(document.activeElement);
  list = list.filter((other) => other !== one);
  draw();
  if (inside && !box.contains(document.activeElement) && before?.isConnected) before.focus();
  if (!list.length) watch.disconnect();
}

const draw = () => render(list.map((one) => html`
  <div class="toast" key=${one.key} data-kind=${one.kind}>
    <span>${one.text}</span>
    ${one.undo && html`<button class="button small" onClick=${() => { remove(one); one.undo(); }}>${t('app.undo')}</button>`}
    <button class="button icon-only" aria-label=${t('app.close')} onClick=${() => remove(one)}><${Icon} name="close" /></button>
  </div>`), box);

box.addEventListener('pointerenter', pause);
box.addEventListener('pointerleave', goOn);
box.addEventListener('focusout', goOn);
box.addEventListener('focusin', (e) => {
  pause();
  if (!box.contains(e.relatedTarget)) before = e.relatedTarget;
});

// Toasts is for the frame of the page: the region must be there before the first message comes.
export function Toasts() {
  settle();
  return null;
}
