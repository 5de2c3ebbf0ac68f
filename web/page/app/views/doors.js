// The door log: what the door did, who it was and how, and what of it is to be looked at.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../ui.js';
import { get, url } from '../api.js';
import { actions, asked, fits, habits, limits, placed, reasons } from '../doors.js';
import { subscribe } from '../live.js';
import { follow, go, href, usePlace } from '../place.js';
import { personName, persons, server } from '../server.js';
import { known, language, number, percent, plain, t } from '../texts.js';
import { day, dayKey, exact, precise, shortDate, zone } from '../time.js';
import { ask } from '../parts/ask.js';
import { Icon } from '../parts/icon.js';
import { Picture } from '../parts/picture.js';

const step = 100; // rows that are drawn at once
const pageSize = 500; // events that are read at once
const many = 2000; // pictures that may be too many for a browser
const mostPicked = 500; // events of a report that are named one by one

// read returns a page of the log, and what is needed to judge its events.
async function read(query, cursor) {
  const page = await get('events', { ...query, limit: pageSize, cursor });
  const [newest, oldest] = [page.events[0], page.events.at(-1)];
  if (!oldest) return { ...page, refusals: [] };
  const since = new Date(Date.parse(oldest.recorded_at) - limits.minutes * 60_000).toISOString();
  const refused = await get('events', { door: 'failed', since, until: new Date(Date.parse(newest.recorded_at) + 1).toISOString(), limit: 1000 });
  return { ...page, refusals: refused.events };
}

// past returns the habits of the days before the end of a range.
async function past(until) {
  const end = until ? Date.parse(until) : Date.now();
  const found = await get('events', { door: 'unlocked', stranger: false, since: new Date(end - limits.days * 86_400_000).toISOString(), until, limit: 1000 });
  return habits(found.events);
}

// useLog returns the events of a query, newest first, and keeps them as they are in the store: {events, next, refusals,
// known, error}, and more(), which reads older ones.
function useLog(query) {
  const [log, set] = useState(null);
  const key = JSON.stringify(query);
  const now = useRef(); // the key of what is shown
  const reading = useRef(0); // reads under way; what changes meanwhile may be in none of them
  const missed = useRef(false);
  const fail = (error) => { if (now.current === key) set((old) => ({ ...old, error })); };
  const load = async () => {
    missed.current = false;
    reading.current++;
    try {
      const [page, usual] = await Promise.all([read(query), past(query.until)]);
      if (now.current === key) set({ ...page, known: usual });
    } catch (error) {
      fail(error);
    }
    if (--reading.current === 0 && missed.current && now.current === key) load();
  };
  const more = () => read(query, log.next).then((page) => {
    if (now.current !== key) return;
    set((old) => ({ ...old, ...page, events: [...old.events, ...page.events], refusals: [...old.refusals, ...page.refusals] }));
  }, fail);
  useEffect(() => {
    now.current = key;
    set(null);
    load();
    return subscribe((change) => {
      if (change.op === 'reset') { load(); return; }
      const event = change.op === 'deleted' ? null : change.event;
      if (!['created', 'updated', 'deleted'].includes(change.op)) return;
      missed.current = reading.current > 0;
      set((old) => (!old?.events ? old : {
        ...old,
        events: placed(old.events, change.id, event && fits(event, query) && (!old.next || change.id > old.events.at(-1).id) ? event : null),
        refusals: placed(old.refusals, change.id, event?.door_action === 'failed' && event),
      }));
    });
  }, [key]);
  return { log, more, load };
}

// useCounts returns how often the door did what. Those of a log that has been read to its end are counted here.
function useCounts(query, log) {
  const [counts, set] = useState(null);
  const whole = log?.events && !log.next;
  const kinds = ['unlocked', 'failed', 'jammed'];
  const size = log?.events?.length;
  useEffect(() => {
    if (!size || whole) return;
    Promise.all(kinds.map((door) => (query.door.includes(door) ? get('count', { ...query, door }) : { count: 0 })))
      .then((all) => set(all.map((one) => one.count)), () => {});
  }, [JSON.stringify(query), size, whole]);
  if (whole) return kinds.map((door) => log.events.filter((e) => e.door_action === door).length);
  return size ? counts : null;
}

export function Doors() {
  const place = usePlace();
  const query = asked(place);
  const { log, more, load } = useLog(query);
  const counts = useCounts(query, log);
  const [shown, setShown] = useState(step);
  const [top, setTop] = useState(null); // the newest event that is shown, for who has scrolled
  const printing = usePrinting();
  useEffect(() => { setShown(step); setTop(null); scrollTo(0, 0); }, [JSON.stringify(query), place.get('look')]);

  const judged = (log?.events || []).map((event) => ({ event, why: reasons(event, log.known, log.refusals) }));
  const look = judged.filter((one) => one.why.length);
  const listed = place.get('look') ? look : judged;
  const first = listed[0]?.event.id;
  const last = useRef();
  useLayoutEffect(() => {
    if (scrollY > 120 && last.current && first > last.current) setTop((old) => old || last.current);
    last.current = first;
  }, [first]);
  const fresh = top ? listed.filter((one) => one.event.id > top).length : 0;
  const rows = listed.slice(fresh, printing.on ? undefined : fresh + shown);
  const rest = listed.length > fresh + shown || log?.next;
  const older = () => { setShown(shown + step); if (listed.length <= fresh + shown + step && log.next) more(); };

  return html`
    <div class="doors">
      <h1>${t('view.doors')}</h1>
      <${Printed} query=${query} counts=${counts} look=${place.get('look')} />
      <${Sums} counts=${counts} look=${log?.events && look.length} on=${!!place.get('look')} partly=${log?.next && log.events.length} />
      <div class="tools">
        <${Filters} place=${place} query=${query} />
        <${Exports} query=${query} ids=${place.get('look') ? look.map((one) => one.event.id) : null} log=${log} onPrint=${printing.start} />
      </div>
      ${fresh > 0 && html`<button class="button primary fresh" onClick=${() => { setTop(null); scrollTo(0, 0); }}><${Icon} name="up" />${t('doors.fresh', { n: fresh })}</button>`}
      ${log?.error && html`<p class="empty" role="alert">${t('app.failed', { why: log.error.message })} <button class="button" onClick=${load}>${t('app.retry')}</button></p>`}
      ${!log && html`<div class="log-skeleton" role="status" aria-label=${t('app.loading')}>${Array.from({ length: 8 }, (_, i) => html`<span class="skeleton" key=${i}></span>`)}</div>`}
      ${log?.events && !listed.length && html`<p class="empty">${t(place.get('look') ? 'doors.calm' : 'doors.none')}</p>`}
      ${rows.length > 0 && html`<${Log} rows=${rows} eager=${printing.on} />`}
      ${rest && !printing.on && html`<p class="older"><button class="button" onClick=${older}>${t('doors.older')}</button></p>`}
    </div>`;
}

// usePrinting has all rows and pictures there while the page is printed, by the button or by the browser.
function usePrinting() {
  const [state, set] = useState('');
  useEffect(() => {
    const begin = () => set((old) => old || 'browser');
    const end = () => set('');
    addEventListener('beforeprint', begin);
    addEventListener('afterprint', end);
    return () => { removeEventListener('beforeprint', begin); removeEventListener('afterprint', end); };
  }, []);
  useEffect(() => {
    if (state !== 'button') return;
    const pictures = [...document.querySelectorAll('.log img')].map((img) => img.decode().catch(() => {}));
    const patience = new Promise((done) => setTimeout(done, 10_000));
    Promise.race([Promise.all(pictures), patience]).then(() => { print(); set(''); });
  }, [state]);
  return { on: !!state, start: () => set('button') };
}

// rangeText says which days a query is of.
function rangeText(query) {
  const to = shortDate(query.until ? new Date(Date.parse(query.until) - 1) : new Date());
  return query.since ? t('doors.between', { from: shortDate(query.since), to }) : t('doors.until', { to });
}

// Printed is what paper needs to say beside the log itself.
function Printed({ query, counts, look }) {
  const facts = [
    ['range', rangeText(query)], ['counts', counts && sumsText(counts)], ['which', look && t('doors.look')], ['person', query.person && personName(query.person)],
    ['store', server.get()?.store_id], ['printed', exact(new Date())], ['zone', zone],
  ];
  return html`<dl class="printed" aria-hidden="true">${facts.map(([name, text]) => text && html`<div key=${name}><dt>${t(`doors.${name}`)}</dt><dd>${text}</dd></div>`)}</dl>`;
}

const sumsText = ([unlocked, failed, jammed]) => [t('doors.unlocks', { n: unlocked }), t('doors.refusals', { n: failed }), t('doors.jams', { n: jammed })].join(', ');

function Sums({ counts, look, on, partly }) {
  const Sum = ({ icon, n, name }) => html`<li class="sum"><${Icon} name=${icon} /><b>${n === undefined ? '–' : number(n)}</b> <span>${t(`doors.${name}`, { n: n || 0 }).replace(/^[\d.,\s]+/, '')}</span></li>`;
  const [unlocked, failed, jammed] = counts || [];
  return html`
    <ul class="sums" aria-label=${t('doors.counts')}>
      <${Sum} icon="unlocked" n=${unlocked} name="unlocks" />
      <${Sum} icon="failed" n=${failed} name="refusals" />
      <${Sum} icon="jammed" n=${jammed} name="jams" />
      <li>
        <button class="sum" aria-pressed=${on ? 'true' : 'false'} data-some=${look > 0} onClick=${() => go({ look: on ? null : '1' })}>
          <${Icon} name="look" /><b>${typeof look === 'number' ? number(look) : '–'}</b> <span>${t('doors.tolook')}</span>
        </button>
      </li>
    </ul>
    <p class="sr-only" role="status">${counts && `${sumsText(counts)}; ${look} ${t('doors.tolook')}`}</p>
    <details class="why">
      <summary>${t('doors.what')}</summary>
      <ul>${['nobody', 'hour', 'after', 'jammed'].map((why) => html`<li key=${why}><${Mark} why=${why} /> ${t(`doors.means.${why}`, limits)}</li>`)}</ul>
    </details>
    ${partly && html`<p class="partly soft">${t('doors.partly', { n: partly })}</p>`}`;
}

function Select({ name, value, options, onChange }) {
  return html`<label class="field"><span>${t(`doors.${name}`)}</span>
    <select class="input" value=${value} onChange=${(e) => onChange(e.target.value)}>
      ${options.map(([v, text]) => html`<option key=${v} value=${v}>${text}</option>`)}
    </select></label>`;
}

function Filters({ place, query }) {
  persons.use();
  const days = place.get('from') || place.get('to') ? 'own' : place.get('days') || '7';
  const range = (value) => {
    if (value !== 'own') { go({ from: null, to: null, days: value === '7' ? null : value }); return; }
    go({ days: null, from: dayKey(query.since || new Date()), to: dayKey(new Date()) });
  };
  const who = place.get('stranger') ? '?' : place.get('person') || '';
  const people = (persons.get() || []).map((p) => [p.name, personName(p.name)]);
  if (place.get('person') && !people.some(([name]) => name === place.get('person'))) people.push([place.get('person'), personName(place.get('person'))]);
  return html`
    <div class="filters" role="group" aria-label=${t('doors.filters')}>
      <${Select} name="range" value=${days} onChange=${range} options=${[...['7', '30', '90'].map((n) => [n, t('doors.days', { n: Number(n) })]), ['all', t('doors.all')], ['own', t('doors.own')]]} />
      ${days === 'own' && ['from', 'to'].map((name) => html`
        <label class="field" key=${name}><span>${t(`filter.${name}`)}</span><input class="input" type="date" value=${place.get(name)} onChange=${(e) => go({ [name]: e.target.value || null })} /></label>`)}
      <${Select} name="person" value=${who} onChange=${(v) => go({ person: v === '?' ? null : v, stranger: v === '?' ? 'true' : null })} options=${[['', t('doors.anybody')], ...people, ['?', t('detail.unknown')]]} />
      <${Select} name="door" value=${place.get('door') || ''} onChange=${(v) => go({ door: v || null })} options=${[['', t('doors.anything')], ...actions.map((a) => [a, known('door', a)])]} />
    </div>`;
}

// Exports are what can be taken away of what is shown.
function Exports({ query, ids, log, onPrint }) {
  if (!log?.events?.length || ids?.length === 0) return html`<div class="exports"></div>`;
  const address = (format) => url('report', { ...(ids ? { id: ids } : query), oldest_first: 'true', format, lang: language, tz: zone }).href;
  // A file that may be too large is asked for first.
  const save = async (e) => {
    const link = e.currentTarget;
    if (!log.next || ids || link.dataset.sure) { delete link.dataset.sure; return; }
    e.preventDefault();
    const { count } = await get('count', { ...query, has_thumbnail: true });
    if (count > many && !(await ask({ title: t('doors.large'), text: t('doors.larger', { n: count, mb: Math.round(count / 25) }), action: t('doors.save') }))) return;
    link.dataset.sure = '1';
    link.click();
  };
  return html`
    <div class="exports" role="group" aria-label=${t('doors.exports')}>
      <button class="button small" onClick=${onPrint}><${Icon} name="print" />${t('doors.print')}</button>
      ${!(ids?.length > mostPicked) && html`
      <a class="button small" href=${address('html')} title=${t('doors.report.is')} download onClick=${save}><${Icon} name="download" />${t('doors.report')}</a>
      <a class="button small" href=${address('csv')} download><${Icon} name="download" />${t('doors.csv')}</a>`}
    </div>`;
}

// The icons of what is to be looked at; the words are beside them.
const marks = { nobody: 'stranger', after: 'failed', hour: 'moon', jammed: 'jammed' };
const Mark = ({ why }) => html`<span class=${`chip ${why === 'jammed' ? 'bad' : 'warn'}`}><${Icon} name=${marks[why]} />${t(`doors.why.${why}`)}</span>`;

const columns = ['picture', 'time', 'door', 'who', 'how', 'face', 'camera', 'why'];

// Log is a table on a large screen, and rows of cards on a small one; with its roles it stays a table.
function Log({ rows, eager }) {
  const groups = [];
  for (const row of rows) {
    const key = dayKey(row.event.recorded_at);
    if (groups.at(-1)?.key !== key) groups.push({ key, at: row.event.recorded_at, rows: [] });
    groups.at(-1).rows.push(row);
  }
  return html`
    <table class="log" role="table">
      <caption class="sr-only">${t('view.doors')}</caption>
      <thead role="rowgroup"><tr role="row">${columns.map((name) => html`<th key=${name} role="columnheader" scope="col" data-column=${name}>${t(`doors.column.${name}`)}</th>`)}</tr></thead>
      ${groups.map((group) => html`
        <tbody key=${group.key} role="rowgroup">
          <tr class="day" role="row"><th role="rowheader" scope="rowgroup" colspan=${columns.length}>${day(group.at)}</th></tr>
          ${group.rows.map((row) => html`<${Row} key=${row.event.id} ...${row} eager=${eager} />`)}
        </tbody>`)}
    </table>`;
}

const colours = { unlocked: 'good', opened: 'good', locked: 'accent', closed: 'accent', failed: 'bad', jammed: 'bad' };

// whoOf says who it was. A door that locks by itself needs nobody.
function whoOf(e) {
  if (e.person_name) return html`<${Icon} name="person" /> ${personName(e.person_name)}`;
  return ['unlocked', 'failed', 'opened'].includes(e.door_action) ? html`<${Icon} name="stranger" /> ${t('detail.unknown')}` : '–';
}

function Row({ event: e, why, eager }) {
  const face = typeof e.face_confidence === 'number' && t('detail.confidence', { p: percent(e.face_confidence) });
  const distance = typeof e.face_distance === 'number' && t('detail.distance', { d: number(e.face_distance, 3) });
  return html`
    <tr role="row" class="entry" data-id=${e.id} data-look=${why.length > 0}>
      <td role="cell" class="picture-cell"><${Picture} event=${e} eager=${eager} /></td>
      <td role="cell" class="time-cell"><a href=${href({ event: e.id })} onClick=${follow}><time datetime=${e.recorded_at} title=${exact(e.recorded_at)}>${precise(e.recorded_at)}</time></a></td>
      <td role="cell" class="door-cell"><span class=${`chip ${colours[e.door_action]}`}><${Icon} name=${e.door_action} />${known('door', e.door_action)}</span></td>
      <td role="cell" class="who-cell">${whoOf(e)}</td>
      <td role="cell" class="how-cell">${e.method ? known('method', e.method) : '–'}</td>
      <td role="cell" class="face-cell">${face || distance ? html`<span>${face || ''}</span>${' '}<span>${distance || ''}</span>` : '–'}</td>
      <td role="cell" class="camera-cell">${plain(e.camera_id)}</td>
      <td role="cell" class="why-cell">${why.map((one) => html`<${Mark} key=${one} why=${one} />`)}</td>
    </tr>`;
}
