// Charts: when something happened, what was seen and who came, in the days that the person chose. Every mark leads
// to its events in the feed.
import { html, useEffect, useState } from '../ui.js';
import { get } from '../api.js';
import { subscribe } from '../live.js';
import { follow, go, href, usePlace } from '../place.js';
import { cameras, personName, persons } from '../server.js';
import { known, number, percent, plain, t } from '../texts.js';
import { ago, dates, dayKey, exact, hour, hours, shortDate, startOfDay, tick, zone } from '../time.js';
import { Columns, Rows } from '../parts/bars.js';
import { Heatmap } from '../parts/heatmap.js';
import { Icon } from '../parts/icon.js';
import { before, rangeOf, ranges, spansOf } from '../parts/ranges.js';

export function Charts() {
  const place = usePlace();
  persons.use();
  const [tries, again] = useState(0);
  const { counts, earlier, range, camera, err, busy } = useCounts(place, tries);
  const to = (more) => href({ ...bounds(range), ...more, camera }, { keep: false });
  const some = counts?.summary.total_events > 0;
  return html`
    <div class="charts" aria-busy=${!!busy}>
      <header>
        <h1>${t('view.charts')}</h1>
        <p class="soft">${counts ? period(range, counts, camera) : '\u00a0'}</p>
        <button class="button icon-only" aria-label=${t('doors.print')} onClick=${() => print()}><${Icon} name="print" /></button>
      </header>
      <${Choice} place=${place} />
      ${err && html`<p class="panel" role="alert">${t('app.failed', { why: err.message })} <button class="button small" onClick=${() => again(tries + 1)}>${t('app.retry')}</button></p>`}
      ${some && html`<${Tiles} now=${counts.summary} earlier=${earlier} range=${range} to=${to} />
        <${Days} timeline=${counts.timeline} range=${range} to=${to} />
        <${Heatmap} cells=${counts.heatmap} to=${to} />
        <${Hours} list=${counts.hours} to=${to} />
        <${Labels} list=${counts.breakdown} to=${to} />
        <${People} list=${counts.persons} to=${to} />`}
      ${counts && !some && html`<${Nothing} />`}
      ${!counts && !err && html`<${Room} />`}
      <p id="chart-keys" class="sr-only">${t('charts.keys')}</p>
    </div>`;
}

const bounds = ({ since, until }, camera) => ({ camera, since: since?.toISOString?.(), until: until?.toISOString?.() });

// useCounts returns the counts of what the address says, with the range and the camera that they are of. They are
// read again when events change: at once, but not twice within five seconds, nor all the time where reading is slow.
function useCounts(place, tries) {
  const [state, set] = useState({});
  const wanted = ['camera', 'range', 'from', 'to'].map((name) => [name, place.get(name) || '']);
  useEffect(() => {
    const end = new AbortController();
    const { signal } = end;
    let [timer, missed, due] = [-1, false, 0];
    const load = async () => {
      missed = false;
      const began = Date.now();
      try {
        set(await read(new Map(wanted), signal));
      } catch (err) {
        if (!signal.aborted) set((old) => ({ ...old, busy: false, err }));
      }
      due = Date.now() + Math.max(5000, 10 * (Date.now() - began));
      timer = 0;
      if (missed) refresh();
    };
    const refresh = () => {
      missed = true;
      if (!signal.aborted) timer ||= setTimeout(load, due - Date.now());
    };
    set((old) => ({ ...old, busy: true, err: null }));
    load();
    const leave = subscribe(refresh);
    return () => { leave(); end.abort(); clearTimeout(timer); };
  }, [String(wanted), tries]);
  return state;
}

// read reads the counts of a range, and the totals of the one before it if the store reaches back to then.
async function read(place, signal) {
  const camera = place.get('camera');
  const range = rangeOf(place);
  const old = range.since && before(range);
  const oldest = Math.min(...cameras.get().filter((c) => !camera || c.camera_id === camera).map((c) => new Date(c.first_event)));
  const [counts, earlier] = await Promise.all([
    get('analytics', { ...bounds(range, camera), tz: zone }, signal),
    old && oldest < startOfDay(old.since, 1) && get('summary', bounds(old, camera), signal),
  ]);
  return { counts, earlier, range, camera };
}

// period says which days the charts are about.
function period({ since, until }, { summary, timeline }, camera) {
  const last = until ? startOfDay(until, -1) : new Date(Math.max(new Date(), new Date(summary.last_event)));
  return `${dates(since || (timeline[0] ? startOfDay(timeline[0].date) : last), last)} · ${camera ? plain(camera) : t('day.all')}`;
}

function Choice({ place }) {
  const { name: chosen, since, until } = rangeOf(place);
  const camera = place.get('camera') || '';
  const names = new Set(['', camera, ...cameras.use().map((c) => c.camera_id)]);
  const own = { from: dayKey(since || startOfDay(new Date(), -29)), to: dayKey(until ? startOfDay(until, -1) : new Date()) };
  const choice = (name, to) => html`<a href=${href({ range: null, from: null, to: null, ...to })} onClick=${follow} aria-current=${String(name) === String(chosen)}>${t(`charts.range_${name}`)}</a>`;
  const day = (name) => html`<label class="field"><span>${t(`filter.${name}`)}</span>
    <input class="input" type="date" value=${place.get(name)} onChange=${(e) => e.target.value && go({ [name]: e.target.value }, { replace: true })} /></label>`;
  return html`
    <div class="scope">
      <div class="segments" role="group" aria-label=${t('charts.days')}>${Object.keys(ranges).map((name) => choice(name, { range: name }))}${choice('own', own)}</div>
      <select class="input" aria-label=${t('detail.camera')} value=${camera} onChange=${(e) => go({ camera: e.target.value })}>
        ${[...names].map((name) => html`<option value=${name}>${name ? plain(name) : t('day.all')}</option>`)}
      </select>
      ${chosen === 'own' && html`<div class="own">${day('from')}${day('to')}</div>`}
    </div>`;
}

// Room keeps the room of what loads.
const Room = () => ['tiles', 'chart chart-days', 'chart chart-heatmap', 'chart chart-hours', 'chart chart-labels', 'chart chart-people'].map((name) => html`<div class=${`${name} skeleton`}></div>`);

const Nothing = () => html`
  <div class="empty">
    <p>${t(cameras.get().length ? 'charts.none_here' : 'charts.none')}</p>
    ${cameras.get().length > 0 && html`<a class="button" href=${href({ view: 'charts', range: 'all' }, { keep: false })} onClick=${follow}>${t('charts.show_all')}</a>`}
  </div>`;

function Tiles({ now, earlier, range, to }) {
  const change = (field) => {
    const by = now[field] / earlier?.[field] - 1;
    return Number.isFinite(by) && t(Math.abs(by) < 0.005 ? 'charts.same' : by > 0 ? 'charts.up' : 'charts.down', { by: percent(Math.abs(by)) });
  };
  const tile = (name, field, at, note = change(field)) => html`
    <a class="panel" href=${to(at)} onClick=${follow}><span>${t(`charts.${name}`)}</span> <strong>${number(now[field])}</strong> <small>${note}</small></a>`;
  return html`
    <div class="tiles">
      ${tile('events', 'total_events')}
      ${tile('known', 'total_known', { stranger: false })}
      ${tile('strangers', 'total_strangers', { stranger: true, type: 'motion' })}
      ${tile('unlocks', 'total_unlocks', { unlock_granted: true })}
      ${tile('today', 'today_count', bounds({ since: startOfDay(new Date()), until: startOfDay(new Date(), 1) }), !range.until && t('charts.last', { ago: ago(now.last_event) }))}
    </div>`;
}

const parts = ['known', 'strangers', 'other'];

function Days({ timeline, range, to }) {
  const spans = spansOf(timeline, range, Math.max(100, innerWidth / 3.6));
  const every = Math.ceil(spans.length / 7);
  const items = spans.map((span, i) => ({
    parts: parts.map((name) => span[name]),
    text: t('charts.cell', { when: dates(span.since, startOfDay(span.until, -1)), n: span.count })
      + parts.filter((name) => span[name]).map((name) => ` · ${t(`charts.${name}`)} ${number(span[name])}`).join(''),
    href: to(bounds(span)),
    tick: i % every === every >> 1 && tick(span.since, span.unit),
  }));
  const total = timeline.reduce((n, day) => n + day.count, 0);
  const average = total / Math.round((spans.at(-1).until - startOfDay(timeline[0].date)) / 86_400_000);
  return html`<${Columns} name="days" items=${items} first=${items.length - 1} note=${t('charts.average', { n: number(average < 10 ? average : Math.round(average), 1) })}
    legend=${html`<p class="legend">${parts.map((name, i) => html`<span><i data-part=${i}></i>${t(`charts.${name}`)}</span>`)}</p>`}
    head=${[['day', (key) => shortDate(startOfDay(key))], ['events'], ['known'], ['strangers'], ['other'], ['unlocks']]}
    rows=${() => timeline.map((d) => [d.date, d.count, d.known, d.strangers, d.count - d.known - d.strangers, d.unlocks])} />`;
}

function Hours({ list, to }) {
  const items = list.map(({ hour: h, count: n }) => ({
    parts: [n], text: t('charts.cell', { when: hours(h), n }), href: to({ hours: `${h}-${h + 1}` }), tick: h % 6 === 0 && hour(h),
  }));
  const top = items.reduce((a, b) => (b.parts[0] > a.parts[0] ? b : a));
  return html`<${Columns} name="hours" items=${items} note=${t('charts.most', { what: top.text })}
    head=${[['hour'], ['events'], ['per_day', (n) => number(n, 2)]]} rows=${() => list.map((h) => [hours(h.hour), h.count, h.avg_per_day])} />`;
}

const Labels = ({ list, to }) => html`
  <${Rows} name="labels" note=${t(list.length ? 'charts.detections' : 'charts.no_labels')}
    items=${list.map((l) => ({ name: known('label', l.label), count: l.count, href: to({ label: l.label }) }))}
    head=${[['label'], ['detections'], ['sure', percent]]} rows=${() => list.map((l) => [known('label', l.label), l.count, l.avg_confidence])} />`;

const People = ({ list, to }) => html`
  <${Rows} name="people" note=${t(list.length ? 'charts.visits' : 'charts.no_people')}
    items=${list.map((p) => ({ name: personName(p.person_name), count: p.visits, href: to({ person: p.person_name }), note: t('charts.last', { ago: ago(p.last_seen) }) }))}
    head=${[['person'], ['visits'], ['days'], ['first_seen', exact], ['last_seen', exact]]}
    rows=${() => list.map((p) => [personName(p.person_name), p.visits, p.days.length, p.first_seen, p.last_seen])} />`;
