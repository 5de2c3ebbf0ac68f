// A question before something that cannot be undone, or that is larger than it looks.
import { html, useLayoutEffect, useRef, useState } from '../ui.js';
import { t } from '../texts.js';

let put;

// ask shows a question and returns a promise of the answer: true or false. danger is for what destroys: then the
// button that does it is not the one that has the focus.
export const ask = ({ title, text, action, danger = false }) => new Promise((answer) => put({ title, text, action, danger, answer }));

// Asking is where questions appear, once in the page.
export function Asking() {
  const [question, set] = useState(null);
  put = (next) => set((open) => { open?.answer(false); return next; });
  return question && html`<${Question} key=${question} ...${question} onEnd=${(yes) => { question.answer(yes); set((open) => (open === question ? null : open)); }} />`;
}

function Question({ title, text, action, danger, onEnd }) {
  const dialog = useRef();
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown.showModal();
    return () => shown.close(); // which gives the focus back to where it was
  }, []);
  const outside = (e) => e.target === dialog.current && onEnd(false);
  return html`
    <dialog class="ask" role="alertdialog" ref=${dialog} aria-labelledby="ask-title" aria-describedby="ask-text"
      onCancel=${(e) => { e.preventDefault(); onEnd(false); }} onClose=${() => onEnd(false)} onPointerDown=${outside}>
      <h2 id="ask-title">${title}</h2>
      <p id="ask-text">${text}</p>
      <div class="actions">
        <button class="button" autofocus=${danger} onClick=${() => onEnd(false)}>${t('app.cancel')}</button>
        <button class=${'button ' + (danger ? 'danger' : 'primary')} autofocus=${!danger} onClick=${() => onEnd(true)}>${action}</button>
      </div>
    </dialog>`;
}
