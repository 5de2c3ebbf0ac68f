// Calls that can take minutes, and how far they are.
import { html, useEffect, useState } from '../ui.js';
import { long } from '../api.js';
import { percent, t } from '../texts.js';

// useLong returns how far a call is (null: there is none), and a function that makes one. The server ends the call
// when the page goes away, so the browser asks before that.
export function useLong() {
  const [at, set] = useState(null);
  const busy = !!at;
  useEffect(() => {
    if (!busy) return undefined;
    const hold = (e) => e.preventDefault();
    addEventListener('beforeunload', hold);
    return () => removeEventListener('beforeunload', hold);
  }, [busy]);
  const run = async (method, path, body) => {
    set({});
    try {
      return await long(method, path, body, set);
    } finally {
      set(null);
    }
  };
  return [at, run];
}

// Progress shows how far a call is. Its room is there before and after, too.
export function Progress({ at, label }) {
  const part = at?.total > 0 ? Math.min(1, at.done / at.total) : undefined;
  return html`<p class="how-far" role="status">
    ${at && html`<progress value=${part} aria-label=${label} /><span aria-hidden="true">${part === undefined ? t('app.working') : percent(Math.floor(part * 100) / 100)}</span>`}
  </p>`;
}
