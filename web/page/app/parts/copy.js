// Text that is there to be copied.
import { html, useState } from '../ui.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';
import { toast } from './toast.js';

// copy puts text on the clipboard. A page without TLS on another machine may use only the old way, which takes a
// field with the text beside the button.
async function copy(text, button) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'sr-only';
  button.after(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  button.focus();
  if (!done) throw new Error('copy');
}

// copied copies a text for a button, and says whether that was possible.
export const copied = (text, button) => copy(text, button).then(() => { toast(t('app.copied')); return true; }, () => { toast(t('app.not_copied')); return false; });

// CopyButton copies a text. small: an icon alone.
export function CopyButton({ text, small }) {
  const [done, set] = useState(false);
  const onClick = async ({ currentTarget }) => set(await copied(text, currentTarget));
  return html`<button type="button" class=${'button' + (small ? ' icon-only' : '')} aria-label=${small && t('app.copy')} onClick=${onClick}>
    <${Icon} name=${done ? 'check' : 'copy'} />${!small && ' ' + t('app.copy')}
  </button>`;
}

// Command shows what to type into a terminal. A word is broken only if it is wider than the line.
export const Command = ({ text }) => html`<p class="command"><code>${text.split(' ').map((word) => html`<span>${word}</span> `)}</code><${CopyButton} text=${text} small /></p>`;
