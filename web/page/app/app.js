// The frame around the views: navigation, connection, and who may see anything at all.
import { html, useEffect, useRef, useState } from './ui.js';
import { onRefused } from './api.js';
import { forget, prepare } from './feedlist.js';
import { filtersOf } from './filters.js';
import { run, start, subscribe, useConnection } from './live.js';
import { cameras, persons, server } from './server.js';
import { follow, href, params, usePlace } from './place.js';
import { number, t } from './texts.js';
import { clock, zone } from './time.js';
import { Icon } from './parts/icon.js';
import { Asking } from './parts/ask.js';
import { Lazy } from './parts/lazy.js';
import { loggedIn, Menu } from './parts/menu.js';
import { Toasts } from './parts/toast.js';
import { Feed } from './views/feed.js';

// The other views are loaded when they are opened first.
const views = {
  feed: { icon: 'feed' },
  day: { icon: 'day', load: () => import('./views/day.js').then((m) => m.Day) },
  doors: { icon: 'door', load: () => import('./views/doors.js').then((m) => m.Doors) },
  charts: { icon: 'charts', load: () => import('./views/charts.js').then((m) => m.Charts) },
  people: { icon: 'people', load: () => import('./views/people.js').then((m) => m.People) },
  health: { icon: 'health', load: () => import('./views/health.js').then((m) => m.Health) },
};
const login = () => import('./views/login.js').then((m) => m.Login);
const detail = () => import('./views/detail.js').then((m) => m.Detail);

const viewOf = (place) => (place.get('view') in views ? place.get('view') : 'feed');

history.scrollRestoration = 'manual'; // the views know where they were

export function App() {
  const [phase, begin] = useBeginning();
  const place = usePlace();
  const view = viewOf(place);
  useTitle(view);
  const main = useArrival(view);
  return html`
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus(); }}>${t('app.skip')}</a>
    <${Frame} view=${view} open=${phase === 'ready'} />
    <main id="main" tabindex="-1" ref=${main}>
      ${phase === 'ready' && html`<${View} key=${view} name=${view} />`}
      ${phase === 'login' && html`<${Lazy} key="login" load=${login} onDone=${() => { loggedIn(true); return begin(); }} />`}
      ${phase === 'damaged' && html`<${Lazy} key="health" load=${views.health.load} />`}
      ${phase === 'failed' && html`<div class="empty" role="alert"><p>${t('app.failed', { why: t('app.unreachable') })}</p><button class="button" onClick=${begin}>${t('app.retry')}</button></div>`}
      ${phase === 'ready' && html`<${Offline} />`}
    </main>
    ${phase === 'ready' && place.get('event') && html`<${Lazy} load=${detail} silent id=${place.get('event')} />`}
    <${Asking} /><${Toasts} />`;
}

// useBeginning asks the server who this browser is, and returns how far that is (starting, ready, login, failed, or damaged: Health alone can say something)
// and what does it again.
function useBeginning() {
  const [phase, setPhase] = useState('starting');
  const begin = async () => {
    try {
      forget();
      await Promise.all([server.load(), start()]);
      if (viewOf(params()) === 'feed') prepare(filtersOf(params()));
      await Promise.all([persons.load(), cameras.load()]);
      setPhase('ready');
    } catch (err) {
      setPhase(err.status === 401 ? 'login' : err.problem?.codes?.includes('corrupt') ? 'damaged' : 'failed');
    }
  };
  useEffect(() => {
    begin();
    return onRefused(() => setPhase('login'));
  }, []);
  useEffect(() => {
    if (phase !== 'ready') return;
    const timer = setTimeout(() => detail().catch(() => {}), 1500); // so that an event opens at once
    return () => clearTimeout(timer);
  }, [phase]);
  useEffect(() => {
    if (phase !== 'failed') return;
    const timer = setInterval(begin, 3000);
    return () => clearInterval(timer);
  }, [phase]);
  return [phase, begin];
}

// useTitle names the view in the title, and how many events have come while nobody looked.
function useTitle(view) {
  useEffect(() => {
    let unseen = 0;
    const say = () => { document.title = `${unseen ? `(${number(unseen)}) ` : ''}${t(`view.${view}`)} · ${t('app.name')}`; };
    const look = () => {
      if (!document.hidden) unseen = 0;
      say();
    };
    const end = subscribe((change) => {
      if (!document.hidden || change.op !== 'created') return;
      unseen++;
      say();
    });
    document.addEventListener('visibilitychange', look);
    say();
    return () => {
      end();
      document.removeEventListener('visibilitychange', look);
    };
  }, [view]);
}

// useArrival moves the focus to a view when it has been gone to, and begins at its top. The feed knows its place.
function useArrival(view) {
  const main = useRef();
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    main.current.focus({ preventScroll: true });
    if (view !== 'feed') scrollTo(0, 0);
  }, [view]);
  return main;
}

// state says in words how the stream does.
const state = ({ state: now, since }) => (now === 'live' ? t('app.live') : now === 'offline' ? t('app.offline', { time: clock(since) }) : t('app.connecting'));

function Frame({ view, open }) {
  const connection = useConnection();
  const top = (e) => {
    if (view === 'feed') scrollTo(0, 0);
    follow(e);
  };
  return html`
    <header class="top">
      <a class="brand" href=${href({}, { keep: false })} onClick=${top}><${Icon} name="logo" /> <span>${t('app.name')}</span></a>
      <p class="connection" data-state=${connection.state} role="status">
        ${open && html`<span class="dot" aria-hidden="true"></span>${state(connection)}`}
      </p>
      <${Menu} />
    </header>
    <nav class="views" aria-label=${t('app.navigation')}>
      ${Object.entries(views).map(([name, { icon }]) => html`
        <a key=${name} href=${href(name === 'feed' ? {} : { view: name }, { keep: false })} onClick=${name === 'feed' ? top : follow} aria-current=${name === view ? 'page' : null}>
          <${Icon} name=${icon} /><span>${t(`view.${name}`)}</span>
        </a>`)}
      <p class="zone">${t('app.times', { zone })}</p>
    </nav>`;
}

// Offline says that what is shown may be old. The state in the header is what a screen reader hears of it.
function Offline() {
  const connection = useConnection();
  if (connection.state !== 'offline') return null;
  return html`
    <div class="offline">
      <span>${t('app.offlineText', { time: clock(connection.since) })}</span>
      <button class="button small" onClick=${run}>${t('app.retry')}</button>
    </div>`;
}

const View = ({ name }) => (name === 'feed' ? html`<${Feed} />` : html`<${Lazy} load=${views[name].load} />`);
