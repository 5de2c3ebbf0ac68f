// The dialog that says which keys do what.
import { html, useLayoutEffect, useRef } from '../ui.js';
import { t } from '../texts.js';

const keys = [['j', 'keys.next'], ['k', 'keys.previous'], ['Enter', 'keys.open'], ['r', 'detail.markReviewed'], ['/', 'filter.title'], ['Esc', 'app.close'], ['?', 'keys.help']];

export function KeyHelp({ onClose }) {
  const dialog = useRef();
  useLayoutEffect(() => { dialog.current.showModal(); }, []);
  return html`
    <dialog ref=${dialog} aria-labelledby="keys-title" onClose=${onClose} onClick=${(e) => e.target === dialog.current && dialog.current.close()}>
      <h2 id="keys-title">${t('app.keys')}</h2>
      <dl class="keys">${keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${t(what)}</dd></div>`)}</dl>
      <div class="actions"><button class="button" onClick=${() => dialog.current.close()}>${t('app.close')}</button></div>
    </dialog>`;
}
