// The people: who is known here, when they came last, and for whom the door opens by itself.
import { html, useEffect, useRef, useState } from '../ui.js';
import { call, get, thumbnailURL } from '../api.js';
import { subscribe } from '../live.js';
import { follow, go, href, usePlace } from '../place.js';
import { grant, persons } from '../server.js';
import { language, plain, t } from '../texts.js';
import { dateTime, tick } from '../time.js';
import { ask } from '../parts/ask.js';
import { summary } from '../parts/card.js';
import { Ago } from '../parts/ago.js';
import { Icon } from '../parts/icon.js';
import { failed, toast } from '../parts/toast.js';
import { AddPerson, PersonSheet, titleOf } from './person.js';

export function People() {
  const list = persons.use();
  const visits = useVisits();
  const who = usePlace().get('who');
  const [adding, add] = useState(null); // the name that the sheet begins with
  const byTitle = new Intl.Collator(language).compare;
  const known = [...(list || [])].sort((a, b) => byTitle(titleOf(a), titleOf(b)));
  const unlisted = [...(visits?.values() || [])].filter((v) => list && !list.some((p) => p.name === v.person_name));
  const open = useRef(); // stays open after an erasure, with the receipt
  open.current = known.find((p) => p.name === who) || (unlisted.some((v) => v.person_name === who) && { name: who }) || (open.current?.name === who && open.current);
  const letIn = known.filter((p) => p.auto_unlock).length;
  return html`
    <header class="view-head">
      <div><h1>${t('view.people')}</h1>
        <p class="soft">${known.length > 0 && t('people.let_in', { n: letIn, all: known.length })}</p></div>
      ${grant().admin && html`<button class="button primary" onClick=${() => add('')}><${Icon} name="plus" /> ${t('people.add')}</button>`}
    </header>
    ${list && known.length === 0 && html`<p class="empty">${t('people.none')}</p>`}
    <ul class="people">${known.map((p) => html`<${Row} key=${p.name} person=${p} visits=${visits && (visits.get(p.name) || {})} />`)}</ul>
    ${unlisted.length > 0 && html`
      <h2>${t('people.unlisted')}</h2>
      <p class="soft">${t('people.unlisted_why')}</p>
      <ul class="people">${unlisted.map((v) => html`<${Row} key=${v.person_name} person=${{ name: v.person_name }} visits=${v} onAdd=${() => add(v.person_name)} />`)}</ul>`}
    ${open.current && html`<${PersonSheet} key=${open.current.name} person=${open.current} visits=${visits} onClose=${close} />`}
    ${adding !== null && html`<${AddPerson} name=${adding} onClose=${() => add(null)} />`}`;
}

const close = () => (history.state?.here ? history.back() : go({ who: null }, { replace: true }));

// useVisits returns the visits of each name (null: not known yet), and reads them again when events change.
function useVisits() {
  const [visits, set] = useState(null);
  useEffect(() => {
    let timer = 0;
    const load = () => {
      timer = 0;
      get('activity').then((all) => set(new Map(all.map((one) => [one.person_name, one]))), failed);
    };
    load();
    const end = subscribe((change) => {
      if (!change.op.startsWith('person_')) timer ||= setTimeout(load, 400);
    });
    return () => { end(); clearTimeout(timer); };
  }, []);
  return visits;
}

// Row is one person. visits is null while it loads, and {} if there are none.
function Row({ person, visits, onAdd }) {
  const { name } = person;
  const title = titleOf(person);
  const { admin } = grant();
  return html`
    <li class="person panel" data-name=${name}>
      <${Face} name=${name} last=${visits && visits.last_seen} title=${title} />
      <div class="person-text">
        <h2>${title}</h2>
        ${title !== plain(name) && html`<p class="soft person-name">${name}</p>`}
        ${visits ? html`<${Visits} name=${name} visits=${visits} />` : [1, 2, 3].map((i) => html`<p key=${i} class="skeleton line" />`)}
      </div>
      <div class="person-do">
        ${onAdd ? admin && html`<button class="button" aria-label=${`${t('people.add')}: ${title}`} onClick=${onAdd}><${Icon} name="plus" /> ${t('people.add')}</button>`
          : html`<${AutoUnlock} person=${person} admin=${admin} />`}
        ${admin && html`<a class="button icon-only" href=${href({ who: name })} onClick=${follow} aria-label=${`${t('people.edit')}: ${title}`}><${Icon} name="edit" /></a>`}
      </div>
    </li>`;
}

function Visits({ name, visits }) {
  const { visits: n, first_seen: first, last_seen: last } = visits;
  if (!n) return html`<p class="soft">${t('people.never')}</p>`;
  return html`
    <p><${Ago} at=${last} /></p><p class="soft"><time datetime=${last}>${dateTime(last)}</time></p>
    <p><a href=${href({ person: name }, { keep: false })} onClick=${follow}>${t('people.visits', { n })}</a> <span class="soft">${t('people.since', { date: tick(new Date(first), new Date(first).getFullYear() === new Date().getFullYear() ? 'day' : 'month') })}</span></p>`;
}

// Face is the picture of the last visit, cut to the person. It opens the event.
function Face({ name, last, title }) {
  const [event, set] = useState(null);
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    if (!last) return set(null);
    const one = new AbortController();
    get('events', { person: name, has_thumbnail: true, limit: 1 }, one.signal).then((page) => { set(page.events[0]); setMissing(false); }, () => {});
    return () => one.abort();
  }, [name, last]);
  if (!event || missing) return html`<span class="face" aria-hidden="true">${title[0]}</span>`;
  return html`
    <a class="face" href=${href({ event: event.id })} onClick=${follow} aria-label=${summary(event)}>
      <img src=${thumbnailURL(event.id)} alt="" decoding="async" style=${cut(event)} onError=${() => setMissing(true)} />
    </a>`;
}

// cut returns the style of a picture of which a square round the head of the person is shown, or nothing if it is
// not known where that is.
function cut({ frame_width: width, frame_height: height, detections = [] }) {
  const boxes = (detections || []).filter((d) => d.label === 'person' && d.bbox_x2 > d.bbox_x1);
  if (!width || !height || !boxes.length) return null;
  const box = boxes.reduce((a, b) => (b.confidence > a.confidence ? b : a));
  const side = Math.min(height, Math.max(height * 0.35, (box.bbox_x2 - box.bbox_x1) * 1.25));
  const within = (at, most) => Math.max(0, Math.min(at, most - side));
  const left = within((box.bbox_x1 + box.bbox_x2 - side) / 2, width);
  const top = within(box.bbox_y1 - side * 0.08, height);
  const part = (n) => `${(100 * n) / side}%`;
  return { position: 'absolute', width: part(width), height: part(height), maxWidth: 'none', left: part(-left), top: part(-top) };
}

// AutoUnlock says whether the door opens for a person by itself, and changes it. What lets somebody in is asked.
function AutoUnlock({ person, admin }) {
  const [busy, setBusy] = useState(false);
  const on = person.auto_unlock;
  const name = titleOf(person);
  if (!admin) return on ? html`<span class="chip good"><${Icon} name="unlocked" /> ${t('people.opens')}</span>` : html`<span class="chip"><${Icon} name="locked" /> ${t('people.opens_not')}</span>`;
  const change = async () => {
    if (!on && !(await ask({ title: t('people.ask_open', { name }), text: t('people.ask_open_why', { name }), action: t('people.open_it') }))) return;
    setBusy(true);
    const set = (value) => call('PUT', `persons/${encodeURIComponent(person.name)}/auto-unlock`, { body: { on: value } }).then(persons.load);
    try {
      await set(!on);
      toast(`${name}: ${t(on ? 'people.opens_not' : 'people.opens')}`, { undo: () => set(on).catch(failed) });
    } catch (err) {
      failed(err);
    }
    setBusy(false);
  };
  return html`
    <button class="switch" role="switch" aria-checked=${!!on} aria-label=${`${t('people.opens')}: ${name}`} disabled=${busy} onClick=${change}>
      <span class="track" aria-hidden="true"><${Icon} name=${on ? 'unlocked' : 'locked'} /></span>
      <span>${t('people.opens')}</span>
    </button>`;
}
