// Who has no token, or one that is not valid any more, is asked for one.
import { html, useEffect, useRef, useState } from '../ui.js';
import { call, get } from '../api.js';
import { server } from '../server.js';
import { t } from '../texts.js';
import { Command } from '../parts/copy.js';
import { Icon } from '../parts/icon.js';

// Login calls onDone when the server knows this browser. The address stays, so the person goes on where she was.
export function Login({ onDone }) {
  const [shown, show] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const [wait, tryIn] = useWait();
  const field = useRef();
  const was = useRef(server.get()).current; // it worked before
  useEffect(() => { field.current.focus(); }, []);

  const submit = async (e) => {
    e.preventDefault();
    if (busy || wait) return;
    const token = field.current.value.trim();
    setWrong(token ? '' : t('login.empty'));
    if (!token) return;
    setBusy(true);
    try {
      await enter(token);
      await onDone();
    } catch (err) {
      if (err.status === 429) tryIn(err.wait || 6);
      setWrong(why(err));
      field.current?.select();
    }
    setBusy(false);
  };

  return html`
    <form class="login panel" onSubmit=${submit}>
      <h1>${was ? t('login.revoked') : t('login.title')}</h1>
      <p class="soft">${was ? t('login.revoked_why') : t('login.why')}</p>
      <${Command} text="doorlog token add phone --read" />
      <p class="soft">${t('login.once')}</p>
      <input class="sr-only" name="username" autocomplete="username" value="doorlog" tabindex="-1" aria-hidden="true" readonly />
      <label class="field" for="token"><span>${t('login.token')}</span></label>
      <div class="secret">
        <input class="input" id="token" ref=${field} type=${shown ? 'text' : 'password'} name="password" placeholder="doorlog_…"
          autocomplete="current-password" autocapitalize="none" spellcheck=${false} aria-invalid=${!!wrong} aria-describedby="login-wrong" />
        <button class="button" type="button" aria-pressed=${shown} onClick=${() => show(!shown)}>${t('login.show')}</button>
      </div>
      <button class="button primary" disabled=${busy || wait > 0}>${wait ? t('login.wait', { n: wait }) : t('login.go')}</button>
      <p id="login-wrong" class="wrong" role="alert">${wrong && html`<${Icon} name="jammed" /> ${wrong}`}</p>
    </form>`;
}

// enter gets the cookie. A token that may not read is of no use here.
async function enter(token) {
  await call('POST', 'login', { body: { token } });
  try {
    await get('server');
  } catch (err) {
    await call('POST', 'logout').catch(() => {});
    throw err;
  }
}

function why(err) {
  const known = { 0: 'login.offline', 401: 'login.wrong', 403: 'login.no_read', 429: 'login.too_many' }[err.status];
  return known ? t(known) : t('app.failed', { why: err.message });
}

// useWait counts seconds down.
function useWait() {
  const [left, set] = useState(0);
  useEffect(() => {
    if (!left) return undefined;
    const timer = setTimeout(() => set(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return [left, set];
}
