// How the store does: what is well, what is not, and what helps.
import { html, useEffect, useState } from '../ui.js';
import { call, get, url } from '../api.js';
import { t } from '../texts.js';
import { ago, clock, exact } from '../time.js';
import { ask } from '../parts/ask.js';
import { Command } from '../parts/copy.js';
import { Icon } from '../parts/icon.js';
import { Progress, useLong } from '../parts/run.js';
import { failed, toast } from '../parts/toast.js';
import { bytes, judge } from './judge.js';

const icons = { bad: 'failed', warn: 'jammed', info: 'info', good: 'check' };

export function Health() {
  const [facts, error, load] = useFacts();
  if (!facts) return html`<h1>${t('view.health')}</h1>${error ? html`<p class="empty" role="alert">${t('app.failed', { why: error })} <button class="button" onClick=${load}>${t('app.retry')}</button></p>` : html`<div class="skeleton verdict" /><div class="skeleton items" />`}`;
  const items = judge(facts);
  const wrong = items.filter((one) => one.state === 'bad' || one.state === 'warn').length;
  const worst = wrong ? items[0].state : 'good';
  return html`
    <h1 class="sr-only">${t('view.health')}</h1>
    <section class="verdict" data-state=${worst}>
      <${Icon} name=${icons[worst]} />
      <div><p class="sentence" role="status">${wrong ? t('health.wrong', { n: wrong }) : t('health.well')}</p>
        <p>${t(error ? 'health.old' : 'health.as_of', { time: clock(facts.at) })}</p></div>
      <button class="button icon-only" aria-label=${t('health.refresh')} onClick=${load}><${Icon} name="refresh" /></button>
    </section>
    <ul class="health">${items.map((one) => html`<${Item} key=${one.key} item=${one} load=${load} />`)}</ul>
    <${About} facts=${facts} />`;
}

// useFacts returns what the server says of itself, an error if it did not answer last time, and a function that asks
// again. It asks every minute while somebody looks.
function useFacts() {
  const [facts, set] = useState(null);
  const [error, setError] = useState('');
  const load = () => questions().then((all) => { set(all); setError(''); }, (err) => setError(err.message));
  useEffect(() => {
    const look = () => document.hidden || load();
    load();
    const timer = setInterval(look, 60_000);
    document.addEventListener('visibilitychange', look);
    return () => { clearInterval(timer); document.removeEventListener('visibilitychange', look); };
  }, []);
  return [facts, error, load];
}

// questions asks them all. A damaged store answers that of info alone.
async function questions() {
  const begun = Date.now();
  const maybe = (answer) => answer.catch(() => null);
  const server = (await maybe(get('server'))) || { now: new Date().toISOString() };
  const at = (begun + Date.now()) / 2; // about when the server looked at its clock
  const [info, cameras, future] = await Promise.all([get('info'), maybe(get('cameras')), maybe(get('count', { since: server.now }))]);
  return { server, info, cameras, future: future?.count, at, ahead: new Date(server.now) - at };
}

function Item({ item, load }) {
  const help = { backup: Backup, compact: Compact, forget: Forget, verify: Verify }[item.help];
  return html`
    <li class="panel" data-state=${item.state}>
      <${Icon} name=${icons[item.state]} />
      <div><h2><span class="sr-only">${t(`health.${item.state}`)}: </span>${item.title}</h2>
        <p class="soft">${item.text}</p>
        ${item.command && html`<${Command} text=${item.command} />`}
        ${help && html`<${help} name=${item.name} load=${load} />`}</div>
    </li>`;
}

function About({ facts: { server, info } }) {
  const at = (time) => time && html`${exact(time)} (${ago(time)})`;
  const rows = { newest: at(info.newest), oldest: at(info.oldest), zone: server.zone, version: server.version, store: server.store_id };
  return html`<section class="panel about"><h2>${t('health.about')}</h2>
    <dl class="account">${Object.entries(rows).map(([key, value]) => html`<div key=${key}><dt>${t(`health.is_${key}`)}</dt><dd>${value || '–'}</dd></div>`)}</dl></section>`;
}

// Work is a button for a long call. tell makes words of its result.
function Work({ icon, label, path, question, tell, load }) {
  const [at, run] = useLong();
  const [said, say] = useState('');
  const begin = async () => {
    if (question && !(await ask({ ...question, action: label }))) return;
    say('');
    try {
      say(tell(await run('POST', path)));
      load();
    } catch (err) {
      failed(err);
    }
  };
  return html`<div class="work"><button class="button small" disabled=${!!at} onClick=${begin}><${Icon} name=${icon} /> ${label}</button>
    <${Progress} at=${at} label=${label} /></div><p class="said" role="status">${said}</p>`;
}

const Verify = ({ load }) => html`<${Work} icon="search" label=${t('health.verify')} path="verify" load=${load} tell=${verdict} />`;

// verdict says what a verification has found, and what mends it.
function verdict(v) {
  if (!v.found) return t('health.verified', { n: v.events, pictures: v.thumbnails });
  return `${t('health.broken', { n: v.found, first: v.findings[0]?.problem })} ${t(`health.mend_${v.remedy}`)}`;
}

const Compact = ({ load }) => html`<${Work} icon="box" label=${t('health.compact')} path="compact" load=${load}
  question=${{ title: t('health.compact'), text: t('health.ask_compact_why') }} tell=${(c) => t('health.compacted', { before: bytes(c.before), after: bytes(c.after) })} />`;

// Backup saves a backup through the browser. Only the person knows whether the file has arrived whole, so it counts as
// one when she says so. What it has is from after the click; that is the time that is kept.
function Backup({ load }) {
  const [since, set] = useState(null);
  const begin = () => get('server').then(({ store_id, now }) => set({ store_id, time: now }), failed);
  const keep = () => call('POST', 'backup/kept', { body: since }).then(() => { set(null); toast(t('health.kept')); load(); }, failed);
  return html`<div class="work"><a class="button small" href=${url('backup').href} download onClick=${begin}><${Icon} name="download" /> ${t('health.download')}</a>
    ${since && html`<button class="button small" onClick=${keep}><${Icon} name="check" /> ${t('health.keep')}</button>`}</div>
    <p class="said" role="status">${since && t('health.arrived')}</p>`;
}

// Forget takes a reader away that nobody needs any more.
function Forget({ name, load }) {
  const remove = async () => {
    if (await ask({ title: t('health.ask_forget', { name }), text: t('health.ask_forget_why'), action: t('detail.removeLabel'), danger: true })) {
      call('DELETE', `consumers/${encodeURIComponent(name)}`).then(load, failed);
    }
  };
  return html`<div class="work"><button class="button small" onClick=${remove}><${Icon} name="trash" /> ${t('detail.removeLabel')}</button></div>`;
}
