// The day: its hours as a strip that can be scrubbed, with the picture of each moment above, and a time-lapse.
//
//   day     2026-02-25, of the viewer's zone; none is today
//   at      the moment that is looked at
//   camera  the only camera that is played
//   zoom    how many hours the strip shows: 6 or 1; none is the day
import { html, useEffect, useMemo, useReducer, useRef, useState } from '../ui.js';
import { get } from '../api.js';
import { subscribe, useConnection } from '../live.js';
import { follow, go, href, usePlace } from '../place.js';
import { cameras, persons } from '../server.js';
import { plain, t } from '../texts.js';
import { clock, day as dayName, dayKey, shortDate, startOfDay } from '../time.js';
import { Icon } from '../parts/icon.js';
import { headline } from '../parts/card.js';
import { Calendar } from '../parts/calendar.js';
import { dayEvents, quarter, timeOf } from '../parts/dayevents.js';
import { gallery } from '../parts/gallery.js';
import { Player, usePlayer } from '../parts/player.js';
import { Moment } from '../parts/moment.js';
import { Legend, Strip } from '../parts/strip.js';
import { failed } from '../parts/toast.js';

const hour = 4 * quarter;
const said = (event) => `${clock(event.recorded_at)}, ${headline(event)}, ${plain(event.camera_id)}`;
const zooms = [null, 6, 1];
const none = [];

export function Day() {
  const place = usePlace();
  const now = useNow();
  const [opened] = useState(() => dayKey(now)); // at midnight, the day does not go away
  const wanted = startOfDay(place.get('day') || (place.get('at') ? new Date(place.get('at')) : opened));
  const day = Number.isNaN(wanted.getTime()) ? opened : dayKey(wanted);
  const start = startOfDay(day).getTime();
  const end = startOfDay(day, 1).getTime();
  const camera = place.get('camera');
  persons.use();
  const [, redraw] = useReducer((n) => n + 1, 0);
  const [quarters, model] = useQuarters(start, end, camera, redraw);
  const all = cameras.use() || [];
  const lanes = useMemo(() => lanesOf(all, quarters || [], start, end), [all, quarters]);
  const to = (key) => ({ day: key === opened ? null : key, at: null });
  return html`
    <${Head} ...${{ day, today: dayKey(now), start, end, cameras: all, quarters, to }} />
    ${quarters && quarters.length === 0
      ? html`<${Nothing} key=${day} start=${start} end=${end} to=${to} />`
      : html`<${Scrubber} key=${day} ...${{ start, end, now, place, camera, lanes, quarters: quarters || none, model, redraw }} />`}`;
}

// useNow returns the time, and has the component drawn again each half minute.
function useNow() {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

// lanesOf returns the cameras that the strip has: those that had events in the week around the day.
function lanesOf(all, quarters, start, end) {
  const week = 7 * 24 * hour;
  const near = all.filter((c) => Date.parse(c.last_event) >= start - week && Date.parse(c.first_event) < end);
  return [...new Set([...near.map((c) => c.camera_id), ...quarters.map((q) => q.camera_id)])].sort();
}

// useQuarters returns the quarter hours of a day, null while they are read, and the events behind them. Both
// follow what happens.
function useQuarters(start, end, camera, redraw) {
  const [found, set] = useState({});
  const quarters = found.start === start ? found.list : null;
  const last = useRef(null);
  const offline = useConnection().state === 'offline';
  const model = useMemo(() => (last.current = dayEvents(quarters || none, camera, last.current, redraw)), [quarters, camera]);
  useEffect(() => {
    let over = false;
    let timer = 0;
    let turn = 0;
    const read = async () => {
      const mine = ++turn;
      const list = await get('quarters', { since: new Date(start).toISOString(), until: new Date(end).toISOString() });
      if (!over && mine === turn) set({ start, list });
    };
    if (!offline) read().catch(failed);
    const quit = subscribe((change) => {
      const at = change.event && Date.parse(change.event.recorded_at);
      if (at < start || at >= end || change.op.startsWith('person')) return;
      if (change.op === 'updated' && change.event) last.current.put(change.event);
      if (change.op === 'deleted') last.current.drop(change.id);
      timer ||= setTimeout(() => { timer = 0; read().catch(() => {}); }, 100);
    });
    return () => { over = true; clearTimeout(timer); quit(); };
  }, [start, end, offline]);
  return [quarters, model];
}

// Scrubber is the picture, the strip and the player, which are of one moment.
function Scrubber({ start, end, now, place, camera, lanes, quarters, model, redraw }) {
  const total = model.total();
  const [moment, setMoment] = useState(() => {
    const at = Date.parse(place.get('at'));
    return { time: at >= start && at < end ? at : null, id: null };
  });
  const pictures = useMemo(() => gallery(redraw), []);
  useEffect(pictures.retry, [model]);
  const found = moment.time === null ? null : model.loaded().find((e) => e.id === moment.id) || model.nearest(moment.time);
  const event = found || (moment.time === null ? model.at(end > now ? total - 1 : 0) : null);
  const index = event ? model.indexOf(event) : 0;
  const time = moment.time ?? (event ? timeOf(event) : start);
  const shown = useRef(null);
  const image = event ? pictures.of(event) : undefined;
  if (image !== undefined) shown.current = { event, image };
  const busy = useRef(false);
  const goal = useRef(null);

  // to goes to an event by its place in the day. Of many calls the last one wins.
  const to = async (next) => {
    goal.current = next;
    if (busy.current) return;
    busy.current = true;
    try {
      while (goal.current !== null) {
        const place = Math.max(0, Math.min(total - 1, goal.current));
        goal.current = null;
        const e = model.at(place) || (await model.reach(place));
        if (e && goal.current === null) setMoment({ time: timeOf(e), id: e.id });
      }
    } catch (err) {
      failed(err);
    } finally {
      busy.current = false;
    }
  };
  const player = usePlayer({ index, total, reach: model.reach, picture: pictures.reach, to });
  useWants(model, pictures, event, index, event || moment.time ? time : end > now ? end : start, total, player);
  useAddress(moment, player.playing);

  const scrub = (at) => { player.stop(); setMoment({ time: Math.max(start, Math.min(end - 1, at)), id: null }); };
  const rest = () => setMoment((was) => ({ ...was, rest: true })); // at the event that is nearest, once it has been read
  useEffect(() => { if (moment.rest && event) setMoment({ time: timeOf(event), id: event.id }); }, [moment, event]);
  const zoom = zooms.find((n) => n === Number(place.get('zoom'))) || null;
  const [view, shift] = useWindow(start, end, zoom, time);
  const keys = (e) => {
    const act = {
      ArrowLeft: () => (e.shiftKey ? scrub(time - quarter) : to(index - 1)), ArrowRight: () => (e.shiftKey ? scrub(time + quarter) : to(index + 1)),
      PageUp: () => scrub(time - hour), PageDown: () => scrub(time + hour), Home: () => to(0), End: () => to(total - 1),
      Enter: () => event && go({ event: event.id }),
    }[{ ArrowUp: 'ArrowRight', ArrowDown: 'ArrowLeft' }[e.key] || e.key];
    if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    if (e.key.startsWith('Arrow') && !e.shiftKey) player.stop();
    act();
  };
  useSpace(player.toggle);
  const words = event ? said(event) : t('app.loading');
  const minute = (ms) => Math.round(ms / 60_000);
  const events = useMemo(() => (zoom ? model.loaded().filter((e) => timeOf(e) >= view.from && timeOf(e) < view.to) : []), [model, zoom, view.from, model.loaded().length]);
  return html`
    <div class="scrubber">
      <div class="scene">
        <${Moment} ...${shown.current || {}} />
        <${Around} ...${{ model, index, total, to: (i) => { player.stop(); to(i); } }} />
      </div>
      <div class="panel day-strip">
        <${Strip} ...${{ window: view, short: !!zoom, now, lanes, camera, quarters, events, time, onScrub: scrub, onRest: rest, onKey: keys, onEdge: shift }}
          said=${event && time !== timeOf(event) ? `${clock(time)}: ${words}` : words}
          range=${{ now: minute(time - start), max: minute(end - start) }} />
        <div class="day-below">
          <${Legend} />
          <div class="day-zoom" role="group" aria-label=${t('day.zoom')}>
            ${zooms.map((n) => html`<button class="button small" key=${n} aria-pressed=${n === zoom} onClick=${() => go({ zoom: n }, { replace: true })}>${t('day.hours', { n: n || minute(end - start) / 60 })}</button>`)}
          </div>
        </div>
      </div>
      <${Player} ...${{ player, index, total, to, cameras: lanes, camera, onCamera: (name) => go({ camera: name || null }, { replace: true }) }} />
    </div>`;
}

const rows = 13;

// Around lists what happened before and after, where a screen has room for that.
function Around({ model, index, total, to }) {
  const first = Math.max(0, Math.min(index - (rows >> 1), total - rows));
  return html`<ol class="panel around" aria-label=${t('view.day')}>${Array.from({ length: rows }, (_, i) => first + i).map((i) => {
    const event = model.at(i);
    return event && html`<li key=${event.id}><button aria-current=${i === index} onClick=${() => to(i)}><time>${clock(event.recorded_at)}</time><span>${headline(event)}</span><span class="soft">${plain(event.camera_id)}</span></button></li>`;
  })}</ol>`;
}

// useWants has what is around the moment loaded: the picture itself, then its neighbours, more of those that
// come next while the player runs.
function useWants(model, pictures, event, index, time, total, player) {
  useEffect(() => { model.want(time); }, [model, Math.floor(time / quarter)]);
  useEffect(() => {
    if (!event) return;
    const wanted = [event];
    const ahead = player.playing ? Math.max(12, player.speed * 2) : 4;
    for (let i = 1; i <= ahead; i++) wanted.push(model.at(index + i), !player.playing && index >= i ? model.at(index - i) : null);
    pictures.want(wanted.filter(Boolean));
    if (player.playing && index + ahead < total) model.reach(index + ahead).catch(() => {});
  }, [model, event?.id, player.playing, player.speed]);
}

// useAddress keeps the moment in the address, when the person has stopped moving.
function useAddress(moment, playing) {
  useEffect(() => {
    if (playing || !moment.id) return undefined;
    const timer = setTimeout(() => go({ at: new Date(moment.time).toISOString() }, { replace: true }), 300);
    return () => clearTimeout(timer);
  }, [moment, playing]);
}

// useWindow returns the hours that the strip shows, so that the moment is among them, and a function that moves
// them a little, to where the playhead is held.
function useWindow(start, end, zoom, time) {
  const last = useRef({});
  const [, redraw] = useReducer((n) => n + 1, 0);
  const span = zoom ? zoom * hour : end - start;
  const fit = (from) => Math.max(start, Math.min(end - span, from));
  let { from } = last.current;
  if (last.current.span !== span || time < from || time > from + span) from = fit(Math.round((time - span / 2) / 60_000) * 60_000);
  last.current = { span, from };
  const view = useMemo(() => ({ from, to: from + span }), [from, span]);
  return [view, (sign) => { last.current.from = fit(from + (sign * span) / 60); redraw(); }];
}

// useSpace lets the space bar play and pause, where it has no other meaning.
function useSpace(toggle) {
  const now = useRef();
  now.current = toggle;
  useEffect(() => {
    const press = (e) => {
      if (e.key !== ' ' || e.target.closest('button, a, input, select, textarea, dialog')) return;
      e.preventDefault();
      now.current();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

// Head says which day it is and what it had, and leads to others.
function Head({ day, today, start, end, cameras: all, quarters, to }) {
  const [choosing, choose] = useState(false);
  const firsts = all.map((c) => dayKey(c.first_event)).sort();
  const lasts = all.map((c) => dayKey(c.last_event)).sort();
  const min = firsts[0] && firsts[0] < day ? firsts[0] : day;
  const max = [today, day, lasts.at(-1) || today].sort().at(-1);
  const step = (by, name, label) => {
    const key = dayKey(startOfDay(day, by));
    const over = key < min || key > max; // then it keeps the focus that it may have
    return html`<a class="button icon-only" role="link" tabindex="0" aria-label=${label} aria-disabled=${over} href=${over ? null : href(to(key))} onClick=${over ? null : follow}><${Icon} name=${name} /></a>`;
  };
  const sum = (name) => (quarters || []).reduce((n, q) => n + q[name], 0);
  const hours = Math.round((end - start) / hour);
  return html`
    <div class="day-title">
      ${step(-1, 'left', t('day.previous'))}
      <h1>${day === today && html`<small>${t('filter.today')}</small>`}<span class="wide">${dayName(start)}</span><span class="narrow">${dayName(start, 'short')}</span></h1>
      ${step(1, 'right', t('day.next'))}
      <button class="button icon-only" aria-label=${t('day.calendar')} aria-haspopup="dialog" onClick=${() => choose(true)}><${Icon} name="calendar" /></button>
      <p class="soft day-sum">${quarters?.length ? html`<span class="wide">${t('day.events', { n: sum('count') })} · </span>${[t('day.known', { n: sum('known') }), t('day.strangers', { n: sum('strangers') }), t('day.unlocks', { n: sum('unlocks') })].map((s) => s.replaceAll(' ', '\u00a0')).join(' · ')}` : '\u00a0'}
        ${hours !== 24 && html`<strong>${t('day.change', { n: hours })}</strong>`}</p>
    </div>
    ${choosing && html`<${Calendar} ...${{ chosen: day, today, min, max }} onEnd=${(key) => { choose(false); if (key) go(to(key)); }} />`}`;
}

// Nothing says that a day is empty, and leads to the next ones that are not.
function Nothing({ start, end, to }) {
  const [near, set] = useState([]);
  useEffect(() => {
    const first = async (params) => (await get('events', { ...params, limit: 1 })).events[0];
    Promise.all([first({ until: new Date(start).toISOString() }), first({ since: new Date(end).toISOString(), oldest_first: true })]).then(set, failed);
  }, [start]);
  return html`
    <div class="empty"><p>${t('day.empty')}</p>
      <p class="day-near">${near.map((e, i) => e && html`
        <a class="button" key=${i} href=${href(to(dayKey(e.recorded_at)))} onClick=${follow}>
          ${i === 0 && html`<${Icon} name="left" />`}${shortDate(e.recorded_at)}${i === 1 && html`<${Icon} name="right" />`}
        </a>`)}</p>
    </div>`;
}
