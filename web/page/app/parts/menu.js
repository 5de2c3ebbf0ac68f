// What belongs to the whole page and is needed seldom: the language, the keys, the zone, and logging out.
import { html, useEffect, useRef, useState } from '../ui.js';
import { call } from '../api.js';
import { onKeys } from '../keys.js';
import { choose, language, languages, t } from '../texts.js';
import { zone } from '../time.js';
import { Icon } from './icon.js';
import { Lazy } from './lazy.js';
import { failed } from './toast.js';

const mark = 'doorlog-login';

// loggedIn remembers that a token was given here: who needs none cannot log out.
export function loggedIn(yes) {
  try {
    if (yes) localStorage.setItem(mark, '1');
    else if (yes === false) localStorage.removeItem(mark);
    return !!localStorage.getItem(mark);
  } catch {
    return true;
  }
}

const logout = () => call('POST', 'logout').then(() => {
  loggedIn(false);
  location.reload();
}, failed);

// Menu opens below its button.
export function Menu() {
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const box = useRef();
  useEffect(() => onKeys({ '?': () => setHelp(true) }), []);
  useEffect(() => {
    if (!open) return;
    const away = (e) => { if (!box.current.contains(e.target)) setOpen(false); };
    addEventListener('pointerdown', away);
    return () => removeEventListener('pointerdown', away);
  }, [open]);
  const escape = (e) => {
    if (e.key !== 'Escape' || !open) return;
    setOpen(false);
    box.current.querySelector('button').focus();
  };
  return html`
    <div class="menu" ref=${box} onKeyDown=${escape} onFocusOut=${(e) => { if (e.relatedTarget && !box.current.contains(e.relatedTarget)) setOpen(false); }}>
      <button class="button icon-only quiet" aria-label=${t('app.menu')} aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name="more" /></button>
      ${open && html`
        <div class="menu-items">
          <div class="menu-row" role="group" aria-label=${t('app.language')}><${Icon} name="language" />
            ${Object.keys(languages).map((name) => html`
              <button class="button small" key=${name} lang=${name} aria-pressed=${name === language} onClick=${() => choose(name)}>${new Intl.DisplayNames(name, { type: 'language' }).of(name)}</button>`)}
          </div>
          <button class="menu-item" onClick=${() => { setOpen(false); setHelp(true); }}><${Icon} name="keys" />${t('app.keys')}</button>
          ${loggedIn() && html`<button class="menu-item" onClick=${logout}><${Icon} name="out" />${t('app.logout')}</button>`}
          <p class="menu-note">${t('app.times', { zone })}</p>
        </div>`}
      ${help && html`<${Lazy} silent load=${() => import('./keyhelp.js').then((m) => m.KeyHelp)} onClose=${() => setHelp(false)} />`}
    </div>`;
}
