// What in the door log is to be looked at, and why. Nothing here reads or draws anything.
import { dayKey } from './time.js';

// limits are what "unusual" means; the page says the same in words.
export const limits = {
  days: 60, // of the past that say what is usual
  least: 2, // on so many other days the door was unlocked at about that hour, if it is usual
  known: 5, // days that must be known of somebody before an hour can be unusual
  minutes: 10, // after a refusal
};

export const actions = ['unlocked', 'locked', 'failed', 'jammed', 'opened', 'closed'];

const household = '';

// habits returns, by person and for the household, on which days and at which hours of these days somebody known
// unlocked the door.
export function habits(events) {
  const all = new Map();
  for (const e of events) {
    if (e.door_action !== 'unlocked' || !e.person_name) continue;
    const at = new Date(e.recorded_at);
    for (const who of [e.person_name, household]) {
      if (!all.has(who)) all.set(who, { days: new Set(), hours: Array.from({ length: 24 }, () => new Set()) });
      const habit = all.get(who);
      habit.days.add(dayKey(at));
      habit.hours[at.getHours()].add(dayKey(at));
    }
  }
  return all;
}

// unusual says whether nobody would expect an unlock at that hour: the person has hardly been there at about that
// hour. Of a person of whom little is known, the hours of the household count.
function unusual(event, known) {
  const enough = (habit) => habit && habit.days.size >= limits.known;
  const habit = [known.get(event.person_name || household), known.get(household)].find(enough);
  if (!habit) return false;
  const at = new Date(event.recorded_at);
  const days = new Set();
  for (const hour of [23, 24, 25]) habit.hours[(at.getHours() + hour) % 24].forEach((day) => days.add(day));
  days.delete(dayKey(at));
  return days.size < limits.least;
}

// reasons returns why an event is to be looked at: jammed, nobody, after, hour. known is of habits; refusals are
// events in which the door refused somebody.
export function reasons(event, known, refusals) {
  if (event.door_action === 'jammed') return ['jammed'];
  if (event.door_action !== 'unlocked') return [];
  const at = Date.parse(event.recorded_at);
  const refused = (r) => r.camera_id === event.camera_id && Date.parse(r.recorded_at) <= at && at - Date.parse(r.recorded_at) <= limits.minutes * 60_000;
  return [!event.person_name && 'nobody', refusals.some(refused) && 'after', unusual(event, known) && 'hour'].filter(Boolean);
}

// asked returns the parameters of GET /v1/events that the address of the door log means. Its own are:
//
//   days       so many days up to now: 7 if nothing else is said, or all
//   from, to   days such as 2026-02-25, both of them in the range
//   look       1: only what stands out; that is decided here, not by the server
export function asked(place, now = new Date()) {
  const midnight = (text, more) => {
    const [year, month, day] = text.split('-').map(Number);
    const at = new Date(year, month - 1, day + more);
    return Number.isNaN(at.getTime()) ? null : at.toISOString();
  };
  const door = place.get('door');
  const query = { door: actions.includes(door) ? [door] : actions, person: place.get('person'), stranger: place.get('stranger') && 'true' };
  const [from, to] = [place.get('from'), place.get('to')];
  if (from || to) return { ...query, since: from && midnight(from, 0), until: to && midnight(to, 1) };
  const days = place.get('days') || '7';
  return { ...query, since: days === 'all' ? null : midnight(dayKey(now), 1 - (Number(days) || 7)), until: null };
}

// fits says whether an event is among those that a query asks for.
export function fits(event, query) {
  const at = Date.parse(event.recorded_at);
  return query.door.includes(event.door_action)
    && (!query.person || event.person_name === query.person) && (!query.stranger || !event.person_name)
    && (!query.since || at >= Date.parse(query.since)) && (!query.until || at < Date.parse(query.until));
}

// placed returns a list, newest first, with an event in its place; without it if it is null.
export function placed(list, id, event) {
  const rest = list.filter((e) => e.id !== id);
  if (!event) return rest;
  const at = rest.findIndex((e) => e.id < id);
  return at < 0 ? [...rest, event] : [...rest.slice(0, at), event, ...rest.slice(at)];
}
