// The events of a day in order, read in parts when they are needed: the quarter hours say how many there are
// and where, so a day of thousands is not read to look at one of them.
import { get } from '../api.js';
import { fewAtOnce } from './gallery.js';

export const quarter = 900_000; // ms
const most = 200; // events in a part, unless a quarter hour alone has more

export const timeOf = (event) => (event.time ??= Date.parse(event.recorded_at));

// dayEvents returns the events behind quarter hours, of one camera or of all. What old, the same of before, has
// read already is not read again. changed is called when events have come.
export function dayEvents(quarters, camera, old, changed) {
  const parts = partsOf(quarters, camera);
  const before = old ? old.loaded().filter((e) => !camera || e.camera_id === camera) : [];
  for (const part of parts) {
    const events = before.filter((e) => timeOf(e) >= part.since && timeOf(e) < part.until);
    if (events.length === part.count) part.events = events;
  }
  const few = fewAtOnce(2);
  const read = (part) => (part.reading ||= readPart(part, camera).then((events) => { part.events = events; changed(); }).finally(() => { part.reading = null; }));
  const count = (part) => part.events?.length ?? part.count;
  const place = (index) => {
    for (const part of parts) {
      if (index < count(part)) return [part, index];
      index -= count(part);
    }
    return [];
  };
  return {
    total: () => parts.reduce((n, part) => n + count(part), 0),
    loaded: () => parts.flatMap((part) => part.events || []),

    // at returns an event by its place in the day; null if it is not read yet. reach reads it then.
    at: (index) => {
      const [part, i] = place(index);
      return part?.events?.[i] || null;
    },
    async reach(index) {
      const [part, i] = place(index);
      if (part && !part.events) await read(part);
      return part?.events[i] || null;
    },

    indexOf(event) {
      let before = 0;
      for (const part of parts) {
        const i = part.events ? part.events.findIndex((e) => e.id === event.id) : -1;
        if (i >= 0) return before + i;
        before += count(part);
      }
      return -1;
    },

    // nearest returns the event that is nearest to a time, of those that have been read.
    nearest(time) {
      let best = null;
      for (const part of parts) {
        for (const e of part.events || []) {
          if (!best || Math.abs(timeOf(e) - time) < Math.abs(timeOf(best) - time)) best = e;
        }
      }
      return best;
    },

    // want reads what is around a time, the nearest first.
    want(time) {
      const far = (part) => Math.max(part.since - time, time - part.until, 0);
      const near = [...parts].sort((a, b) => far(a) - far(b)).slice(0, 3);
      few(near.filter((part) => !part.events).map((part) => [part.since, () => read(part).catch(() => {})]));
    },

    // put replaces an event, and drop takes one away.
    put: (event) => parts.forEach((part) => { part.events &&= part.events.map((e) => (e.id === event.id ? event : e)); }),
    drop: (id) => parts.forEach((part) => { part.events &&= part.events.filter((e) => e.id !== id); }),
  };
}

// partsOf puts quarter hours that follow each other together.
function partsOf(quarters, camera) {
  const counts = new Map();
  for (const q of quarters) {
    const at = Date.parse(q.start);
    if (!camera || q.camera_id === camera) counts.set(at, (counts.get(at) || 0) + q.count);
  }
  const parts = [];
  for (const [at, count] of [...counts].sort(([a], [b]) => a - b)) {
    const last = parts.at(-1);
    if (last && last.count + count <= most) Object.assign(last, { until: at + quarter, count: last.count + count });
    else parts.push({ since: at, until: at + quarter, count, events: null });
  }
  return parts;
}

async function readPart({ since, until }, camera) {
  const iso = (ms) => new Date(ms).toISOString();
  const params = { since: iso(since), until: iso(until), camera, oldest_first: true, limit: 1000 };
  const events = [];
  for (let cursor = ''; ;) {
    const page = await get('events', { ...params, cursor });
    events.push(...page.events);
    if (!(cursor = page.next)) return events;
  }
}
