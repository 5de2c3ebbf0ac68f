// Times as people read them, in the zone and the language of the browser.
import { language, t } from './texts.js';

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const formats = new Map();
// format returns a formatter, which is made once.
function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language, options));
  return formats.get(key);
}

const date = (at) => (at instanceof Date ? at : new Date(at));

const minutes = { hour: language === 'en' ? 'numeric' : '2-digit', minute: '2-digit' };
export const clock = (at) => format(minutes).format(date(at));
// day says a day, with its year unless that is this one.
export const day = (at, style = 'long') => format({ weekday: style, day: 'numeric', month: style, ...(date(at).getFullYear() !== new Date().getFullYear() && { year: 'numeric' }) }).format(date(at));
export const precise = (at) => format({ ...minutes, second: '2-digit' }).format(date(at));
export const exact = (at) => format({ dateStyle: 'full', timeStyle: 'long' }).format(date(at));
export const dateTime = (at) => format({ ...minutes, day: 'numeric', month: 'short' }).format(date(at));
export const shortDate = (at) => format({ day: 'numeric', month: 'short', year: 'numeric' }).format(date(at));
export const month = (at) => format({ month: 'long', year: 'numeric' }).format(date(at));

// dayKey returns a day as 2026-02-25, of this zone.
export function dayKey(at) {
  const d = date(at);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
}

const units = [['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60]];
let relative;
// ago says how long ago, or in how long.
export function ago(at, now = Date.now()) {
  relative ||= new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const seconds = (date(at).getTime() - now) / 1000;
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(Math.trunc(seconds / 60), 'minute');
}

// startOfDay returns when a day begins, as a Date: that of 2026-02-25 or of a Date, some days later.
export function startOfDay(at, later = 0) {
  const [year, month, day] = (typeof at === 'string' ? at : dayKey(at)).split('-').map(Number);
  return new Date(year, month - 1, day + later);
}

// dates says a day, or the days from one to another.
export const dates = (from, to) => format({ weekday: dayKey(from) === dayKey(to) ? 'short' : undefined, day: 'numeric', month: 'short', year: 'numeric' }).formatRange(from, to);

// tick says a day, week, month or year in the room that there is below a bar.
export const tick = (at, unit) => format({ year: { year: 'numeric' }, month: { month: 'short', year: 'numeric' } }[unit] || { day: 'numeric', month: 'short' }).format(at);

// Of the week: the days are 0 for Sunday to 6, as in the API.
const ofWeek = (day, hour) => new Date(Date.UTC(2023, 0, 1 + day, hour)); // 1 January 2023 was a Sunday
export const weekday = (day, style = 'long') => format({ weekday: style, timeZone: 'UTC' }).format(ofWeek(day, 0));
export const hour = (h) => format({ hour: 'numeric', timeZone: 'UTC' }).format(ofWeek(0, h)).replace(' Uhr', '');
export const hours = (h) => t('app.hours', { from: hour(h), to: hour((h + 1) % 24) });

// weekdays returns the days of the week in the order that the viewer has them.
export function weekdays() {
  const locale = new Intl.Locale(navigator.languages.find((name) => name.startsWith(language)) || language);
  const first = (locale.getWeekInfo?.() || locale.weekInfo)?.firstDay ?? (language === 'en' ? 7 : 1);
  return [0, 1, 2, 3, 4, 5, 6].map((i) => (first + i) % 7);
}

// night says whether it is usually dark at a time. Where the cameras are is not known, so the sun is not asked.
export function night(at) {
  const h = date(at).getHours();
  return h < 6 || h >= 20;
}

const lengths = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];
// span says how long something took, in its two largest units.
export function span(ms) {
  let seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [];
  for (const [unit, length] of lengths) {
    const n = Math.floor(seconds / length);
    seconds -= n * length;
    if (n || (unit === 'second' && !parts.length)) parts.push(new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(n));
  }
  return parts.slice(0, 2).join(' ');
}
