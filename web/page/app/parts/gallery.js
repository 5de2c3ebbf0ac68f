// Pictures that are loaded ahead of the moment at which they are looked at.
import { thumbnailURL } from '../api.js';

const room = 150; // pictures that are kept

// fewAtOnce returns a function that takes a list of [key, run], the most wanted first. At most so many run at
// a time. What was asked for before and has not begun is forgotten.
export function fewAtOnce(most) {
  let waiting = [];
  const running = new Set();
  const next = () => {
    while (running.size < most && waiting.length) {
      const [key, run] = waiting.shift();
      if (running.has(key)) continue;
      running.add(key);
      run().finally(() => { running.delete(key); next(); });
    }
  };
  return (jobs) => { waiting = jobs; next(); };
}

// gallery loads pictures of events and calls changed after each.
export function gallery(changed) {
  const kept = new Map(); // by the event's ID: the image, or null if there is none
  const few = fewAtOnce(2);
  const loading = new Map(); // promises of them
  const load = async (event) => {
    const image = new Image();
    image.alt = ''; // what it shows is said beside it
    image.src = thumbnailURL(event.id);
    kept.set(event.id, await image.decode().then(() => image, () => null));
    loading.delete(event.id);
    if (kept.size > room) kept.delete(kept.keys().next().value);
    changed();
    return kept.get(event.id);
  };
  const once = (event) => {
    if (!loading.has(event.id)) loading.set(event.id, load(event));
    return loading.get(event.id);
  };
  return {
    // retry forgets which pictures could not be had: the server may have been away.
    retry: () => kept.forEach((image, id) => image || kept.delete(id)),
    // want says which pictures are needed, the most urgent first.
    want: (events) => few(events.filter((e) => e.thumbnail_path && !kept.has(e.id)).map((e) => [e.id, () => once(e)])),
    // of returns the image of an event; null if it has none, undefined if it is not here yet.
    of: (event) => (event.thumbnail_path ? kept.get(event.id) : null),
    // reach is of, and loads the image if it must.
    reach: async (event) => (event.thumbnail_path && !kept.has(event.id) ? once(event) : event.thumbnail_path && kept.get(event.id)) || null,
  };
}
