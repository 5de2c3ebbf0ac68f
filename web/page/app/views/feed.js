// The feed: what happened, newest first. Only the cards near the view are in the page, however long the list is.
import { html, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../ui.js';
import { review } from '../actions.js';
import { chipsOf, filtersOf } from '../filters.js';
import { useList } from '../feedlist.js';
import { onKeys } from '../keys.js';
import { between, dayAt, dayOf, layout, spot } from '../layout.js';
import { go, usePlace } from '../place.js';
import { grant, persons } from '../server.js';
import { plain, t } from '../texts.js';
import { day, startOfDay } from '../time.js';
import { Card, headline } from '../parts/card.js';
import { Icon } from '../parts/icon.js';
import { Lazy } from '../parts/lazy.js';

const gap = 16;
const textHeight = 6.75; // of a card below its picture, in rem
const headHeight = 3.5; // of the line with a day, in rem
const flying = 4; // px in a millisecond: a screen in a quarter of a second, when nobody can read
const nearTop = 60; // px from the top within which new events are shown at once

export function Feed() {
  const place = usePlace();
  const filters = useMemo(() => filtersOf(place), [place]);
  const list = useList(filters);
  const [sheet, setSheet] = useState(false);
  const box = useRef();
  const plan = usePlan(box, list);
  const seen = useScroll(box, list, plan);
  const keep = useFocus(box, list, plan, seen, () => setSheet(true));
  list.atTop = () => scrollY < nearTop && !document.querySelector('dialog[open]');
  const names = persons.use();
  const chosen = useMemo(() => html`<${Chosen} filters=${filters} />`, [list.key, names]);
  useEffect(() => { if (list.atTop()) list.showFresh(); }, [place, sheet]); // what came behind a dialog that is gone
  return html`
    <div class="feed">
      <h1 class="sr-only">${t('view.feed')}</h1>
      <${Bar} list=${list} plan=${plan} seen=${seen} filters=${filters} onFilter=${() => setSheet(true)} />
      ${chosen}
      <div class="list" ref=${box} style=${{ height: `${plan.height}px` }} aria-busy=${list.loading} onFocusIn=${keep.hold}>
        ${plan.width > 0 && html`<${Cards} ...${{ list, plan, seen, kept: keep.id, names }} />`}
      </div>
      <${Ending} list=${list} />
      <${News} list=${list} />
      ${sheet && html`<${Lazy} silent load=${() => import('../parts/filtersheet.js').then((m) => m.FilterSheet)} filters=${filters} onClose=${() => setSheet(false)} />`}
    </div>`;
}

// usePlan returns where all cards are, for the width that there is.
function usePlan(box, list) {
  const [size, setSize] = useState({ width: 0, rem: 16 });
  useLayoutEffect(() => {
    const measure = () => {
      const now = { width: box.current.clientWidth, rem: parseFloat(getComputedStyle(document.documentElement).fontSize) };
      setSize((old) => (old.width === now.width && old.rem === now.rem ? old : now));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    measure();
    return () => observer.disconnect();
  }, []);
  return useMemo(() => {
    const { width, rem } = size;
    const least = width > 2000 ? 340 : 264;
    const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
    const column = (width - gap * (columns - 1)) / columns;
    const row = Math.round((column * 9) / 16 + textHeight * rem) + gap;
    const n = list.events.length;
    const extra = list.error && !n ? 0 : list.next === '' ? 0 : list.next === null ? columns * 4 : columns * 3 - (n % columns);
    const open = new Uint32Array(n + 1); // how many are not reviewed above each event
    list.events.forEach((event, i) => { open[i + 1] = open[i] + (event.reviewed ? 0 : 1); });
    return { ...layout(list.events, { width, columns, gap, row, head: headHeight * rem }, extra), width, open };
  }, [list, list.version, size]);
}

// covered returns how much of the window the bars at the top cover.
const covered = (list) => {
  const bar = list.parentNode.querySelector('.feed-bar');
  return parseFloat(getComputedStyle(bar).top) + bar.offsetHeight;
};

// useScroll returns which cards are drawn (from, to) and seen (first, last), and keeps the place of the person: over
// changes of the list, and until the feed is opened again.
function useScroll(box, list, plan) {
  const [seen, set] = useState({ from: 0, to: 12, first: 0, last: 0, day: 0 });
  const restored = useRef(null);
  const settled = useRef(null);
  useLayoutEffect(() => {
    if (!plan.width) return;
    const above = box.current.offsetTop - covered(box.current); // scrollY where the first card is just below the bar
    if (restored.current !== list) {
      restored.current = list;
      scrollTo(0, list.scroll);
    } else if (list.anchor && scrollY > nearTop) {
      const moved = spot(plan, list.place(list.anchor.event)).y - list.anchor.y;
      if (Math.abs(moved) > 1) scrollBy(0, moved);
    }
    let [frame, calm, before, then] = [0, 0, scrollY, performance.now()];
    const look = () => {
      frame = 0;
      const top = scrollY - above;
      const now = performance.now();
      const fast = Math.abs(scrollY - before) > flying * (now - then);
      [before, then] = [scrollY, now];
      const [first] = between(plan, top + plan.row / 3, top);
      const [, last] = between(plan, top, top + innerHeight - covered(box.current) - plan.row / 3);
      // At first what is in view, so that it is there soon.
      const [behind, ahead] = settled.current === list ? [0.7, 1.5] : [0, 1];
      const [from, to] = between(plan, top - innerHeight * behind, top + innerHeight * ahead);
      const next = { from, to, first, last: Math.min(last, list.events.length), day: dayAt(plan.days, top + 4), fast };
      set((old) => (Object.keys(next).every((name) => old[name] === next[name]) ? old : next));
      const event = list.events[first];
      list.anchor = event && { event, y: spot(plan, first).y };
      list.scroll = scrollY;
      if (scrollY < 2 && list.atTop()) list.showFresh();
      if (!list.error && settled.current === list && to > list.events.length - plan.columns * 12) list.more();
      clearTimeout(calm);
      if (fast) calm = setTimeout(look, 120);
    };
    const onScroll = () => { frame ||= requestAnimationFrame(look); };
    addEventListener('scroll', onScroll, { passive: true });
    addEventListener('resize', onScroll, { passive: true });
    look();
    const settle = list.events.length && settled.current !== list && setTimeout(() => { settled.current = list; look(); }, 300);
    return () => {
      clearTimeout(settle);
      removeEventListener('scroll', onScroll);
      removeEventListener('resize', onScroll);
      cancelAnimationFrame(frame);
      clearTimeout(calm);
    };
  }, [list, plan]);
  return seen;
}

// useFocus has keys move from card to card. The card that has the focus stays in the page when it is scrolled away.
function useFocus(box, list, plan, seen, openFilters) {
  const [id, setId] = useState(null);
  const now = useRef();
  now.current = { plan, seen };
  const hold = useCallback((e) => setId(e.target.closest('[data-id]')?.dataset.id ?? null), []);
  const move = (step) => {
    const { plan, seen } = now.current;
    const event = list.shown.get(focused());
    const index = event ? list.place(event) + step : seen.first;
    const next = list.events[Math.max(0, Math.min(index, list.events.length - 1))];
    if (!next) return;
    const top = box.current.offsetTop + spot(plan, list.place(next)).y;
    const bar = covered(box.current) + 12;
    if (top < scrollY + bar) scrollTo(0, top - bar);
    else if (top + plan.row > scrollY + innerHeight - 80) scrollTo(0, top + plan.row - innerHeight + 80);
    setId(next.id);
    cardLink(next.id)?.focus({ preventScroll: true });
  };
  useLayoutEffect(() => {
    if (id && focused() !== id && !document.querySelector('dialog[open]')) cardLink(id)?.focus({ preventScroll: true });
  }, [id]);
  useEffect(() => onKeys({
    j: () => move(1),
    k: () => move(-1),
    r: () => {
      const event = list.shown.get(focused());
      if (event && !event.reviewed && grant().write) review(event.id); // the undo of another would take its mark
    },
    '/': openFilters,
  }), [list]);
  return { id, hold };
}

const focused = () => document.activeElement?.closest('.card')?.dataset.id;
const cardLink = (id) => document.querySelector(`.card[data-id="${CSS.escape(id)}"] a`);

function Cards({ list, plan, seen, kept, names }) {
  const drawn = [];
  const { events } = list;
  const held = kept && list.shown.get(kept);
  const heldAt = held ? list.place(held) : -1;
  if (heldAt >= 0 && heldAt < seen.from) drawn.push(heldAt);
  for (let i = seen.from; i < seen.to; i++) drawn.push(i);
  if (heldAt >= seen.to && heldAt < events.length) drawn.push(heldAt);
  const out = [];
  let today = null;
  for (const i of drawn) {
    const at = spot(plan, i);
    const event = events[i];
    if (event && event.day !== today) {
      today = event.day;
      out.push(html`<${Heading} key=${today} of=${dayOf(plan.days, i)} list=${list} />`);
    }
    out.push(html`<${Cell} key=${event ? event.id : i} event=${event} x=${at.x} y=${at.y} width=${plan.column} height=${plan.row - gap} eager=${i < 12} fast=${seen.fast} names=${names} />`);
  }
  return out;
}

// Heading says the day. That of the first is in the bar, and here for a screen reader.
function Heading({ of, list }) {
  const text = day(startOfDay(of.day));
  if (!of.start) return html`<h2 class="sr-only">${text}</h2>`;
  const whole = of.end < list.events.length || list.next === '';
  return html`
    <h2 class="day-head" style=${{ transform: `translateY(${of.top}px)` }}>
      ${text}${whole && html`<span class="soft"> · ${t('feed.count', { n: of.end - of.start })}</span>`}
    </h2>`;
}

// Cell is the place of a card. While the list flies by, nobody can read a card, and there is only its outline.
function Cell({ event, x, y, width, height, eager, fast, names }) {
  const full = useRef(false);
  full.current ||= !fast;
  const card = useMemo(() => (!event ? html`<${Blank} />` : full.current ? html`<${Card} event=${event} eager=${eager} />` : html`<div class="blank"></div>`), [event, eager, names, full.current]);
  return html`<div class="cell" style=${{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}>${card}</div>`;
}

const Blank = () => html`<div class="blank" aria-hidden="true"><div class="picture skeleton"></div><div class="card-text"><span class="skeleton"></span><span class="skeleton"></span></div></div>`;

// Bar stays above the list: which day that is, and what can be done.
function Bar({ list, plan, seen, filters, onFilter }) {
  const of = plan.days[Math.min(seen.day, plan.days.length - 1)];
  const whole = of.end < list.events.length || list.next === '';
  const chosen = chipsOf(filters).length;
  const jump = (e) => {
    const to = startOfDay(e.target.value || of.day, 1);
    if (to.getFullYear() > 1970) go({ until: to.toISOString() });
  };
  const open = plan.open[Math.min(seen.last, list.events.length)] || 0;
  const mark = t('feed.review', { n: open });
  const markAll = () => review(list.events.slice(0, seen.last).filter((e) => !e.reviewed).map((e) => e.id));
  return html`
    <div class="feed-bar">
      <div class="jump">
        <${Icon} name="calendar" />
        <span class="jump-day">${of.day ? day(startOfDay(of.day), plan.width < 560 ? 'short' : 'long') : t(list.loading ? 'app.loading' : 'feed.jump')}</span>
        ${of.day && whole && html`<span class="soft count">${t('feed.count', { n: of.end - of.start })}</span>`}
        <input type="date" aria-label=${t('feed.jump')} value=${of.day} onChange=${jump} onClick=${(e) => picker(e.target)} />
      </div>
      ${list.fresh.length > 0 && html`
        <button class="button primary small pill" onClick=${() => { scrollTo({ top: 0 }); list.showFresh(); }}><${Icon} name="up" />${t('feed.new', { n: list.fresh.length })}</button>`}
      ${grant().write && open > 0 && html`
        <button class="button review" aria-label=${mark} title=${`${mark}. ${t('feed.reviewHint')}`} onClick=${markAll}><${Icon} name="check" /><span class="short">${open}</span><span class="long">${mark}</span></button>`}
      <button class="button filter" aria-haspopup="dialog" aria-keyshortcuts="/" onClick=${onFilter}>
        <${Icon} name="filter" /><span class="word">${t('feed.filter')}</span>
        ${chosen > 0 && html`<span class="badge" aria-hidden="true">${chosen}</span><span class="sr-only">, ${t('feed.filtered', { n: chosen })}</span>`}
      </button>
    </div>`;
}

// picker opens the calendar of a field with a date, where a browser lets a page do that.
function picker(input) {
  try {
    input.showPicker();
  } catch {
    // The field can be typed into.
  }
}

// What people ask for most, with one tap. Nobody is a person that is known and a stranger as well.
const quick = [
  ['filter.strangers', { stranger: 'true', label: 'person' }, { person: null }],
  ['type.ding', { type: 'ding' }],
  ['door.unlocked', { door: 'unlocked' }],
  ['filter.not_reviewed', { reviewed: 'false' }],
];

// Chosen is a line with what is filtered by, each with a way to take it away, and with what people ask for most.
function Chosen({ filters }) {
  const line = useRef();
  const inQuick = new Set();
  const buttons = quick.map(([text, names, others]) => {
    const on = Object.entries(names).every(([name, value]) => filters.getAll(name).join() === value);
    if (on) Object.entries(names).forEach((pair) => inQuick.add(pair.join('=')));
    const none = Object.fromEntries(Object.keys(names).map((name) => [name, null]));
    return html`<button class="button small" key=${text} aria-pressed=${on} onClick=${() => go(on ? none : { ...names, ...others })}>${t(text)}</button>`;
  });
  const chips = chipsOf(filters).filter(({ key }) => !inQuick.has(key));
  useLayoutEffect(() => { line.current.scrollLeft = 0; }, [chips.length]);
  return html`
    <div class="chosen" ref=${line} role="group" aria-label=${t('feed.filter')}>
      ${chips.map(({ key, text, without }) => html`
        <button class="button small on" key=${key} aria-label=${t('feed.without', { what: text })} onClick=${() => go(without)}>${text}<${Icon} name="close" /></button>`)}
      ${chips.length > 1 && html`<${Clear} filters=${filters} />`}
      ${buttons}
    </div>`;
}

const Clear = ({ filters }) => html`<button class="button small quiet" onClick=${() => go(Object.fromEntries([...filters.keys()].map((name) => [name, null])))}>${t('feed.clear')}</button>`;

// why says what is wrong with the filters of the address.
const why = ({ problem, message }) => (problem?.field ? `${problem.field}: ${problem.reason || message}` : message);

// Ending is what is below the cards.
function Ending({ list }) {
  const { error, events } = list;
  if (error?.status === 400) return html`<div class="empty" role="alert"><p>${t('feed.wrong', { why: why(error) })}</p><${Clear} filters=${new URLSearchParams(list.key)} /></div>`;
  if (error) return html`<div class="empty" role="alert"><p>${t('app.failed', { why: error.message })}</p><button class="button" onClick=${() => list.retry()}>${t('app.retry')}</button></div>`;
  if (list.next !== '') return null;
  if (events.length) return html`<p class="empty" key=${events.length}>${t('feed.end')}</p>`; // put anew, so that a row that comes moves nothing that was read
  if (!list.key) return html`<div class="empty"><h2>${t('feed.none')}</h2><p>${t('feed.noneText')}</p></div>`;
  return html`<div class="empty"><h2>${t('feed.noMatch')}</h2><p>${t('feed.noMatchText')}</p><${Clear} filters=${new URLSearchParams(list.key)} /></div>`;
}

// News tells a screen reader of new events, and not more often than it can say.
function News({ list }) {
  const [text, set] = useState('');
  useEffect(() => {
    let [waiting, timer] = [[], 0];
    list.onNew = (event) => {
      waiting.push(event);
      timer ||= setTimeout(() => {
        const [first] = waiting;
        set(waiting.length > 1 ? t('feed.newMany', { n: waiting.length }) : t('feed.newAt', { who: headline(first), camera: plain(first.camera_id) }));
        [waiting, timer] = [[], 0];
      }, 700);
    };
    return () => {
      list.onNew = () => {};
      clearTimeout(timer);
    };
  }, [list]);
  return html`<p class="sr-only" role="status">${text}</p>`;
}
