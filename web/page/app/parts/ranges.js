// The days that charts are about, and the bars that stand for them.
import { dayKey, startOfDay, weekdays } from '../time.js';

// ranges are those that have a name: how many days, today being the last. all has no beginning.
export const ranges = { 7: 7, 30: 30, 90: 90, year: 365, all: 0 };

// rangeOf returns the range of an address: its name, and its since and until, if it has those. Days of one's own
// are in from and to, both included.
export function rangeOf(place) {
  const [from, to] = ['from', 'to'].map((name) => place.get(name)).map((key) => (/^\d{4}-\d\d-\d\d$/.test(key) ? key : ''));
  if (from || to) return { name: 'own', since: from && startOfDay(to && to < from ? to : from), until: to && startOfDay(to < from ? from : to, 1) };
  const name = place.get('range') in ranges ? place.get('range') : 30;
  return { name, since: ranges[name] && startOfDay(new Date(), 1 - ranges[name]) };
}

// before returns the range of the same length that ends where a range begins; of one that goes on, as much of it
// as there has been of this one.
export function before({ since, until }) {
  const now = new Date();
  const over = until && until <= now;
  const days = Math.round(((over ? until : startOfDay(now, 1)) - since) / 86_400_000);
  const back = (at) => new Date(new Date(at).setDate(at.getDate() - days));
  return { since: back(since), until: back(over ? until : now) };
}

// units are what bars can stand for, with the name of the unit that a day belongs to.
const units = {
  day: dayKey,
  week: (at) => dayKey(startOfDay(at, -weekdays().indexOf(at.getDay()))),
  month: (at) => dayKey(at).slice(0, 7),
  year: (at) => dayKey(at).slice(0, 4),
};

// spansOf adds the days of a timeline up to spans of the shortest unit of which at most room bars are needed:
// [{unit, since, until, count, known, strangers, other}]. Days without events are in them too.
export function spansOf(timeline, { since, until }, room) {
  const now = new Date();
  const counts = new Map(timeline.map((day) => [day.date, day]));
  const last = startOfDay(timeline.at(-1).date, 1);
  const end = until && until < now ? until : new Date(Math.max(last, startOfDay(now, 1)));
  for (const [unit, nameOf] of Object.entries(units)) {
    const spans = new Map();
    for (let at = since || startOfDay(timeline[0].date); at < end; at = startOfDay(at, 1)) {
      const name = nameOf(at);
      const span = spans.get(name) || { unit, since: at, count: 0, known: 0, strangers: 0 };
      spans.set(name, span);
      span.until = startOfDay(at, 1);
      for (const field of ['count', 'known', 'strangers']) span[field] += counts.get(dayKey(at))?.[field] || 0;
      span.other = span.count - span.known - span.strangers;
    }
    if (spans.size <= room || unit === 'year') return [...spans.values()];
  }
}
