// The calendar: a month of days with how many events each has, to choose one.
import { html, useEffect, useRef, useState } from '../ui.js';
import { get } from '../api.js';
import { t } from '../texts.js';
import { day, dayKey, month, startOfDay, weekday, weekdays, zone } from '../time.js';
import { Icon } from './icon.js';

// Keys of a date grid, and how many days and months each moves.
const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [-7, 0], ArrowDown: [7, 0], PageUp: [0, -1], PageDown: [0, 1] };

// moved returns a day some days and months later. A month that is too short for it ends with its last day.
function moved(key, days, months) {
  const d = startOfDay(key, days);
  if (!months) return dayKey(d);
  const last = new Date(d.getFullYear(), d.getMonth() + months + 1, 0);
  return dayKey(new Date(last.getFullYear(), last.getMonth(), Math.min(d.getDate(), last.getDate())));
}

// Calendar is a dialog that calls onEnd with a day from min to max, such as 2026-02-25, or with nothing.
export function Calendar({ chosen, today, min, max, onEnd }) {
  const [at, set] = useState(chosen);
  const [counts, setCounts] = useState({});
  const dialog = useRef();
  const follow = useRef(true); // whether the focus goes with the day
  const first = startOfDay(`${at.slice(0, 7)}-01`);
  const order = weekdays();
  const lead = order.indexOf(first.getDay());
  useEffect(() => { dialog.current.showModal(); }, []);
  const end = (key) => {
    dialog.current.close(); // which gives the focus back
    onEnd(key);
  };
  useEffect(() => { if (follow.current) dialog.current.querySelector('[tabindex="0"]')?.focus(); follow.current = false; }, [at]);
  useEffect(() => {
    const until = new Date(first.getFullYear(), first.getMonth() + 1, 1);
    get('timeline', { since: first.toISOString(), until: until.toISOString(), tz: zone })
      .then((days) => setCounts((all) => ({ ...all, ...Object.fromEntries(days.map((d) => [d.date, d.count])) })), () => {});
  }, [at.slice(0, 7)]);
  const go = (key) => set(key < min ? min : key > max ? max : key);
  const keys = (e) => {
    const column = (startOfDay(at).getDay() - order[0] + 7) % 7;
    const step = e.key === 'Home' ? [-column, 0] : e.key === 'End' ? [6 - column, 0] : steps[e.key];
    if (!step) return;
    e.preventDefault();
    follow.current = true;
    go(moved(at, step[0], step[1] * (e.shiftKey ? 12 : 1)));
  };
  const turn = (by, name, label) => html`
    <button class="button icon-only" aria-label=${label} disabled=${by < 0 ? at.slice(0, 7) <= min.slice(0, 7) : at.slice(0, 7) >= max.slice(0, 7)} onClick=${() => go(moved(at, 0, by))}><${Icon} name=${name} /></button>`;
  return html`
    <dialog class="calendar" ref=${dialog} aria-labelledby="calendar-month" onCancel=${(e) => { e.preventDefault(); end(); }} onClick=${(e) => e.target === dialog.current && end()}>
      <div class="calendar-top">
        ${turn(-1, 'left', t('day.monthPrevious'))}
        <h2 id="calendar-month" aria-live="polite">${month(first)}</h2>
        ${turn(1, 'right', t('day.monthNext'))}
      </div>
      <table role="grid" aria-labelledby="calendar-month" onKeyDown=${keys}>
        <thead><tr>${order.map((n) => html`<th key=${n} scope="col" abbr=${weekday(n)}>${weekday(n, 'short')}</th>`)}</tr></thead>
        <tbody>${[0, 1, 2, 3, 4, 5].map((week) => html`<tr key=${week}>
          ${order.map((_, i) => html`<${Cell} key=${i} ...${{ first, number: week * 7 + i - lead + 1, at, chosen, today, min, max, counts, end }} />`)}
        </tr>`)}</tbody>
      </table>
      <div class="actions">
        <button class="button" onClick=${() => end(today)}>${t('filter.today')}</button>
        <button class="button" onClick=${() => end()}>${t('app.close')}</button>
      </div>
    </dialog>`;
}

function Cell({ first, number, at, chosen, today, min, max, counts, end }) {
  const date = new Date(first.getFullYear(), first.getMonth(), number);
  if (date.getMonth() !== first.getMonth()) return html`<td></td>`;
  const key = dayKey(date);
  const n = counts[key];
  return html`<td role="gridcell" aria-selected=${key === chosen}>
    <button class="date" tabindex=${key === at ? 0 : -1} disabled=${key < min || key > max} aria-current=${key === today ? 'date' : null} onClick=${() => end(key)}>
      <span class="sr-only">${`${day(date)}, ${n ? t('day.events', { n }) : t('day.none')}`}</span>
      <b aria-hidden="true">${number}</b><small aria-hidden="true">${n || ''}</small>
    </button>
  </td>`;
}
