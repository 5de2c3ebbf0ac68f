// The events beside an open one, in the order of the feed and with its filters, whether the feed has them or not.
import { useEffect, useRef, useState } from './ui.js';
import { get, thumbnailURL } from './api.js';
import { queryOf } from './filters.js';
import { subscribe, useConnection } from './live.js';

const names = ['camera', 'type', 'door', 'method', 'person', 'label', 'min_confidence', 'stranger', 'unlock_granted', 'alert_sent',
  'has_thumbnail', 'pinned', 'reviewed', 'attribute', 'recording_id', 'since', 'until', 'hours', 'weekday', 'tz'];
const actions = ['unlocked', 'locked', 'failed', 'jammed', 'opened', 'closed'];

// asked returns what the list below the event asks the API for. What a view keeps of its own in the address is left
// out; the door log is about what the door did.
export function asked(place) {
  const query = queryOf(new URLSearchParams([...place].filter(([name]) => names.includes(name))));
  if (place.get('view') === 'doors' && !query.has('door')) actions.forEach((action) => query.append('door', action));
  return query;
}

// orderOf returns a text by which events sort as in the feed, the oldest first.
export const orderOf = (e) => e.recorded_at.replace(/(\.\d+)?Z$/, (_, fraction = '.') => fraction.padEnd(10, '0')) + e.id;

const few = 12; // events that are read at once on a side

// beside reads the next events on one side of an event, the nearest first.
async function beside(event, query, newer, signal) {
  const at = new Date(event.recorded_at).getTime();
  const asked = new URLSearchParams(query);
  const name = newer ? 'since' : 'until';
  const given = Date.parse(asked.get(name));
  // Events of the same millisecond are asked for too, because the order among them is that of their IDs.
  if (!(newer ? given > at : given <= at)) asked.set(name, new Date(newer ? at : at + 1).toISOString());
  if (newer) asked.set('oldest_first', 'true');
  asked.set('limit', few);
  const { events } = await get('events', asked, signal);
  const own = orderOf(event);
  return events.filter((e) => (newer ? orderOf(e) > own : orderOf(e) < own));
}

const preload = (e) => { if (e?.thumbnail_path) new Image().src = thumbnailURL(e.id); };

// useNeighbours returns {newer, older, step}. newer and older are the events before and after one in the feed;
// null if there is none, and undefined while that is not known; they are those of now, whenever they are read. step('newer') or step('older') returns that one
// and makes it the one in the middle. Their pictures are loaded ahead.
export function useNeighbours(event, query) {
  const known = useRef({}).current; // {of, key, newer, older}: lists on both sides, the nearest first
  const [, draw] = useState(0);
  const key = query.toString();
  const { state } = useConnection(); // what failed is asked again when the server is back
  if (event && (known.of !== event.id || known.key !== key)) Object.assign(known, { of: event.id, key, newer: undefined, older: undefined });
  useEffect(() => {
    if (!event) return undefined;
    const stop = new AbortController();
    for (const side of ['newer', 'older'].filter((name) => !(known[name]?.length > 2))) {
      beside(event, query, side === 'newer', stop.signal).then((events) => {
        if (known.of !== event.id) return;
        known[side] = events;
        events.slice(0, 2).forEach(preload);
        draw((n) => n + 1);
      }, () => {});
    }
    return () => stop.abort();
  }, [event?.id, key, known.stale, state]);
  useEffect(() => subscribe((change) => {
    known.newer = merge(known.newer, change);
    known.older = merge(known.older, change);
    // An event that was written meanwhile may be beside this one.
    if (change.op === 'reset' || (change.op === 'created' && known.newer && known.newer.length < 3)) known.stale = {};
    draw((n) => n + 1);
  }), []);
  return {
    get newer() { return nearest(known.newer); },
    get older() { return nearest(known.older); },
    step: (side, keep) => step(known, event, side, keep),
  };
}

const nearest = (list) => list && (list[0] || null);

// merge applies a change to the events of a side.
function merge(list, change) {
  if (!list || !change.id) return list;
  if (change.op === 'deleted') return list.filter((e) => e.id !== change.id);
  return change.event ? list.map((e) => (e.id === change.id ? change.event : e)) : list;
}

// step is that of useNeighbours. Without keep it leaves out the event that was in the middle, which is deleted.
function step(known, event, side, keep) {
  const other = side === 'newer' ? 'older' : 'newer';
  const [to, ...rest] = known[side];
  known.of = to.id;
  known[side] = rest.length ? rest : undefined;
  if (keep && known[other]) known[other] = [event, ...known[other]].slice(0, 50);
  preload(rest[1]);
  return to;
}
