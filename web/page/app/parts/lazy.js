// A component whose module is loaded when it is needed first.
import { html, useEffect, useState } from '../ui.js';
import { t } from '../texts.js';

const mark = 'doorlog-reloaded';

// reload is for a module that is not there: the server may have another page by now. If that does not help, it is
// not done again.
function reload() {
  try {
    const last = Number(sessionStorage.getItem(mark));
    if (Date.now() - last < 60_000) return false;
    sessionStorage.setItem(mark, Date.now());
  } catch {
    return false; // without storage it could be done for ever
  }
  location.reload();
  return true;
}

// Lazy says that it loads, unless it is silent: a dialog needs no room before it is there.
export function Lazy({ load, silent, ...props }) {
  const [component, set] = useState(null);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    load().then((found) => set(() => found), () => { if (!reload()) setBroken(true); });
  }, []);
  if (broken) return html`<p class="empty" role="alert">${t('app.failed', { why: t('app.unreachable') })} <button class="button" onClick=${() => location.reload()}>${t('app.retry')}</button></p>`;
  if (!component && silent) return null;
  return component ? html`<${component} ...${props} />` : html`<p class="empty" aria-live="polite">${t('app.loading')}</p>`;
}
