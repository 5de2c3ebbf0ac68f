// How long ago something was, which goes on while the page is looked at. All share one timer.
import { html, useEffect, useState } from '../ui.js';
import { ago } from '../time.js';

const watchers = new Set();
setInterval(() => { if (!document.hidden) watchers.forEach((fn) => fn()); }, 15_000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) watchers.forEach((fn) => fn()); });

export function Ago({ at }) {
  const [, draw] = useState('');
  useEffect(() => {
    const tick = () => draw(ago(at)); // drawn again only if the text is another one
    watchers.add(tick);
    return () => watchers.delete(tick);
  }, [at]);
  return html`<span class="ago">${ago(at)}</span>`;
}
