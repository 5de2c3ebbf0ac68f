// A dialog with a title that a view puts over itself, for something that takes more than a yes or a no.
import { html, useEffect, useId, useRef } from '../ui.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

export function Sheet({ title, onClose, children }) {
  const dialog = useRef();
  const id = useId();
  useEffect(() => { dialog.current.showModal(); }, []);
  return html`
    <dialog class="task" ref=${dialog} aria-labelledby=${id} onCancel=${(e) => { e.preventDefault(); onClose(); }}>
      <header>
        <h2 id=${id}>${title}</h2>
        <button class="button icon-only" aria-label=${t('app.close')} onClick=${onClose}><${Icon} name="close" /></button>
      </header>
      ${children}
    </dialog>`;
}
